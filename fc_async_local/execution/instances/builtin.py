# SPDX-License-Identifier: MIT
"""Instances of built-in runtimes: frames over a socket to a worker process.

The worker (``worker/instance.py``, ``worker/bootstrap.js``) implements the contract of handlers:
arguments, results and errors. This side sends calls and hooks and writes the marks that built-in
runtimes write to the log.
"""

from __future__ import annotations

import abc
import asyncio
import itertools
import logging
import sys
import sysconfig
from pathlib import Path
from socket import MSG_PEEK
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from fc_async_local.execution.instances.call import Call
from fc_async_local.execution.instances.instance import Instance
from fc_async_local.execution.instances.replies import Ending, Reply, document
from fc_async_local.execution.machine import interpreters
from fc_async_local.execution.machine.identity import fixed_context, inherited_environment
from fc_async_local.execution.notices import warn_once
from fc_async_local.execution.worker import frames
from fc_async_sdk.spec import runtimes
from fc_async_sdk.spec.function_errors import HANDLED, INITIALIZATION, UNHANDLED

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Sequence

    from fc_async_local.execution.instances.debugging import Debugger
    from fc_async_local.execution.instances.forkserver import ForkServer, ForkServers
    from fc_async_local.execution.instances.instance import Common
    from fc_async_local.execution.machine.paths import Folders
    from fc_async_local.execution.protocol import Attempt, Deployment

_LOG: Final = logging.getLogger(__name__)

_NODE_BOOTSTRAP: Final = Path(__file__).parents[1] / "worker" / "bootstrap.js"
# Removed from the environment before user code runs.
_SOCKET_VARIABLE: Final = "FC_WORKER_SOCKET"
_FUNCTION_VARIABLE: Final = "FC_WORKER_FUNCTION"
_OLDEST_PYTHON: Final = (3, 10)
"""The oldest version that fc-async runs on."""
_QUIET_INSPECTOR: Final = ("--inspect-publish-uid=http",)
"""The debugger of node writes its own port to stderr otherwise, which no client uses here."""
_READ: Final = 256 * 1024
_START: Final = 0  # key of the answer after loading, to which no request belongs


class _Answer(msgspec.Struct):
    """The answer of a worker to a call; other members are ignored."""

    id: int
    ok: bool
    peak_kb: int = 0
    handled: bool = False
    last: bool = False  # the worker ends and must not be called again
    debug_port: int = 0  # where its debugger listens
    missing: list[str] = []  # modules that the function imports and lacks on the service


_decode: Final = msgspec.json.Decoder(_Answer).decode


