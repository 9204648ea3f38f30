# SPDX-License-Identifier: MIT
"""Requests of ``fc-async dev``: steps as they happen, destinations, debuggers."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_local.api import admin
from fc_async_local.api.operation import query_number, read_body
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import refusals
from fc_async_sdk.admin import models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.engine.feed import Feed
    from fc_async_local.execution.debugging import Debuggers
    from fc_async_local.execution.protocol import Deployment

_LONGEST_WAIT_SECONDS: Final = 60


class DevelopmentAdmin:
    """Follows the runtime for a terminal, and prepares it for a template.

    Args:
        feed: The steps of invocations.
        create_destinations: Makes the queues, topics and buses that configurations name.
        debuggers: The debuggers of functions.
        deployed: Returns what runs of a function now.
    """

    def __init__(
        self,
        feed: Feed,
        create_destinations: Callable[[], Awaitable[None]],
        debuggers: Debuggers,
        deployed: Callable[[str], Awaitable[Deployment]],
    ) -> None:
        self._debuggers = debuggers
        self._deployed = deployed
        self._feed = feed
        self._create_destinations = create_destinations

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        return admin.routes(
            [
                ("GET", "/steps", self.steps),
                ("POST", "/destinations", self.destinations),
                ("GET", "/debug", self.debugged),
                ("PUT", "/debug/{function}", self.debug),
                ("DELETE", "/debug/{function}", self.stop_debugging),
            ]
        )

    async def steps(self, request: Request) -> models.Steps:
        """Return the steps after number ``after``, waiting ``wait`` seconds for the first.

        Without ``after``, only the number of the newest step is returned, to begin with.
        """
        after = query_number(request.query_params, "after")
        wait = query_number(request.query_params, "wait") or 0
        if not 0 <= wait <= _LONGEST_WAIT_SECONDS:
            raise refusals.invalid_argument(
                f"wait must be between 0 and {_LONGEST_WAIT_SECONDS} seconds, got {wait}"
            )
        return await self._feed.follow(-1 if after is None else after, wait_ms=wait * 1_000)

    async def destinations(self, _: Request) -> None:
        """Make the queues, topics and buses that the configurations name, unless they exist."""
        await self._create_destinations()

    async def debugged(self, _: Request) -> models.Debuggers:
        """List the functions that are debugged: where, and whether a client is attached."""
        places = self._debuggers.places()
        return models.Debuggers(debuggers=[models.Debugger(**one._asdict()) for one in places])

    async def debug(self, request: Request, function: str) -> models.Debugger:
        """Run a function from ``folder`` with a debugger that listens on ``port`` (0: any)."""
        wanted = await read_body(request, models.Debug)
        place = await self._debuggers.start(
            function,
            Path(wanted.folder),
            wanted.port,
            functools.partial(self._deployed, function),
        )
        return models.Debugger(**place._asdict())

    async def stop_debugging(self, _: Request, function: str) -> None:
        """Run a function without a debugger again."""
        if not await self._debuggers.stop(function):
            raise Rejected(404, "DebuggerNotFound", f"function '{function}' is not debugged")
