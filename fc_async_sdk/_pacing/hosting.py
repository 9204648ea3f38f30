# SPDX-License-Identifier: MIT
"""Stand-ins for the service and its time, for handlers that run in the process of a test."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Host(NamedTuple):
    """The runtime of a test, as a handler in its process sees it.

    Attributes:
        client: A client of the runtime.
        clock: Returns seconds since the epoch.
        wait: Waits for seconds, in the event loop of the runtime.
        sleep: Waits for seconds, in another thread.
    """

    client: Any
    clock: Callable[[], float]
    wait: Callable[[float], Awaitable[None]]
    sleep: Callable[[float], None]


HOST: Final[ContextVar[Host | None]] = ContextVar("fc_async_sdk_host", default=None)

MARK: Final = "fc_async_sends"
"""Attribute of a handler that may send messages while it runs."""
