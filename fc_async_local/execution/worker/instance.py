# SPDX-License-Identifier: MIT
"""An instance, from the fork to its end.

The first frame says what the fork becomes: a Python instance, which loads its handler and answers
calls until the socket closes, or a command (custom runtimes, Node), which replaces this process. A
broken frame ends the process; the runtime starts another.

Handlers have the forms ``module.function``, ``folder/module.function`` and ``a.b.function``. The
code folder comes first, so that a function's ``queue.py`` hides the standard library's. Failures
have the type names of FC's built-in runtime.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import logging
import os
import resource
import signal
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from . import frames, hosts, logs, wsgi
from .context import make_context
from .errors import Failure, Frames, LoadFailure, describe, encode_result, message
from .imports import MACHINE, ImportCheck

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    Handler = Callable[..., object]

_FAILED_EXIT: Final = 1
_ASGI: Final = (
    "%s is an ASGI application, which takes scope, receive and send: FC calls a handler with event "
    "and context, so this fails there, too; serve it in a custom runtime with uvicorn %s --host "
    "0.0.0.0 --port 9000, or wrap it in a function of event and context"
)
_OWN: Final = __name__.partition(".")[0]
MAXRSS_PER_KB: Final = 1024 if sys.platform == "darwin" else 1
"""``ru_maxrss`` is in bytes on macOS and in KB on Linux (getrusage(2))."""


def run(sock: socket.socket) -> int:
    """Become what the first frame says; return the exit status of the process."""
    incoming = frames.stream(sock)
    first = next(incoming, None)
    if first is None:
        return 0
    start, _ = first
    os.chdir(start["folder"])
    if start["kind"] == "command":
        return _become_command(start, sock)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(start["environment"])
    time.tzset()
    return PythonInstance(sock, start).serve(incoming)


def _become_command(start: dict[str, Any], sock: socket.socket) -> int:
    """Replace this process; return an exit status only if that fails.

    A worker in another language reads the number of the socket's descriptor from the environment
    variable that ``socket_variable`` names. It reads all frames after the first.
    """
    # Python ignores SIGPIPE, and an ignored signal stays ignored in the new program.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    command = start["command"]
    environment = start["environment"]
    if start.get("socket_variable"):
        os.set_inheritable(sock.fileno(), True)
        environment[start["socket_variable"]] = str(sock.fileno())
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 -- the user's own start command, no shell
    except OSError as error:
        os.write(2, f"can't start {command[0]!r}: {error.strerror}\n".encode())
    return 127  # the status of a shell for a command that cannot be started


class PythonInstance:
    """Loads the function's handler and answers calls with it."""

    def __init__(self, sock: socket.socket, start: dict[str, Any]) -> None:
        self._sock = sock
        self._start = start
        self._frames = Frames.of_code(start["folder"])
        self._sending = Lock()
        self._pid = os.getpid()
        self._hooks: dict[str, Handler] = {}
        self._debug_port = 0
        self._imports: ImportCheck | None = None

    def serve(self, incoming: Iterable[tuple[frames.Meta, bytes]]) -> int:
        """Answer the frames of the socket until the socket closes; return the exit status."""
        logs.install(os.environ.get("FC_SERVER_LOG_LEVEL", "INFO"))
        if self._start["debug"]:
            self._debug_port = listen_for_debugger()
        folders = prepare_path(self._start["folder"])
        sys.path.extend(self._start["packages"])
        MACHINE.extend(self._start["packages"])
        hosts.install()
        if self._start["imports"]:
            self._imports = ImportCheck(self._start["imports"], folders)
            sys.meta_path.insert(0, self._imports)
        if not self._load():
            return _FAILED_EXIT
        concurrency = self._start["concurrency"]
        # The process ends with os._exit, so the executor needs no shutdown.
        threads = ThreadPoolExecutor(concurrency, "request") if concurrency > 1 else None
        for meta, body in incoming:
            if threads is not None and meta["op"] == "invoke":
                threads.submit(self._answer_in_thread, meta, body)
            else:
                # In the main thread, where signal handlers and event loops work.
                self._answer(meta, body)
        return 0

    def _load(self) -> bool:
        try:
            self._hooks["invoke"] = self._callable(load(self._start["handler"]))
            for op in ("initialize", "pre_stop"):
                if self._start[op]:
                    self._hooks[op] = load(self._start[op])
        except Exception as error:  # noqa: BLE001 -- user code; it is reported, not swallowed
            failure = error if isinstance(error, LoadFailure) else None
            self._report_failure(0, self._describe(failure.cause if failure else error, failure))
            return False
        except BaseException as error:  # noqa: BLE001 -- it ends the process
            self._end_with(error, 0)
        logs.flush()
        port = {"debug_port": self._debug_port} if self._debug_port else {}
        self._send(self._meta({"id": 0, "ok": True, **port}))
        return True

    def _callable(self, handler: Handler) -> Handler:
        """Return a handler; a WSGI application as one, if its function is of FC 2.0."""
        name = self._start["handler"]
        if wsgi.takes(handler, wsgi.ASGI):
            served = ":".join(name.replace("/", ".").rsplit(".", 1))
            logging.getLogger().warning(_ASGI, name, served)
        if not wsgi.takes(handler, wsgi.WSGI):
            return handler
        text = "is a WSGI application, as HTTP functions of FC 2.0 are: FC 3.0 does not call it so"
        logging.getLogger().warning("%s %s", name, text)
        # The names of functions of FC 2.0 are service$function.
        return wsgi.as_handler(handler) if "$" in self._start["context"]["name"] else handler

    def _answer_in_thread(self, meta: frames.Meta, body: bytes) -> None:
        try:
            self._answer(meta, body)
        except BaseException:  # noqa: BLE001 -- the executor would keep it, and the call never end
            traceback.print_exc()
            os._exit(_FAILED_EXIT)

    def _answer(self, meta: frames.Meta, body: bytes) -> None:
        context = make_context(self._start["context"], meta)
        logs.request_id.set(context.request_id)
        # Threads that the handler starts have no context of their own: they log for the latest.
        logs.latest_request_id = context.request_id
        hook = self._hooks[meta["op"]]
        data = b""
        try:
            if meta["op"] == "invoke":
                data = encode_result(hook(body, context))
            else:
                hook(context)
            if len(data) > frames.MAX_BODY_BYTES:
                raise ValueError(  # noqa: TRY301 -- reported like any other failure of the function
                    f"the result has {len(data)} bytes, more than {frames.MAX_BODY_BYTES}"
                )
        except Exception as error:  # noqa: BLE001 -- user code; it is reported, not swallowed
            self._report_failure(meta["id"], self._describe(error))
        except BaseException as error:  # noqa: BLE001 -- it ends the process
            self._end_with(error, meta["id"])
        else:
            logs.flush()
            self._send(self._meta({"id": meta["id"], "ok": True}), data)

    def _meta(self, answer: frames.Meta) -> bytes:
        """Return the head of an answer, with the modules that would be missing on the service."""
        missing = self._imports.take() if self._imports is not None else []
        peak_kb = _peak_kb()
        if len(answer) > 2 or missing:  # noqa: PLR2004 -- the members of nearly every answer
            return frames.to_json(
                {
                    **answer,
                    "peak_kb": peak_kb,
                    "missing": missing,
                }
            )
        # Formatting is five times as fast as an encoder.
        return b'{"id":%d,"ok":true,"peak_kb":%d}' % (answer["id"], peak_kb)

    def _describe(self, error: BaseException, failure: LoadFailure | None = None) -> Failure:
        return describe(error, failure, self._frames)

    def _report_failure(self, key: int, failure: Failure, *, last: bool = False) -> None:
        logs.error(failure.log)
        logs.flush()
        self._send(self._meta({"id": key, "ok": False, "last": last}), failure.document)

    def _end_with(self, error: BaseException, key: int) -> None:
        """End the process for a BaseException, as the service's process ends."""
        if isinstance(error, SystemExit):
            logs.flush()
            # As the interpreter reads it: nothing is 0, and a text is 1.
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
            os._exit(code)
        with contextlib.suppress(OSError):
            self._report_failure(key, self._describe(error), last=True)
        os._exit(_FAILED_EXIT)

    def _send(self, meta: bytes, body: bytes = b"") -> None:
        if os.getpid() != self._pid:
            # The handler has forked and its child returned here: a second answer is wrong.
            os._exit(0)
        with self._sending:
            self._sock.sendall(frames.join(meta, body))


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MAXRSS_PER_KB


