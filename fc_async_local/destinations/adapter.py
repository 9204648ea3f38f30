# SPDX-License-Identifier: MIT
"""Adapters of destinations, and the channels of those that have messages to look at.

A kind of destination is one subclass of :class:`Adapter`. A queue, topic or bus is one of
:class:`Channel`: the console and the admin API list it, look at its messages, send and purge.

Invariant: an event over the limit of its kind is answered with a 4xx and not handed over.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Generic, NamedTuple, TypeVar, cast

from fc_async_local.destinations.base import DeliveryResult, fit
from fc_async_local.domain.errors import Rejected
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.spec import arn
from fc_async_sdk.spec.destinations import KINDS

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.settings import DestinationSettings
    from fc_async_sdk.spec.destinations import Kind

PAGE: Final = 1_000
"""The largest number of queues, topics or buses in a list."""

_NOT_XML: Final = re.compile("[\ufffe\uffff]")

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
        event = fit(
            delivery,
            lambda document: self.encode(document, delivery, now),
            limit=KINDS[self.kind].payload_bytes,
            form=self.form,
            settings=self.settings,
        )
        if isinstance(event, DeliveryResult):
            return event
        target = cast("A", arn.parse(delivery.destination))
        try:
            if self.settings.create_missing:
                await self.create(target)
            return await self.hand_over(target, event, delivery)
        except Rejected as error:
            return DeliveryResult(error.status, error.code, error.message)
        except StoreUnavailable as error:
            return DeliveryResult(503, "ServiceUnavailable", str(error))


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


class Message(NamedTuple):
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


class Channel(Adapter[A, T]):
    """A kind of destination whose messages a person or a consumer reads.

    Attributes:
        channel: The kind in the admin API, such as ``queue``.
    """

    channel: ClassVar[str]

    def named(self, name: str, instance: str = "") -> A:
        """Return the ARN of a queue, topic or bus, without region and account."""
        fields = list(KINDS[self.kind].names)
        names = dict(zip(fields, (instance, name)[-len(fields) :], strict=True))
        return cast("A", arn.CLASSES[self.kind](**names))

    @abstractmethod
    async def entries(self) -> Sequence[Entry]:
        """Return all queues, topics or buses of the kind."""

    @abstractmethod
    async def peek(self, target: A) -> Sequence[Message]:
        """Return messages without receiving them.

        Raises:
            Rejected: There is no such queue, topic or bus.
        """

    @abstractmethod
    async def send(self, target: A, body: str, *, tag: str, keys: str) -> str:
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
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", document.decode("utf-8"))
