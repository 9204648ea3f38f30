# SPDX-License-Identifier: MIT
"""Debuggers of functions: one port for each debugged function, whichever instance runs it.

An instance listens for a debugger on a port of its own, which is new for each instance. A client
connects to the function's port instead, and its bytes are passed on. So the port stays the same
when code is saved, and the runtime knows whether a client is attached.

Invariants:
    A debugged function has one instance at a time, and one call runs in it at a time: the client
    sees every call. The others wait without a limit.
    Time limits of the function stand still while a client is attached.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.domain.errors import Rejected
from fc_async_sdk._cancellation import end_tasks
from fc_async_sdk._installation import how_to_install
from fc_async_sdk.spec.runtimes import NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from fc_async_local.execution.protocol import Deployment

_HOST: Final = "127.0.0.1"
_CHUNK: Final = 65536


class TimeLimit:
    """A time limit that can stand still.

    Args:
        seconds: How long it runs before it expires.
        expire: Called when it has expired.
    """

    def __init__(self, seconds: float, expire: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = seconds
        self._expire = expire
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def run(self) -> None:
        """Let it run, from where it stood still."""
        if self._timer is None:
            self._began = self._loop.time()
            self._timer = self._loop.call_later(self._left, self._expire)

    def stand(self) -> None:
        """Let it stand still."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._left = max(0.0, self._left - (self._loop.time() - self._began))


class Place(NamedTuple):
    """Address of the debugger of a function.

    Attributes:
        function: The function.
        port: Port on this machine.
        attached: Whether a client is connected.
    """

    function: str
    port: int
    attached: bool


class Debugger:
    """The debugger of one function.

    Args:
        function: The function.
        folder: Its code on this machine: the files in which the user sets breakpoints.
        ready: Returns the port on which the debugger of its newest instance listens; starts an
            instance if there is none.

    Attributes:
        turn: Held while an instance starts or runs a call.
    """

    def __init__(self, function: str, folder: Path, ready: Callable[[], Awaitable[int]]) -> None:
        self.function = function
        self.folder = folder
        self.turn = asyncio.Lock()
        self._ready = ready
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self._limits: set[TimeLimit] = set()

    @property
    def attached(self) -> bool:
        """True if a client is connected."""
        return bool(self._relays)

    @property
    def port(self) -> int:
        """The function's port."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def listen(self, port: int) -> None:
        """Take connections of clients.

        Args:
            port: Port on this machine; 0: any.

        Raises:
            OSError: The port is in use.
        """
        self._server = await asyncio.start_server(self._on_client, _HOST, port)

    async def aclose(self) -> None:
        """Take no more connections, and close those that there are."""
        if self._server is not None:
            self._server.close()
        await end_tasks(*self._relays)

    @contextlib.contextmanager
    def limit(self, seconds: float, expire: Callable[[], None]) -> Iterator[None]:
        """Call ``expire`` after some seconds in which no client was attached."""
        limit = TimeLimit(seconds, expire)
        self._limits.add(limit)
        if not self.attached:
            limit.run()
        try:
            yield
        finally:
            self._limits.discard(limit)
            limit.stand()

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = asyncio.ensure_future(self._relay(reader, writer))
        self._relays.add(relay)
        for limit in self._limits:
            limit.stand()
        try:
            await asyncio.wait({relay})
        finally:
            self._relays.discard(relay)
            if not self._relays:
                for limit in self._limits:
                    limit.run()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on in both directions until one side closes."""
        with contextlib.closing(writer):
            try:
                to_debugger, back = await asyncio.open_connection(_HOST, await self._ready())
            except (OSError, LookupError):
                return  # the instance cannot be started: the call that needs it says why
            with contextlib.closing(back):
                ways = {
                    asyncio.ensure_future(_copy(reader, back)),
                    asyncio.ensure_future(_copy(to_debugger, writer)),
                }
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()


class Debuggers:
    """The debuggers of all functions.

    Args:
        warm: Returns the port on which the debugger of an instance listens; starts it if needed.
        retire: Ends the instances of a function, at once or with their last call.
    """

    def __init__(
        self,
        warm: Callable[[Debugger, Deployment], Awaitable[int]],
        retire: Callable[[str], None],
    ) -> None:
        self._warm = warm
        self._retire = retire
        self._debuggers: dict[str, Debugger] = {}

    def of(self, deployment: Deployment) -> Debugger | None:
        """Return the debugger of a deployment; a published version has none."""
        return None if deployment.version_id else self._debuggers.get(deployment.function)

    def places(self) -> list[Place]:
        """Return where the debuggers are."""
        return [
            Place(debugger.function, debugger.port, debugger.attached)
            for debugger in self._debuggers.values()
        ]

    async def start(
        self, function: str, folder: Path, port: int, deployed: Callable[[], Awaitable[Deployment]]
    ) -> Place:
        """Debug a function from now on; the same again only replaces its instance.

        Args:
            function: The function.
            folder: Its code on this machine, which runs instead of the archive.
            port: Where clients connect; 0: any.
            deployed: Returns what runs now.

        Raises:
            Rejected: 400 InvalidArgument: it cannot be debugged, or the port is in use. 404: there
                is no such function.
        """
        check(await deployed(), folder)
        earlier = self._debuggers.get(function)
        if earlier is not None and port in (0, earlier.port) and earlier.folder == folder:
            self._retire(function)
            return Place(function, earlier.port, earlier.attached)

        async def ready() -> int:
            return await self._warm(debugger, await deployed())

        debugger = Debugger(function, folder, ready)
        try:
            await debugger.listen(port)
        except OSError as error:
            reason = f"the debugger of {function!r} cannot listen on port {port}: {error.strerror}"
            raise Rejected(400, "InvalidArgument", reason) from error
        await self.stop(function)
        self._debuggers[function] = debugger
        self._retire(function)
        return Place(function, debugger.port, attached=False)

    async def stop(self, function: str) -> bool:
        """Debug a function no longer; return False if it was not debugged."""
        debugger = self._debuggers.pop(function, None)
        if debugger is None:
            return False
        await debugger.aclose()
        self._retire(function)
        return True

    async def aclose(self) -> None:
        """Debug nothing any more."""
        for function in tuple(self._debuggers):
            await self.stop(function)


def check(deployment: Deployment, folder: Path) -> None:
    """Refuse a function that cannot be debugged here.

    Args:
        deployment: The function.
        folder: Its code on this machine.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    function, runtime = deployment.function, deployment.runtime
    if runtime not in PYTHON | NODE:
        reason = f"function {function!r} has the runtime {runtime!r}: its server starts a debugger"
    elif not folder.is_absolute() or not os.path.isdir(folder):  # noqa: PTH112 -- takes any name
        reason = f"{str(folder)!r} is not a folder on this machine, given as an absolute path"
    elif runtime in PYTHON and importlib.util.find_spec("debugpy") is None:
        reason = f"debugging Python needs debugpy: {how_to_install('dev')}"
    else:
        return
    raise Rejected(400, "InvalidArgument", reason)
