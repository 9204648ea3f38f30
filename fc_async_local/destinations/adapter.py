# SPDX-License-Identifier: MIT
"""Adapters of destinations, and the channels of those that have messages to look at.

A kind of destination is one subclass of :class:`Adapter`. A queue, topic or bus is one of
:class:`ChannelAdapter`: the console and the admin API list it, look at its messages, send and
purge.

The event of a function that was called with an event contains that event as an escaped JSON string
in ``requestPayload``: in a pipeline the size of the event doubles with each function.

Invariants:
    - An event within the limit of its kind is sent unchanged; one over it is answered with a 4xx.
    - Over the limit, only copies of earlier events are left out, marked by
      ``requestPayloadOmitted``. What the function returned is never cut.
    - The event of an invocation that the loop guard ended fits every destination.
"""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Generic, NamedTuple, TypeVar, cast

import msgspec

from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.domain.errors import RECURSIVE, Rejected
from fc_async_local.domain.policy import call_path_text
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.spec import arn
from fc_async_sdk.spec.destinations import KINDS

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.settings import DestinationSettings
    from fc_async_sdk.spec.destinations import Kind

logger = logging.getLogger(__name__)

PAGE: Final = 1_000
"""The largest number of queues, topics or buses in a list."""

_NOT_XML: Final = re.compile("[\ufffe\uffff]")
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text: Final = msgspec.json.Decoder(str).decode
_encode: Final = msgspec.json.Encoder().encode
_EMPTY: Final = msgspec.Raw(b'""')
_FIELDS: Final = frozenset(
    ("requestContext", "requestPayload", "responseContext", "responsePayload")
)
_TRUE: Final = msgspec.Raw(b"true")

A = TypeVar("A", bound=arn.Arn)
T = TypeVar("T")