def listen_for_debugger() -> int:
    """Start debugpy, before user code can hide a module that it needs; return its port."""
    # The code runs from the user's own folder, where compiled modules would be in the way.
    sys.dont_write_bytecode = True
    # Otherwise it warns in the function's log of modules that are part of the interpreter.
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    debugpy = importlib.import_module("debugpy")
    port: int = debugpy.listen(("127.0.0.1", 0))[1]
    del os.environ["PYDEVD_DISABLE_FILE_VALIDATION"]
    return port


def prepare_path(folder: str) -> list[str]:
    """Put the code folder and then the user's PYTHONPATH at the front of the path; return both."""
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    extra = [entry for entry in inherited if entry not in {"", hosts.HOOKS}]
    folders = [folder, *(os.path.join(folder, entry) for entry in extra)]  # noqa: PTH118 -- pathlib would cost start-up time
    # What a build put below /code may be for another version: then packages of this machine win.
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    last: list[str] = []
    if os.environ.get("FC_RUNTIME") != version:
        inside = os.path.join(folder, "")  # noqa: PTH118 -- as above
        last = [entry for entry in extra if entry.startswith(inside)]
    sys.path[:0] = [entry for entry in folders if entry not in last]
    sys.path.extend(last)
    sys.argv[:] = [""]
    importlib.invalidate_caches()
    return folders