class FramedInstance(Instance):
    """A worker process that exchanges frames with this process over a socket."""

    def __init__(
        self, deployment: Deployment, common: Common, debugger: Debugger | None = None
    ) -> None:
        super().__init__(deployment, common, debugger)
        self._keys = itertools.count(_START + 1)
        self._waiting: dict[int, Call] = {}
        self._splitter = frames.Splitter()
        self._unsent = bytearray()
        self._flushing = False
        self._undelivered: list[Call] = []  # of whose frames no byte was sent
        self._sock: socket.socket | None = None
        self.debug_port = 0

    def _fork_server(self, servers: ForkServers, folders: Folders) -> ForkServer:  # noqa: ARG002 -- for interpreters of functions
        """Return the fork server that forks the worker."""
        return servers.of()

    @abc.abstractmethod
    def _first_frame(self, folders: Folders) -> dict[str, Any]:
        """Return the first frame, which says what the fork becomes."""

    async def _start(self, servers: ForkServers, folders: Folders, first: Attempt) -> Reply | None:
        """Start the worker, let it load the handler and run the initializer."""
        process = await self._spawn(self._fork_server(servers, folders))
        self._sock = process.sock
        asyncio.get_running_loop().add_reader(process.sock.fileno(), self._on_readable)
        load = Call(first)
        self._waiting[_START] = load
        self._calls.add(load)
        self._write(frames.encode(self._first_frame(folders)))
        limit = round(self._common.bounds.start_seconds * 1000)
        reply = await self._until(load, limit, "Function instance start")
        if reply.ending is not Ending.RETURNED:
            return reply
        if not self.deployment.initializer:
            return None
        self.drain_log()
        self._mark(f"FC Initialize Start RequestId: {first.request_id}")
        call = Call(first)
        self._send("initialize", call)
        limit = self.deployment.initializer_timeout_ms
        reply = await self._until(call, limit, "Function initialization")
        self.drain_log()
        failed = reply.ending is not Ending.RETURNED
        suffix = ", Error: Unhandled function error" if failed else ""
        self._mark(f"FC Initialize End RequestId: {first.request_id}{suffix}")
        return replace(reply, error_type=INITIALIZATION) if failed else None

    def submit(self, call: Call) -> None:
        """Send a call to the worker."""
        self._mark(f"FC Invoke Start RequestId: {call.attempt.request_id}")
        self._send("invoke", call, call.attempt.payload)

    async def before_stop(self, attempt: Attempt) -> None:
        """Run the pre-stop hook within its time."""
        call = Call(attempt)
        self._send("pre_stop", call)
        await self._until(call, self.deployment.pre_stop_timeout_ms, "Function pre-stop")

    def _function(self) -> dict[str, Any]:
        """Return what a worker needs to know of the function."""
        deployment = self.deployment
        return {
            "handler": deployment.handler,
            "initialize": deployment.initializer,
            "pre_stop": deployment.pre_stop,
            "concurrency": self.capacity,
            "debug": self.debugger is not None,
            "context": fixed_context(deployment, self._common.identity),
        }

    async def _until(self, call: Call, limit_ms: int, step: str) -> Reply:
        """Wait for the reply; after ``limit_ms`` the instance is killed and has failed."""
        done, _ = await asyncio.wait({call.done}, timeout=limit_ms / 1000)
        # A breakpoint of the editor may hold the function: the limit begins again.
        while not done and self.debugger is not None and self.debugger.attached:
            done, _ = await asyncio.wait({call.done}, timeout=limit_ms / 1000)
        if done:
            reply = call.done.result()
            if reply.ending is not Ending.UNDELIVERED:
                return reply
            # A hook is not sent again: it belongs to this instance.
            await self.gone()
            return self._calls.reply_at_end or Reply(Ending.EXITED)
        text = f"{step} timed out after {limit_ms / 1000:g} seconds"
        self.kill(Ending.TIMED_OUT)
        await self.gone()
        return Reply(Ending.FAILED, document(text), UNHANDLED)

    def _send(self, op: str, call: Call, payload: bytes = b"") -> None:
        if self.dead:
            call.end(Reply(Ending.UNDELIVERED))
            return
        key = next(self._keys)
        self._waiting[key] = call
        self._calls.add(call)
        self._undelivered.append(call)
        attempt = call.attempt
        meta = {
            "op": op,
            "id": key,
            "request_id": attempt.request_id,
            "retry_count": attempt.number,
            "qualifier": attempt.qualifier,
        }
        self._write(frames.join(msgspec.json.encode(meta), payload))

    def _end_mark(self, attempt: Attempt, *, failed: bool) -> None:
        suffix = ", Error: Unhandled function error" if failed else ""
        self._mark(f"FC Invoke End RequestId: {attempt.request_id}{suffix}")

    def _mark(self, text: str) -> None:
        self.output.log.feed(text.encode() + b"\n")

    # --- the socket ---

    def _write(self, data: bytes) -> None:
        """Send data at the end of this iteration of the loop, together with later data."""
        self._unsent += data
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if self._sock is None:
            return
        loop = asyncio.get_running_loop()
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._unsent.clear()
            self._give_back()
            self.kill()
            return
        if sent:
            self._undelivered.clear()
        del self._unsent[:sent]
        if self._unsent:
            loop.add_writer(self._sock.fileno(), self._flush)
        else:
            loop.remove_writer(self._sock.fileno())
            self._flushing = False

    def _give_back(self) -> None:
        """End the calls that the worker cannot have received."""
        for call in self._undelivered:
            self._calls.finish(call, Reply(Ending.UNDELIVERED))
        self._undelivered.clear()

    def _on_readable(self) -> None:
        if not self._receive() and self._sock is not None:
            # Closed, or user code wrote to it: its frames can no longer be read.
            asyncio.get_running_loop().remove_reader(self._sock.fileno())
            self.kill()

    def _receive(self) -> bool:
        """Read once; return False at the end of the stream or if it is broken."""
        if self._sock is None:
            return False
        try:
            data = self._sock.recv(_READ)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        # Workers flush before they answer, so the output of a call is in the pipe by now.
        self.drain_log()
        try:
            for meta, body in self._splitter.feed(data):
                self._on_answer(_decode(meta), body)
        except (frames.BrokenFrame, msgspec.DecodeError, RecursionError):
            return False
        return True

    def _on_answer(self, answer: _Answer, body: bytes) -> None:
        call = self._waiting.pop(answer.id, None)
        if call is None:
            return  # the caller no longer waits, or user code invented the answer
        self.debug_port = answer.debug_port or self.debug_port
        if answer.missing:
            self._on_missing(answer.missing)
        ending = Ending.RETURNED if answer.ok else Ending.FAILED
        error_type = HANDLED if answer.handled else UNHANDLED
        self._calls.finish(call, Reply(ending, body, error_type, answer.peak_kb))
        if answer.last:
            self.kill()

    def _on_missing(self, modules: list[str]) -> None:
        """Report modules; only workers of Python send any."""

    def _read_rest(self) -> None:
        sock = self._sock
        if sock is None:
            return
        while self._pending() and self._receive():
            pass
        self._give_back()
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock.fileno())
        loop.remove_writer(sock.fileno())
        self._sock = None

    def _pending(self) -> bool:
        if self._sock is None:
            return False
        try:
            return bool(self._sock.recv(1, MSG_PEEK))
        except OSError:
            return False


