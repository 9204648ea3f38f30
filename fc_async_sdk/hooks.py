# SPDX-License-Identifier: MIT
"""Functions that a client calls around its requests: ``client.meta.events``, as in boto3.

::

    client.meta.events.register("before-send", lambda sending: sending.headers.update(trace()))

Invariants:

- A request is told each time it is sent, whichever transport sends it.
- A header that is added is not signed, so that a proxy may change it; it replaces none of the SDK.
- An error that a hook raises ends the call.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from fc_async_sdk.errors import InvalidParameter, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    Event = Literal["before-send", "after-answer", "retry"]

EVENTS: Final = ("before-send", "after-answer", "retry")
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A name of a header (RFC 9110, section 5.1)."""


class Sending(NamedTuple):
    """A request that is about to be sent (``before-send``).

    Attributes:
        operation: Name of the operation, such as ``InvokeFunction``.
        method: HTTP method.
        path: Percent-encoded path.
        headers: Headers to add: put them in.
    """

    operation: str
    method: str
    path: str
    headers: dict[str, str]


class Answered(NamedTuple):
    """The answer to a request, or that none came (``after-answer``).

    Attributes:
        operation: Name of the operation.
        status: HTTP status; None if no answer came.
        request_id: Request id of the answer, "" if it has none.
        seconds: Time from the request to its answer.
        error: Why no answer came, "" if one did.
    """

    operation: str
    status: int | None
    request_id: str
    seconds: float
    error: str


class Retrying(NamedTuple):
    """A request that is sent again (``retry``).

    Attributes:
        operation: Name of the operation.
        attempt: How often it was sent.
        wait: Seconds until it is sent again.
        reason: What came of the latest attempt.
    """

    operation: str
    attempt: int
    wait: float
    reason: str


class Hooks:
    """Hooks of one client, in the order in which they were registered."""

    def __init__(self) -> None:
        self._hooks: dict[str, list[Callable[[Any], object]]] = {event: [] for event in EVENTS}

    def __bool__(self) -> bool:
        return any(self._hooks.values())

    def register(self, event: Event, hook: Callable[[Any], object]) -> None:
        """Call a function for an event from now on.

        Args:
            event: ``before-send``, ``after-answer`` or ``retry``.
            hook: Gets a :class:`Sending`, :class:`Answered` or :class:`Retrying`. It must be quick,
                and is called from the threads that send.

        Raises:
            InvalidParameter: There is no such event, or the hook cannot be called.
        """
        if not callable(hook):
            raise InvalidParameter("hook", hook, "must be a function of one argument")
        self._of(event).append(hook)

    def unregister(self, event: Event, hook: Callable[[Any], object]) -> None:
        """Call a function no longer; nothing happens if it was not registered.

        Raises:
            InvalidParameter: There is no such event.
        """
        # As in boto3: to take a hook away twice is not an error.
        if hook in self._of(event):
            self._of(event).remove(hook)

    def emit(self, event: Event, occurrence: Sending | Answered | Retrying) -> None:
        """Call the hooks of an event."""
        # A copy: a hook may register or unregister another one, also from another thread.
        for hook in tuple(self._hooks[event]):
            hook(occurrence)

    def headers(
        self,
        operation: str,
        method: str,
        path: str,
        reserved: Container[str],
    ) -> dict[str, str]:
        """Return the headers that hooks add to a request, with lower-case names.

        Args:
            operation: Name of the operation.
            method: HTTP method.
            path: Percent-encoded path.
            reserved: Names of headers of the SDK.

        Raises:
            InvalidParameter: A header cannot be sent, or is one of the SDK's.
        """
        sending = Sending(operation, method, path, {})
        self.emit("before-send", sending)
        added: dict[Any, Any] = sending.headers
        headers: dict[str, str] = {}
        for name, value in added.items():
            if not _can_be_sent(name, value):
                reason = "a header must have a token as name and printable ASCII as value"
                raise InvalidParameter("headers", shorten(f"{name}: {value}"), reason)
            # Signed headers among them: a hook that changes one would make the signature wrong.
            if name.lower() in reserved:
                raise InvalidParameter("headers", name, "this header belongs to the SDK")
            headers[name.lower()] = value
        return headers

    def _of(self, event: str) -> list[Callable[[Any], object]]:
        if event not in self._hooks:
            raise InvalidParameter("event", event, f"must be one of {', '.join(EVENTS)}")
        return self._hooks[event]


def _can_be_sent(name: object, value: object) -> bool:
    """Return whether a name and a value make a header, and nothing after it."""
    if not isinstance(name, str) or not isinstance(value, str):
        return False
    # A line break in a value would begin another header.
    return bool(TOKEN.fullmatch(name)) and value.isascii() and value.isprintable()