def load(handler: str) -> Callable[..., object]:
    """Import the module of a handler and return the function.

    Args:
        handler: As configured, such as ``index.handler``.

    Raises:
        LoadFailure: InvalidHandleName, ImportModuleError, UserCodeSyntaxError, UserCodeError or
            HandlerNotFound.
    """
    module_name, dot, name = handler.rpartition(".")
    if not dot or not module_name or not name:
        text = f"Invalid handler name '{handler}': it must have the form module.function"
        raise LoadFailure("InvalidHandleName", text, ValueError(handler))
    dotted = module_name.removeprefix("./").replace("/", ".")
    # The fork server has loaded modules that a function's own may have the names of.
    _uncover(dotted.partition(".")[0])
    try:
        module = importlib.import_module(dotted)
    except SyntaxError as error:
        text = f"Syntax error in module '{module_name}': {message(error)}"
        raise LoadFailure("UserCodeSyntaxError", text, error) from error
    except ImportError as error:
        text = f"Unable to import module '{module_name}': {message(error)}"
        raise LoadFailure("ImportModuleError", text, error) from error
    except Exception as error:
        text = f"Module '{module_name}' raised {type(error).__name__}: {message(error)}"
        raise LoadFailure("UserCodeError", text, error) from error
    function = getattr(module, name, None)
    if not callable(function):
        text = f"Handler '{name}' not found in module '{module_name}'"
        raise LoadFailure("HandlerNotFound", text, AttributeError(name))
    loaded: Callable[..., object] = function
    return loaded


def _uncover(top: str) -> None:
    """Unload a module that hides one of the same name in the code folder."""
    if top == _OWN or top not in sys.modules:
        return
    spec = importlib.machinery.PathFinder.find_spec(top, sys.path[:1])
    loaded = getattr(sys.modules[top], "__file__", None)
    if spec is not None and spec.origin is not None and spec.origin != loaded:
        del sys.modules[top]