class Adapter(ABC, Generic[A, T]):
    """Sends events to one kind of destination.

    Args:
        settings: The runtime's settings.

    Attributes:
        kind: The kind.
        form: The form whose size counts, such as ``a CloudEvent``.
    """

    kind: Kind
    form: str

    def __init__(self, settings: DestinationSettings) -> None:
        self.settings = settings

    @abstractmethod
    def encode(self, document: bytes, delivery: Delivery, now: int) -> tuple[T, int]:
        """Return a document in the form of the destination, and its size as transmitted."""

    @abstractmethod
    async def hand_over(self, target: A, event: T, delivery: Delivery) -> DeliveryResult:
        """Send an encoded event.

        Raises:
            Rejected: The destination refuses it.
            StoreUnavailable: The store cannot be written.
        """

    async def create(self, target: A) -> None:
        """Make what an ARN of this kind names, unless it exists or cannot be made.

        Raises:
            Rejected: It cannot have this name, or there are too many.
        """

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Send an event once."""
        event = self._fit(delivery, now)
        if isinstance(event, DeliveryResult):
            return event
        target = cast("A", arn.parse(delivery.destination))
        try:
            # Making what exists is a no-op for all kinds, also when two nodes do it at once.
            if self.settings.create_missing:
                await self.create(target)
            return await self.hand_over(target, event, delivery)
        except Rejected as error:
            return DeliveryResult(error.status, error.code, error.message)
        # As a 5xx: the delivery is tried again by its own rules.
        except StoreUnavailable as error:
            return DeliveryResult(503, "ServiceUnavailable", str(error))

    def _fit(self, delivery: Delivery, now: int) -> T | DeliveryResult:
        """Return the encoded event, within the limit of the kind, or a 4xx."""
        limit = KINDS[self.kind].payload_bytes
        body, full = self.encode(delivery.document, delivery, now)
        if full <= limit:
            return body
        for document in self._shorter(delivery.document):
            body, size = self.encode(document, delivery, now)
            if size <= limit:
                logger.warning(
                    "%s of %s: the event is %d bytes as %s, %s takes %d; copies of earlier events "
                    "in its requestPayload are left out (Function Compute documents a 4xx here)",
                    delivery.request_id,
                    delivery.function,
                    full,
                    self.form,
                    delivery.destination,
                    limit,
                    extra={"request_id": delivery.request_id},
                )
                return body
        return _too_large(delivery, full, limit, self.form)

    def _shorter(self, document: bytes) -> Iterator[bytes]:
        """Yield shorter forms of an event, the longest first."""
        event = _event(document)
        if event is None:
            return
        # Each event of a pipeline holds the one before it as an escaped string; it doubles with
        # each function, and exceeds 128 KB after about 12 (docs/decisions/engine.md, 0040).
        if self.settings.long_events == "shorten" and "requestPayloadEncoding" not in event:
            earlier = _event(_text(event["requestPayload"]))
            if earlier is not None:
                shorter = _encode(_omitted(earlier)).decode()
                yield _encode(event | {"requestPayload": shorter})
        # The event that says that a loop was ended must arrive, however long the loop made it.
        condition = _text(_object(event["requestContext"])["condition"])
        if condition == RECURSIVE:
            yield _encode(_omitted(event))


def _event(document: bytes | str) -> dict[str, msgspec.Raw] | None:
    """Return the fields of an event of a destination; None for any other document."""
    try:
        event = _object(document)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return event if event.keys() >= _FIELDS else None


def _omitted(event: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    fields = {name: value for name, value in event.items() if name != "requestPayloadEncoding"}
    return fields | {"requestPayload": _EMPTY, "requestPayloadOmitted": _TRUE}


def _too_large(
    delivery: Delivery,
    size: int,
    limit: int,
    form: str,
) -> DeliveryResult:
    """Return the 4xx for an event over the limit. It is recorded and not tried again."""
    event = _event(delivery.document)
    parts = ""
    if event is not None:
        request = len(event["requestPayload"])
        response = len(event["responsePayload"])
        parts = f" (requestPayload {request} bytes, responsePayload {response} bytes)"
    came = ""
    if len(delivery.call_path) > 1:
        came = (
            f"The event of each function of the call path ({len(delivery.call_path)}: "
            f"{call_path_text(delivery.call_path)}) holds the event before it. "
        )
    return DeliveryResult(
        413,
        "EntityTooLarge",
        f"the event is {size} bytes as {form}, the destination takes {limit}{parts}. {came}"
        "Return less from the function, or put the payload into object storage and return its name",
    )


class Entry(NamedTuple):
    """A queue, topic or bus in a list.

    Attributes:
        name: Its name.
        instance: The instance of a topic of RocketMQ.
        messages: The number of messages that can be looked at.
        facts: Other numbers by their label.
    """

    name: str
    instance: str = ""
    messages: int = 0
    facts: Mapping[str, int] = {}


class ShownMessage(NamedTuple):
    """A message as it is shown.

    Attributes:
        id: Its id.
        at: When it was sent, milliseconds since the epoch.
        body: As it was sent.
        attributes: Other values by their label; "" is not shown.
        summary: What an event of another source than Function Compute says of itself.
    """

    id: str
    at: int
    body: str
    attributes: Mapping[str, object] = {}
    summary: Mapping[str, str] = {}


class ChannelAdapter(Adapter[A, T]):
    """A kind of destination whose messages a person or a consumer reads.

    Attributes:
        channel: The kind in the admin API, such as ``queue``.
    """

    channel: ClassVar[str]

    def named(self, name: str, instance: str = "") -> A:
        """Return the ARN of a queue, topic or bus, without region and account."""
        # A kind has a name, or an instance and a name.
        fields = list(KINDS[self.kind].names)
        values = (instance, name)[-len(fields) :]
        names = dict(zip(fields, values, strict=True))
        return cast("A", arn.CLASSES[self.kind](**names))

    @abstractmethod
    async def entries(self) -> Sequence[Entry]:
        """Return all queues, topics or buses of the kind."""

    @abstractmethod
    async def peek(self, target: A) -> Sequence[ShownMessage]:
        """Return messages without receiving them.

        Raises:
            Rejected: There is no such queue, topic or bus.
        """

    @abstractmethod
    async def send(
        self,
        target: A,
        body: str,
        *,
        tag: str,
        keys: str,
    ) -> str:
        """Send a message as a client does; return its id.

        Raises:
            Rejected: There is no such queue, topic or bus, or it refuses the message.
        """

    async def remove(self, target: A, message_ids: Container[str]) -> None:
        """Delete messages that :meth:`peek` returned, unless the kind keeps its messages."""

    @abstractmethod
    async def purge(self, target: A) -> int:
        """Delete all messages, and return how many there were.

        Raises:
            Rejected: There is no such queue, topic or bus.
        """


def text_for_xml(document: bytes) -> str:
    """Return a JSON document as text that XML may hold.

    Two characters that are valid in JSON but not in XML are written as JSON escapes.
    """
    text = document.decode("utf-8")
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
