# SPDX-License-Identifier: MIT
"""Sources of a replay: messages are looked at, and removed after their events were accepted.

Invariant: a message whose event was not accepted stays where it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fc_async_plugin import PluginError
from fc_async_plugin.account import runtime
from fc_async_plugin.operate.events import lines
from fc_async_plugin.operate.tasks import FunctionTasks
from fc_async_plugin.report.moments import plural
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import NotFound
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Self

    from fc_async_plugin.operate.events.lines import Shown
    from fc_async_sdk import Client

T = TypeVar("T")

BATCH: Final = 16
"""Largest number of messages that one request to MNS or RocketMQ returns or deletes."""

_MISSING: Final = "MessageNotExist"
"""Code of both services for "there is no message", and for a receipt that has ended."""


class Source(ABC):
    """A source of events.

    Attributes:
        notes: Sentences about what was not read or not removed.
        left: Whether there may be messages that :meth:`look` has not come to.
        removes: Whether :meth:`accepted` removes messages.
    """

    notes: tuple[str, ...] = ()
    left = False
    removes = True
    _at_once = False

    def __enter__(self) -> Self:
        """Connect at the first request, not here."""
        return self

    def __exit__(self, *_: object) -> None:  # noqa: B027 -- most sources hold nothing
        """Let other readers have what was looked at, and close the connections."""

    @abstractmethod
    def look(self) -> Iterator[Shown]:
        """Yield the messages, each with an id of its own.

        Raises:
            PluginError: They cannot be read.
        """

    def accepted(self, message_id: str) -> None:  # noqa: B027 -- a file is not changed
        """Remove a message whose event was accepted, soon or in :meth:`finish`."""

    def remove_at_once(self) -> None:
        """Remove each message in :meth:`accepted`: nothing recognises an event that comes twice."""
        self._at_once = True

    def finish(self) -> None:  # noqa: B027 -- most sources remove at once
        """Remove the messages whose events were accepted and that are still there."""


class File(Source):
    """Lines of JSON, each with its number. They are not changed."""

    removes = False

    def __init__(self, content: Iterable[tuple[int, bytes]]) -> None:
        self._content = content

    def look(self) -> Iterator[Shown]:
        """Yield the events of the lines."""
        for number, line in self._content:
            yield lines.from_line(f"line {number}", line.strip())


class DeadEvents(Source):
    """Dead events of a local runtime: events that no destination has taken."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def look(self) -> Iterator[Shown]:
        """Yield the events, newest first."""
        token: str | None = None
        while True:
            page = runtime.ask(self._client, admin.list_dead_events(next_token=token))
            for dead in page.deliveries:
                yield lines.read(dead.request_id, dead.event)
            token = page.next_token
            if not token:
                return

    def accepted(self, message_id: str) -> None:
        """Discard a dead event."""
        try:
            self._client.send(admin.discard_dead_event(message_id))
        except NotFound:
            self.notes = ("a dead event was delivered or discarded meanwhile",)


class TasksOfFunction(Source):
    """Events that a function got as its failure destination: the payloads of its tasks.

    Tasks cannot be removed, so a second replay finds the events again.
    """

    removes = False

    def __init__(self, client: Client, function: str, qualifier: str) -> None:
        named = None if qualifier == limits.DEFAULT_QUALIFIER else qualifier
        self._tasks = FunctionTasks(client, function, named)

    def look(self) -> Iterator[Shown]:
        """Yield the events, newest first.

        Raises:
            PluginError: The function has no tasks, because task mode is off.
        """
        if why := self._tasks.why_none():
            raise PluginError(why)
        for task in self._tasks.all(include_payload=True):
            yield lines.read(task.task_id, task.task_payload_bytes or b"")


