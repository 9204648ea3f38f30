# SPDX-License-Identifier: MIT
"""Ports of custom runtimes: which port each instance gets, and which calls may run at once.

On the service every instance has a network of its own and listens on the configured port. Here
all share one machine, so each instance gets a free port in ``FC_SERVER_PORT``. A server that
ignores the variable listens on the configured port, which only one instance can have.

Invariants:
    * A port is reserved for one instance at a time. It is not an ephemeral port, so that no
      connection has it before the server listens.
    * Calls that may need the same configured port run on one instance at a time: each holds a
      :class:`Turn`. Turns are given in the order in which they were asked for.
    * A function whose server reads the variable needs no turn. This is known once it has started,
      and is assumed of its later revisions. That a server ignores the variable is assumed of one
      revision only: the next one may have been changed because of the warning.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import secrets
import socket
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from fc_async_local.execution.protocol import Deployment

_logger = logging.getLogger(__name__)

MOST_WAITING: Final = 20
"""More calls that wait for one port are throttled, so that they do not delay other functions."""
_MOST_FUNCTIONS: Final = 1_000
"""For how many functions the book remembers whether they read the variable."""
_TRIES: Final = 100
_LOWEST = 10_000
_HIGHEST = 65_535
_EPHEMERAL: Final = (49_152, 65_535)
"""RFC 6335, section 6: what macOS and BSD give to connections."""
_EPHEMERAL_OF_LINUX: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


class PortInUse(Exception):
    """A port that an instance needs belongs to another program. The message says what to do."""


class _Server(NamedTuple):
    """A function's server; whether it reads the variable is not known if ``revision`` is None."""

    reads: bool
    revision: str | None


class Turn:
    """The right of one call to run on a server that may take the configured port.

    Attributes:
        port: The configured port.
        granted: Done when the call may run.
    """

    __slots__ = ("capacity", "granted", "key", "port")

    def __init__(self, deployment: Deployment) -> None:
        self.port = deployment.port
        self.key = (deployment.function, deployment.version_id, deployment.revision)
        self.capacity = deployment.instance_concurrency
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Queue:
    """The calls that run on one port and those that wait for it."""

    def __init__(self) -> None:
        self.active: set[Turn] = set()
        self.waiting: deque[Turn] = deque()

    def grant(self) -> None:
        """Grant the turns that can be granted, in the order of the requests."""
        while self.waiting:
            turn = self.waiting[0]
            if self.active and (
                any(other.key != turn.key for other in self.active)
                or len(self.active) >= turn.capacity
            ):
                return
            self.active.add(self.waiting.popleft())
            if not turn.granted.done():
                turn.granted.set_result(None)


class PortBook:
    """Reserved ports, turns and properties of servers. Belongs to one event loop."""

    def __init__(self) -> None:
        self._reserved: set[int] = set()
        self._servers: dict[str, _Server] = {}
        self._queues: dict[int, _Queue] = {}

    # --- ports ---

    def take(self) -> int:
        """Reserve a free port, which is given back with :meth:`give_back`.

        Raises:
            OSError: The machine has no free port.
        """
        for _ in range(_TRIES):
            port = secrets.choice(_ports())
            if port not in self._reserved and is_free(port):
                self._reserved.add(port)
                return port
        raise OSError(f"no free port: {_TRIES} that were tried are in use")

    def give_back(self, port: int) -> None:
        """Release the port of an instance that has ended."""
        self._reserved.discard(port)

    # --- servers ---

    def reads_variable(self, deployment: Deployment) -> bool | None:
        """Return whether a function's server listens on FC_SERVER_PORT; None if not known."""
        server = self._servers.get(deployment.function)
        if server is None or server.revision is None:
            return None
        if not server.reads and server.revision != deployment.revision:
            return None
        return server.reads

    def learn(self, deployment: Deployment, *, reads: bool) -> None:
        """Remember where a server listens; warn if it ignores the variable.

        Args:
            deployment: The function.
            reads: Whether the server reads the variable.
        """
        function = deployment.function
        before = self._servers.pop(function, None)
        if not reads and (before is None or before.reads):
            _logger.warning(
                "function %r: its server listens on port %d and ignores FC_SERVER_PORT, so it runs "
                "one instance at a time. Let it listen on the port in FC_SERVER_PORT to run "
                "several.",
                function,
                deployment.port,
            )
        self._servers[function] = _Server(reads, deployment.revision)
        if len(self._servers) > _MOST_FUNCTIONS:
            # The first one was learnt longest ago: what is learnt again moves to the end.
            del self._servers[next(iter(self._servers))]
        if reads:
            self._release_all(function)

    def forget(self, function: str) -> None:
        """Forget where a function's server listens, so that its next start shows it."""
        if function in self._servers:
            self._servers[function] = self._servers[function]._replace(revision=None)

    # --- turns ---

    def ask(self, deployment: Deployment) -> Turn | None:
        """Request a turn, which is given back with :meth:`leave`; None if none is needed."""
        if not deployment.port or self.reads_variable(deployment):
            return None
        turn = Turn(deployment)
        queue = self._queues.setdefault(turn.port, _Queue())
        queue.waiting.append(turn)
        queue.grant()
        return turn

    def waiting(self, port: int) -> int:
        """Return the number of calls that wait for a port."""
        queue = self._queues.get(port)
        return 0 if queue is None else len(queue.waiting)

    def leave(self, turn: Turn) -> None:
        """Give a turn back or cancel its request; does nothing the second time."""
        queue = self._queues.get(turn.port)
        if queue is None:
            return
        queue.active.discard(turn)
        if turn in queue.waiting:
            queue.waiting.remove(turn)
        queue.grant()
        if not queue.active:
            del self._queues[turn.port]

    def _release_all(self, function: str) -> None:
        """Grant all turns of a function, which no longer needs any."""
        for queue in list(self._queues.values()):
            for turn in [*queue.active, *queue.waiting]:
                if turn.key[0] == function:
                    self.leave(turn)
                    if not turn.granted.done():
                        turn.granted.set_result(None)


@functools.lru_cache(maxsize=1)
def _ports() -> range:
    """Return ports that the system gives to no connection, unless it gives all of them.

    A connection of any program could have an ephemeral port between its choice and the moment when
    the server listens.
    """
    low, high = _EPHEMERAL
    with contextlib.suppress(OSError, ValueError):
        low, high = map(int, _EPHEMERAL_OF_LINUX.read_text().split())
    ranges = (range(_LOWEST, low), range(high + 1, _HIGHEST + 1))
    return max(ranges, key=len) or range(_LOWEST, _HIGHEST + 1)


def is_free(port: int) -> bool:
    """Return whether a server could listen on all addresses of a port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections in TIME_WAIT must not make the port look busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 -- bound, never listened on
        except OSError:
            return False
    return True
