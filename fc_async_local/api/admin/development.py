# SPDX-License-Identifier: MIT
"""What ``fc-async dev`` needs of a runtime: its steps as they happen, and missing destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_local.api import admin
from fc_async_local.api.operation import query_number
from fc_async_local.functions import refusals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.engine.feed import Feed

_LONGEST_WAIT_SECONDS: Final = 60


class DevelopmentAdmin:
    """Follows the runtime for a terminal, and prepares it for a template.

    Args:
        feed: The steps of invocations.
        create_destinations: Makes the queues, topics and buses that configurations name.
    """

    def __init__(self, feed: Feed, create_destinations: Callable[[], Awaitable[None]]) -> None:
        self._feed = feed
        self._create_destinations = create_destinations

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        return admin.routes(
            [
                ("GET", "/steps", self.steps),
                ("POST", "/destinations", self.destinations),
            ]
        )

    async def steps(self, request: Request) -> dict[str, Any]:
        """Return the steps after number ``after``, waiting ``wait`` seconds for the first.

        Without ``after``, only the number of the newest step is returned, to begin with.
        """
        after = query_number(request.query_params, "after")
        wait = query_number(request.query_params, "wait") or 0
        if not 0 <= wait <= _LONGEST_WAIT_SECONDS:
            raise refusals.invalid_argument(
                f"wait must be between 0 and {_LONGEST_WAIT_SECONDS} seconds, got {wait}"
            )
        found = await self._feed.follow(-1 if after is None else after, wait_ms=wait * 1_000)
        return {"steps": found.steps, "last": found.last, "missed": found.missed}

    async def destinations(self, _: Request) -> None:
        """Make the queues, topics and buses that the configurations name, unless they exist."""
        await self._create_destinations()