class Receiver(Source):
    """Messages of a queue or a topic, which are hidden from other readers while they are held.

    A receipt ends with the time for which a message is hidden. What is visible again before it was
    deleted is received once more by :meth:`finish`.

    Attributes:
        errors: The errors of the client.
    """

    errors: type[Exception]

    def __init__(self) -> None:
        self._receipts: dict[str, str] = {}  # by message id
        self._deletable: list[str] = []
        self._left: set[str] = set()
        self._came_again = False

    @abstractmethod
    def receive(self) -> list[Any]:
        """Return up to :data:`BATCH` messages; none is an error of the official client, or []."""

    @abstractmethod
    def delete(self, receipts: list[str]) -> set[str]:
        """Delete messages; return the receipts that have ended."""

    def show_again(self, receipts: list[str]) -> None:
        """Let other readers receive messages at once."""

    def advice(self, error: Exception) -> str:  # noqa: ARG002 -- for queues
        """Return what to do about an error of the service, as a further line, or ""."""
        return ""

    def look(self) -> Iterator[Shown]:
        """Receive messages until no new ones come.

        Raises:
            PluginError: They cannot be read.
        """
        for message in self._round():
            yield lines.read(message.message_id, message)
        if self._came_again:
            sentence = "messages became visible again while others were read"
            self.notes = (*self.notes, f"{sentence}: there may be more")
            self.left = True

    def accepted(self, message_id: str) -> None:
        """Delete a message, several with one request unless each is to go at once."""
        self._deletable.append(message_id)
        # Without task mode nothing recognises an event that comes twice: a kill repeated dozens
        # while messages were deleted in sixteens.
        if self._at_once or len(self._deletable) == BATCH:
            self._delete()
        # A message whose receipt has ended would be sent again by the next replay.
        if self._at_once and self._left:
            self._delete_left()

    def finish(self) -> None:
        """Delete what is left, also if it is visible again.

        Raises:
            PluginError: It cannot be deleted.
        """
        self._delete()
        if self._left:
            self._delete_left()
        if self._left:
            remaining = plural(len(self._left), "accepted message")
            sentence = f"still there, held by another reader: {remaining}"
            self.notes = (*self.notes, f"{sentence}; a later replay recognises what was accepted")

    def __exit__(self, *_: object) -> None:
        self.show_again(list(self._receipts.values()))

    def _delete_left(self) -> None:
        """Receive all visible messages once more, and delete those whose receipts had ended."""
        expired = set(self._left)
        receipts = self._receipts
        self._receipts = {}
        for message in self._round():
            if message.message_id in expired:
                self._deletable.append(message.message_id)
            if len(self._deletable) == BATCH:
                self._delete()
        self._delete()
        self._receipts = receipts | self._receipts

    def _round(self) -> Iterator[Any]:
        """Yield each message once, until no new ones come."""
        while messages := self._received():
            new = [message for message in messages if message.message_id not in self._receipts]
            self._receipts.update(
                {message.message_id: message.receipt_handle for message in messages}
            )
            self._came_again = not new
            if self._came_again:
                return
            yield from new

    def _received(self) -> list[Any]:
        return self._asked(self.receive, [])

    def _asked(self, request: Callable[[], T], none: T) -> T:
        """Return what the client returns, or ``none`` if there is no message.

        Raises:
            PluginError: The service refused.
        """
        try:
            return request()
        except self.errors as error:
            if _code(error) == _MISSING:
                return none
            reason = f"{_reason(error)}{self.advice(error)}"
            raise PluginError(f"the messages cannot be read: {reason}") from error

    def _delete(self) -> None:
        if not self._deletable:
            return
        receipts = {self._receipts[message_id]: message_id for message_id in self._deletable}
        ended = self._ended(list(receipts))
        for receipt, message_id in receipts.items():
            if receipt in ended:
                self._left.add(message_id)
            else:
                self._left.discard(message_id)
                del self._receipts[message_id]
        self._deletable.clear()

    def _ended(self, receipts: list[str]) -> set[str]:
        """Delete messages; return the receipts that have ended."""
        try:
            return self.delete(receipts)
        except self.errors as error:
            if _code(error) != _MISSING:
                raise PluginError(f"messages cannot be deleted: {_reason(error)}") from error
            return set(receipts)


def _code(error: Exception) -> str:
    """Return the code of an error of the official client of MNS, or of this package."""
    code: str = getattr(error, "type", "") or getattr(error, "code", "")
    return code


def _reason(error: Exception) -> str:
    # str(error) of the official client ends with a line break and has two spaces in a row.
    code = _code(error)
    return f"{code}: {getattr(error, 'message', error)}" if code else str(error)
