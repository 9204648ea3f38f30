# SPDX-License-Identifier: MIT
"""Stand-ins for the service and its time, in the process of a test on a local runtime."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

MARK: Final = "fc_async_sends"
"""Attribute of a handler that may send messages while it runs."""
BOOKS: Final = "fc_async_books"
"""Attribute of a handler whose messages book a slot when they arrive."""


class Host(NamedTuple):
    """The runtime of a test, as paces and handlers in its process see it.

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


_HOSTS: Final[list[Host]] = []


def current() -> Host | None:
    """Return the runtime of the test that runs; None outside of tests."""
    return _HOSTS[-1] if _HOSTS else None


def now() -> float:
    """Return seconds since the epoch: virtual time on the runtime of a test."""
    host = current()
    return host.clock() if host is not None else time.time()


@contextmanager
def hosted(host: Host) -> Iterator[None]:
    """Let a runtime stand for the service, in all threads."""
    _HOSTS.append(host)
    try:
        yield
    finally:
        _HOSTS.remove(host)
