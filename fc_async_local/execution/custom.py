# SPDX-License-Identifier: MIT
"""Instances of custom runtimes: the user's own HTTP server, started with the user's command.

Calls are ``POST /invoke`` with the event as body, hooks ``POST /initialize`` and ``GET
/pre-stop``. As on the service, the status code and the headers of an answer are ignored, except
``x-fc-status``, and the server itself writes the marks of the log.

Invariants:
    * A request is sent only to a port on which only processes of this instance listen.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import uuid
from typing import TYPE_CHECKING, Final

import aiohttp

from fc_async_local.execution.identity import build_environment
from fc_async_local.execution.instance import Call, Instance
from fc_async_local.execution.ports import PortInUse, is_free
from fc_async_local.execution.processes import find_listener, peak_kb
from fc_async_local.execution.protocol import Attempt
from fc_async_local.execution.replies import (
    INITIALIZATION,
    NOT_STARTED,
    UNHANDLED,
    Ending,
    Reply,
    document,
)
from fc_async_local.execution.worker import frames
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.execution.forkserver import Exit, ForkServer, Process
    from fc_async_local.execution.identity import Identity
    from fc_async_local.execution.ports import PortBook
    from fc_async_local.execution.processes import Listener
    from fc_async_local.execution.protocol import Deployment, HealthCheck

INVOCATION_ERROR: Final = "InvocationError"
"""API, x-fc-error-type: a custom runtime answered with ``x-fc-status: 404``."""

_CODE_ON_SERVICE: Final = "/code"
_DEFAULT_COMMAND: Final = ("/code/bootstrap",)
"""docs/reference/sources.md, how a custom runtime works."""
_FIRST_WAIT: Final = 0.01
_LONGEST_WAIT: Final = 0.25
_TRIES: Final = 4
_EXIT_GRACE: Final = 1.0
"""Seconds to wait after a broken connection for the report that the process has ended."""
_KEEP_ALIVE: Final = 1.5
"""Seconds; less than common servers use (gunicorn 2 s), so that no closing connection is used."""


class CustomInstance(Instance):
    """One process with an HTTP server.

    Args:
        deployment: The function.
        identity: Account and keys that the function sees.
        log_bytes: How much of its log is kept.
        ports: The ports of all custom runtimes.
        start_seconds: How long the server may take until it listens.
    """

    def __init__(
        self,
        deployment: Deployment,
        identity: Identity,
        log_bytes: int,
        *,
        ports: PortBook,
        start_seconds: float,
    ) -> None:
        super().__init__(deployment, identity, log_bytes)
        self._ports = ports
        self._assigned = 0
        self._listener: Listener | None = None
        self._start_seconds = start_seconds
        self._session: aiohttp.ClientSession | None = None
        self._command: tuple[str, ...] = ()
        self._closing: asyncio.Future[None] | None = None

    # --- start ---

    async def start(self, server: ForkServer, code: Path, first: Attempt) -> Reply | None:
        """Start the command, wait until it listens and is healthy, run the initializer.

        Raises:
            PortInUse: Another program has the port on which the server wants to listen.
        """
        self._assigned = self._choose_port()
        self._command = self._command_in(code)
        process = await self._spawn(server)
        message = {
            "kind": "command",
            "folder": str(code),
            "command": list(self._command),
            "environment": self._environment(code),
        }
        with contextlib.suppress(OSError):  # it has ended, as is found below
            await asyncio.get_running_loop().sock_sendall(process.sock, frames.encode(message))
        failure = await self._until_healthy(process)
        if failure is None and self.deployment.initializer:
            failure = await self._initialize(first)
        return failure

    @property
    def wanted_port(self) -> int:
        """Return the configured port, or 0 if the server is known to read FC_SERVER_PORT."""
        if self._ports.reads_variable(self.deployment):
            return 0
        return self.deployment.port

    def may_listen_on(self, port: int) -> bool:
        """Return whether its server listens on a port or may do so."""
        if self._listener is not None:
            return self._listener.port == port
        return port in (self._assigned, self.wanted_port)

    def _choose_port(self) -> int:
        """Return the port for FC_SERVER_PORT: the configured one if the server ignores it."""
        deployment = self.deployment
        if self._ports.reads_variable(deployment) is not False or not deployment.port:
            return self._ports.take()
        if not is_free(deployment.port):
            raise PortInUse(self._in_use(deployment.port))
        return deployment.port

    def _in_use(self, port: int) -> str:
        return (
            f"port {port} is in use by another program, so the server of function "
            f"{self.deployment.function!r} cannot listen on it: free the port, or let the server "
            "listen on the port in FC_SERVER_PORT"
        )

    def _command_in(self, code: Path) -> tuple[str, ...]:
        """Return the start command with the local code folder instead of the service's."""
        here = str(code)
        return tuple(
            here + part[len(_CODE_ON_SERVICE) :]
            if part == _CODE_ON_SERVICE or part.startswith(_CODE_ON_SERVICE + "/")
            else part
            for part in self._start_command()
        )

    def _start_command(self) -> tuple[str, ...]:
        return self.deployment.command or _DEFAULT_COMMAND

    def _environment(self, code: Path) -> dict[str, str]:
        port = str(self._assigned)
        environment = build_environment(self.deployment, self._identity, code, self.instance_id)
        return environment | {"FC_CUSTOM_LISTEN_PORT": port, "FC_SERVER_PORT": port}

    async def _until_healthy(self, process: Process) -> Reply | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._start_seconds
        delay = _FIRST_WAIT
        while not await self._listens(process):
            if loop.time() > deadline:
                return await self._not_started()
            await asyncio.wait({process.exited}, timeout=delay)
            if process.exited.done():
                return await self._exited(process.exited.result(), listened=False)
            delay = min(delay * 2, _LONGEST_WAIT)
        check = self.deployment.health_check
        if check is None or await self._passes(check, process):
            return None
        if process.exited.done():
            return await self._exited(process.exited.result())
        return await self._not_started()

    async def _listens(self, process: Process) -> bool:
        """Look for the server on the assigned port, then on the configured one."""
        configured = self.deployment.port
        for port in dict.fromkeys((self._assigned, configured)):
            listener = find_listener(process.pid, port) if port and process.pid else None
            if listener is None or not await _takes_connections(port):
                continue
            self._listener = listener
            self._session = aiohttp.ClientSession(
                f"http://127.0.0.1:{port}",
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
            )
            if self._assigned != configured:
                self._ports.learn(self.deployment, reads=port == self._assigned)
            return True
        return False

    def _still_listens(self) -> bool:
        """Return whether only this instance listens on the port."""
        listener = self._listener
        if listener is None:
            return False
        if not listener.holds():  # the server may have replaced its processes
            self._listener = find_listener(listener.pid, listener.port) or listener
            return self._listener is not listener
        return True

    async def _check_collision(self) -> None:
        """Check whether a server that has ended may have failed because its port was in use.

        Raises:
            PortInUse: Another program has the port.
        """
        for port in dict.fromkeys((self._assigned, self.wanted_port)):
            for _ in range(_TRIES):  # its child processes may still be ending
                if not port or is_free(port):
                    break
                await asyncio.sleep(_LONGEST_WAIT)
            else:
                # This may not be the reason, so the next start finds out again.
                self._ports.forget(self.deployment.function)
                raise PortInUse(self._in_use(port))

    async def _passes(self, check: HealthCheck, process: Process) -> bool:
        """Return whether enough checks succeed in a row before too many fail in a row."""
        successes = failures = 0
        wait_ms = check.initial_delay_ms
        while True:
            await asyncio.wait({process.exited}, timeout=wait_ms / 1000)
            if process.exited.done():
                return False
            if await self._probe(check):
                successes, failures = successes + 1, 0
            else:
                successes, failures = 0, failures + 1
            if successes >= check.success_threshold:
                return True
            if failures >= check.failure_threshold:
                return False
            wait_ms = check.period_ms

    async def _probe(self, check: HealthCheck) -> bool:
        path = check.path if check.path.startswith("/") else "/" + check.path
        timeout = aiohttp.ClientTimeout(total=check.timeout_ms / 1000)
        try:
            async with self._http.get(path, timeout=timeout, allow_redirects=False) as response:
                return response.status < 400  # noqa: PLR2004 -- HTTP errors are 400 and more
        except (aiohttp.ClientError, asyncio.TimeoutError):
            return False

    async def _not_started(self) -> Reply:
        configured = self.deployment.port
        text = (
            f"Function instance health check failed on port {configured or self._assigned} "
            f"in {self._start_seconds:g} seconds."
        )
        if self._assigned != configured:
            text += (
                f" (On this machine the server may also listen on FC_SERVER_PORT={self._assigned}.)"
            )
        self.kill(Ending.EXITED)
        await self.gone()
        if self._listener is None:
            await self._check_collision()
        return Reply(Ending.FAILED, document(text), NOT_STARTED)

    async def _exited(self, end: Exit, *, listened: bool = True) -> Reply:
        if not end.by_itself:
            return Reply(Ending.LOST, document(f"the function's process was lost: {end.message}"))
        if not listened:
            await self._check_collision()
        command = shlex.join(self._start_command())
        log = self.log.since(0)[-limits.LOG_TAIL_BYTES :].decode(errors="replace")
        text = (
            f"Function instance exited unexpectedly(code {end.code}, message:{end.message}) "
            f"with start command '{command}'. Logs:{log}"
        )
        return Reply(Ending.FAILED, document(text), NOT_STARTED)

    async def _initialize(self, first: Attempt) -> Reply | None:
        limit = self.deployment.initializer_timeout_ms
        timeout = aiohttp.ClientTimeout(total=limit / 1000)
        headers = self._headers(first, "/initialize")
        try:
            async with self._http.post("/initialize", headers=headers, timeout=timeout) as response:
                text = (await response.content.read(limits.LOG_TAIL_BYTES)).decode(errors="replace")
                if response.ok:
                    return None
                text = text or f"the initializer answered {response.status}"
        except asyncio.TimeoutError:
            text = f"Function initialization timed out after {limit / 1000:g} seconds"
        except aiohttp.ClientError as error:
            await self._until_exit()
            if self._ended is not None and self._ended.ending is Ending.LOST:
                return self._ended
            text = f"the initializer broke the connection: {error}"
        return Reply(Ending.FAILED, document(text), INITIALIZATION)

    # --- calls ---

    def submit(self, call: Call) -> None:
        """Send the call; the connection is closed when the call ends for another reason."""
        if self._ended is not None or not self._still_listens():
            call.end(Reply(Ending.UNDELIVERED))
            return
        self._calls.add(call)
        request = asyncio.ensure_future(self._post(call))
        call.done.add_done_callback(lambda _: request.cancel())

    async def _post(self, call: Call) -> None:
        attempt = call.attempt
        headers = self._headers(attempt, "/invoke") | {"Content-Type": "application/octet-stream"}
        try:
            async with self._http.post(
                "/invoke", data=attempt.payload, headers=headers, allow_redirects=False
            ) as response:
                body = await _read_bounded(response)
                self.drain_log()
                self._finish(call, self._reply(response, body))
        except aiohttp.ClientError as error:
            await self._until_exit()
            # If it has ended, the call has ended with it, and this reply is ignored.
            text = f"the function's server broke the connection: {error}"
            self._finish(call, Reply(Ending.FAILED, document(text), UNHANDLED))

    async def _until_exit(self) -> None:
        """Wait a short time for the report that the process has ended."""
        if self._process is not None:
            await asyncio.wait({self._process.exited}, timeout=_EXIT_GRACE)

    def _reply(self, response: aiohttp.ClientResponse, body: bytes | None) -> Reply:
        peak = peak_kb(self.pid)
        if body is None:
            text = f"the answer has more than {frames.MAX_BODY_BYTES} bytes"
            return Reply(Ending.FAILED, document(text), UNHANDLED, peak)
        if response.headers.get("x-fc-status") == "404":
            return Reply(Ending.FAILED, body, INVOCATION_ERROR, peak)
        return Reply(Ending.RETURNED, body, peak_kb=peak)

    def _headers(self, attempt: Attempt, control_path: str) -> dict[str, str]:
        deployment, identity = self.deployment, self._identity
        headers = {
            "x-fc-request-id": attempt.request_id,
            "x-fc-function-name": deployment.function,
            "x-fc-function-handler": deployment.handler,
            "x-fc-function-memory": str(deployment.memory_mb),
            "x-fc-function-timeout": str(deployment.timeout_ms // 1000),
            "x-fc-region": identity.region,
            "x-fc-account-id": identity.account_id,
            "x-fc-qualifier": attempt.qualifier,
            "x-fc-version-id": deployment.version_id,
            "x-fc-service-logproject": "",
            "x-fc-service-logstore": "",
            "x-fc-access-key-id": identity.access_key_id,
            "x-fc-access-key-secret": identity.access_key_secret,
            "x-fc-security-token": identity.security_token,
            "x-fc-control-path": control_path,
            "x-fc-retry-count": str(attempt.number),
        }
        if attempt.task_id:
            headers["x-fc-async-task-id"] = attempt.task_id
        if deployment.initializer:
            headers["x-fc-function-initializer"] = deployment.initializer
            seconds = deployment.initializer_timeout_ms // 1000
            headers["x-fc-initialization-timeout"] = str(seconds)
        return headers

    # --- end ---

    async def before_stop(self) -> None:
        """Call the pre-stop hook within its time."""
        if not self.deployment.pre_stop or self._session is None:
            return
        attempt = Attempt(deployment=self.deployment, request_id=str(uuid.uuid4()), payload=b"")
        timeout = aiohttp.ClientTimeout(total=self.deployment.pre_stop_timeout_ms / 1000)
        headers = self._headers(attempt, "/pre-stop")
        with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError):
            async with self._http.get("/pre-stop", headers=headers, timeout=timeout) as response:
                await response.content.read(1)

    async def gone(self) -> None:
        """Wait until the process has ended and the connections are closed."""
        await super().gone()
        self._close_session()
        if self._closing is not None:
            await asyncio.wait({self._closing})

    def _read_rest(self) -> None:
        self._ports.give_back(self._assigned)
        self._close_session()

    def _close_session(self) -> None:
        if self._session is not None and self._closing is None:
            self._closing = asyncio.ensure_future(self._session.close())

    @property
    def _http(self) -> aiohttp.ClientSession:
        assert self._session is not None, "not started"
        return self._session


async def _takes_connections(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes | None:
    """Return the whole body; None if it is too long."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > frames.MAX_BODY_BYTES:
            return None
    return bytes(body)
