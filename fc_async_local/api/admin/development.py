# SPDX-License-Identifier: MIT
"""Requests of ``fc-async dev``: steps as they happen, destinations, debuggers."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from fc_async_local.api.operation import Number, Query, local
from fc_async_local.domain.errors import Rejected
from fc_async_sdk.admin import models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.engine.feed import Feed
    from fc_async_local.execution.debugging import Debuggers
    from fc_async_local.execution.protocol import Deployment


class StepsQuery(Query, frozen=True, kw_only=True):
    """The number of the last step that is known, and how many seconds to wait for the next."""

    after: Number | None = None
    wait: Annotated[int, Meta(ge=0, le=60)] = 0


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

    @local("GET", "/steps")
    async def steps(self, query: StepsQuery) -> models.Steps:
        """Return the steps of invocations after a number, or wait for the first.

        Without ``after``, only the number of the newest step is returned, to begin with.
        """
        after = -1 if query.after is None else query.after
        return await self._feed.follow(after, wait_ms=query.wait * 1_000)

    @local("POST", "/destinations")
    async def destinations(self) -> None:
        """Make the queues, topics and buses that the configurations name, unless they exist."""
        await self._create_destinations()

    @local("GET", "/debug")
    async def debugged(self) -> models.Debuggers:
        """List the functions that are debugged: where, and whether a client is attached."""
        places = self._debuggers.places()
        return models.Debuggers(debuggers=[models.Debugger(**one._asdict()) for one in places])

    @local("PUT", "/debug/{function}")
    async def debug(self, function: str, body: models.Debug) -> models.Debugger:
        """Run a function from a folder with a debugger."""
        place = await self._debuggers.start(
            function,
            Path(body.folder),
            body.port,
            functools.partial(self._deployed, function),
        )
        return models.Debugger(**place._asdict())

    @local("DELETE", "/debug/{function}")
    async def stop_debugging(self, function: str) -> None:
        """Run a function without a debugger again."""
        if not await self._debuggers.stop(function):
            raise Rejected(404, "DebuggerNotFound", f"function '{function}' is not debugged")
