# SPDX-License-Identifier: MIT
"""Which port a custom runtime is told to listen on, and which calls may run at the same time.

On the service every instance has a network of its own and listens on the configured port. Here
all share one machine, so an instance is told a free port in ``FC_SERVER_PORT``. A server that
ignores the variable listens on the configured port, which only one instance can have.

Invariants:
    * A port is promised to one instance at a time.
    * Calls that may need the same configured port run on one instance at a time: each holds a
      :class:`Turn`. Turns are given in the order in which they were asked for.
    * A function whose server reads the variable needs no turn. That is known once it has started,
      and holds for its later revisions. That it ignores the variable holds for one revision: the
      next one may have been changed because of the warning.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from fc_async_local.execution.protocol import Deployment

_logger = logging.getLogger(__name__)

MOST_WAITING: Final = 20
"""Calls that wait for one port; more are throttled, so that they do not hold up other functions."""
_MOST_FUNCTIONS: Final = 1_000
"""Functions of which is remembered whether they read the variable."""


class PortInUse(Exception):
    """A port that an instance needs belongs to another program. The message says what to do."""


class _Server(NamedTuple):
    """What is known of a function's server; ``revision`` None: nothing any more."""

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


class _Line:
    """The calls that run on, and wait for, one port."""

    def __init__(self) -> None:
        self.active: set[Turn] = set()
        self.waiting: deque[Turn] = deque()

    def move_up(self) -> None:
        """Grant the turns that can be granted, first come, first served."""
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
    """Ports, turns and what is known of servers. Belongs to one event loop."""

    def __init__(self) -> None:
        self._promised: set[int] = set()
        self._servers: dict[str, _Server] = {}
        self._lines: dict[int, _Line] = {}

    # --- ports ---

    def take(self) -> int:
        """Promise a free port; give it back with :meth:`give_back`.

        Raises:
            OSError: The machine has no port left.
        """
        for _ in range(10):
            port = _try_to_bind(0)
            if port not in self._promised:
                self._promised.add(port)
                return port
        raise OSError("no free port: each one that was found is promised to an instance already")

    def give_back(self, port: int) -> None:
        """The instance is gone."""
        self._promised.discard(port)

    # --- servers ---

    def reads_variable(self, deployment: Deployment) -> bool | None:
        """Whether the function's server listens where it is told; None: not known."""
        server = self._servers.get(deployment.function)
        if server is None or server.revision is None:
            return None
        if not server.reads and server.revision != deployment.revision:
            return None
        return server.reads

    def learn(self, deployment: Deployment, *, reads: bool) -> None:
        """Remember where a server listens. Warns when a server is found to ignore the variable."""
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
            del self._servers[next(iter(self._servers))]
        if reads:
            self._release_all(function)

    def forget(self, function: str) -> None:
        """Find out again where the function's server listens."""
        if function in self._servers:
            self._servers[function] = self._servers[function]._replace(revision=None)

    # --- turns ---

    def ask(self, deployment: Deployment) -> Turn | None:
        """Ask for a turn; give it back with :meth:`leave`. None: none is needed."""
        if not deployment.port or self.reads_variable(deployment):
            return None
        turn = Turn(deployment)
        line = self._lines.setdefault(turn.port, _Line())
        line.waiting.append(turn)
        line.move_up()
        return turn

    def waiting(self, port: int) -> int:
        """How many calls wait for a port."""
        line = self._lines.get(port)
        return 0 if line is None else len(line.waiting)

    def leave(self, turn: Turn) -> None:
        """Give a turn back, or wait for it no longer. Harmless when it was given back already."""
        line = self._lines.get(turn.port)
        if line is None:
            return
        line.active.discard(turn)
        if turn in line.waiting:
            line.waiting.remove(turn)
        line.move_up()
        if not line.active:
            del self._lines[turn.port]

    def _release_all(self, function: str) -> None:
        """Let all calls of a function run: they need no turn any more."""
        for line in list(self._lines.values()):
            for turn in [*line.active, *line.waiting]:
                if turn.key[0] == function:
                    self.leave(turn)
                    if not turn.granted.done():
                        turn.granted.set_result(None)


def is_free(port: int) -> bool:
    """Whether a server could listen on all addresses of a port."""
    try:
        _try_to_bind(port)
    except OSError:
        return False
    return True


def _try_to_bind(port: int) -> int:
    """Bind to a port (0: any) on all addresses, as a custom runtime does; returns the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("0.0.0.0", port))  # noqa: S104 -- bound, never listened on
        found: int = probe.getsockname()[1]
        return found
