# SPDX-License-Identifier: MIT
"""Handles of feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk import operations
from fc_async_sdk._feeding.messages import Request
from fc_async_sdk.errors import WaiterError
from fc_async_sdk.fanout import status_of

if TYPE_CHECKING:
    from fc_async_sdk._feeding import FeedStatus
    from fc_async_sdk._feeding.messages import Verb
    from fc_async_sdk.handles.calls import Target
    from fc_async_sdk.waiters import AsyncPort

_SHORTEST: Final = 5.0
_LONGEST: Final = 600.0


class AsyncFeed:
    """A batch that a function sends to itself. Made by ``function.feed(prefix)``.

    Each method is one synchronous call of the function, which the wrapper of its handler answers.

    Attributes:
        name: The ``task_ids`` that ``map`` was given, or the name of the feed.
        function: Name of the function.
    """

    def __init__(self, port: AsyncPort, target: Target[Any], name: str) -> None:
        self.name = name
        self.function = target.function
        self._port = port
        self._target = target

    async def status(self) -> FeedStatus:
        """Return how far the feed is.

        Raises:
            FeedError: There is none of this name, or the handler does not know feeds.
        """
        return await self._ask("status")

    async def pause(self) -> FeedStatus:
        """Send nothing more until :meth:`resume`. What was sent starts in its slots.

        Raises:
            FeedError: As of :meth:`status`.
        """
        return await self._ask("pause")

    async def resume(self) -> FeedStatus:
        """Go on after :meth:`pause`, or after a step has failed for good.

        Raises:
            FeedError: As of :meth:`status`; or it was stopped.
        """
        return await self._ask("resume")

    async def stop(self) -> FeedStatus:
        """End the feed. What was sent starts in its slots; ``group.stop()`` stops that.

        Raises:
            FeedError: As of :meth:`status`.
        """
        return await self._ask("stop")

    async def wait(self, timeout: float | None = None) -> FeedStatus:
        """Wait until all messages are sent or the feed is stopped; return how far it is.

        Args:
            timeout: Seconds after which to give up; None never does.

        Raises:
            WaiterError: It took too long; ``last`` is how far it is.
            FeedError: As of :meth:`status`.
        """
        began = self._port.monotonic()
        status = await self.status()
        while status.state in {"running", "paused"}:
            waited = self._port.monotonic() - began
            if timeout is not None and waited >= timeout:
                text = f"gave up after {timeout:g} s: {status.left:,} messages are not sent yet"
                raise WaiterError(f"feed {self.name}: {text}", last=status)
            # Each look is a call of the function: a long feed is looked at rarely.
            pause = min(max(_SHORTEST, status.seconds / 2), _LONGEST)
            await self._port.sleep(pause if timeout is None else min(pause, timeout - waited))
            status = await self.status()
        return status

    async def _ask(self, verb: Verb) -> FeedStatus:
        payload = Request(verb=verb, name=self.name).encode()
        arguments = {"qualifier": self._target.qualifier}
        result = await self._port.perform(operations.invoke, (self.function, payload), arguments)
        return status_of(result, self.name, self.function)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of {self._target}>"