class PythonInstance(FramedInstance):
    """One Python worker.

    It runs on the interpreter of this runtime. Code with packages that were compiled for the
    version of the function's runtime, which another version cannot load, runs on that version, if
    this machine has it.
    """

    _import_rules: dict[str, Any] | None = None
    _led: dict[str, str]
    _python = sys.executable

    async def _start(self, servers: ForkServers, folders: Folders, first: Attempt) -> Reply | None:
        function, runtime = self.deployment.function, self.deployment.runtime
        choice = function, runtime, folders.all(), self.debugger is not None
        self._python = await asyncio.to_thread(python_of, *choice)
        self._import_rules = await self._common.imports.of(self.deployment, folders.code)
        self._led = await self._common.proxy.environment()
        return await super()._start(servers, folders, first)

    def _fork_server(self, servers: ForkServers, folders: Folders) -> ForkServer:
        return servers.of(self._python, folders.mounts)

    def _on_missing(self, modules: list[str]) -> None:
        self._common.imports.report(self.deployment, modules)

    def _first_frame(self, folders: Folders) -> dict[str, Any]:
        return {
            "kind": "python",
            "folder": str(folders.code),
            "environment": {**self._led, **self._environment(folders)},
            "imports": self._import_rules,
            "packages": [] if self._python == sys.executable else _packages(),
            **self._function(),
        }


class NodeInstance(FramedInstance):
    """One Node worker: the Node of its runtime's version, else the one on the PATH."""

    _command: Sequence[str] = ()

    async def _start(self, servers: ForkServers, folders: Folders, first: Attempt) -> Reply | None:
        node = await asyncio.to_thread(node_of, self.deployment.runtime)
        command = [node, *_QUIET_INSPECTOR, str(_NODE_BOOTSTRAP)]
        self._command = await self._placed(command, folders, inherited_environment())
        return await super()._start(servers, folders, first)

    def _first_frame(self, folders: Folders) -> dict[str, Any]:
        function = msgspec.json.encode(self._function()).decode()
        return {
            "kind": "command",
            "folder": str(folders.code),
            "command": self._command,
            "environment": {**self._environment(folders), _FUNCTION_VARIABLE: function},
            "socket_variable": _SOCKET_VARIABLE,
        }


def python_of(function: str, runtime: str, folders: Iterable[Path], debugged: bool) -> str:  # noqa: FBT001 -- of one call
    """Return the Python that runs a function; log once which one it is if the version differs.

    It blocks.

    Args:
        function: The function.
        runtime: Its runtime.
        folders: Its code and its layers.
        debugged: Whether it is debugged. A debugger must be installed for the interpreter, which is
            known of this one only.
    """
    asked, running = runtimes.python_version(runtime), sys.version_info[:2]
    if asked == running:
        return sys.executable
    version, shown = (".".join(map(str, numbers)) for numbers in (asked, running))
    if not interpreters.have_packages_for(*asked, folders):
        text = f"{runtime} functions run on Python {shown}, the interpreter of this runtime"
        nearest = max(asked, _OLDEST_PYTHON)
        if nearest != running:
            which = "another" if nearest == asked else "the nearest one"
            version = ".".join(map(str, nearest))
            text += f"; for {which}, install fc-async into an environment of Python {version}"
        warn_once(_LOG, text)
        return sys.executable
    interpreter = None
    if asked >= _OLDEST_PYTHON and not debugged:
        interpreter = interpreters.find_python(version)
    text = f"{function} has packages that were built for Python {version}: Python {shown}, on "
    text += "which it runs here, cannot load them"
    if interpreter is not None:
        text = f"{function} runs on {interpreter}: it has packages that were built for Python "
        text += version
    warn_once(_LOG, text)
    return str(interpreter or sys.executable)


def node_of(runtime: str) -> str:
    """Return the Node that runs a runtime; log once which one it is if the version differs."""
    program = interpreters.find_node(runtime.removeprefix("nodejs"))
    if program is None and (program := interpreters.find_node()):
        text = f"{runtime} functions run on {program}: this machine has no Node of that version"
        warn_once(_LOG, text)
    return str(program or "node")


def _packages() -> list[str]:
    """Return where the packages of this interpreter are; modules in Python are good for others."""
    paths = sysconfig.get_paths()
    return [*dict.fromkeys((paths["purelib"], paths["platlib"]))]
