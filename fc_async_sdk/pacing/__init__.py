# SPDX-License-Identifier: MIT
"""Sending as fast as the other side allows, and no faster.

A :class:`Pace` gives each message a slot, which becomes its delay::

    crm = Pace("crm", "25/s", store=RedisStore(redis.Redis(host=os.environ["REDIS_HOST"])))
    client.function("sync-contact", pace=crm).map(contacts)

Invariants:

- The bounds of a pace hold for all its senders together, because they share its store.
- Nothing is sent before its slot is booked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fc_async_sdk._feeding.steps import Feeder
from fc_async_sdk._pacing import BasePace, Forecast, Slots
from fc_async_sdk._pacing.sending import as_json, check
from fc_async_sdk._payloads import values
from fc_async_sdk.pacing.receiving import Receiver, RetryLater, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk._payloads.claims import PayloadStore

    H = TypeVar("H", bound=Callable[[Any, Any], Any])

__all__ = ["Forecast", "Pace", "RetryLater", "Slots", "paced"]


class Pace(BasePace):
    """Limit of how fast messages start, for all senders that share the store and the name.

    Args:
        name: Names the pace in the store.
        rate: Messages a second as a number; a text such as ``25/s``, ``1/10s`` or ``600/min``; or a
            function that returns one of them for a key. From one a week to 10,000 a second.
        burst: How many may start at once after a pause; 1 or more.
        key: Returns what has a pace of its own, from a payload as it is sent:
            ``key=lambda order: order.shop``. None: all messages share the pace.
        smooth: Whether slots are kept to the millisecond. The service's delay is a whole number of
            seconds; the handler's wrapper waits for the rest, and this time is billed. The handler
            must be decorated: ``@handler(Order, pace=pace)``.
        store: Where the state is kept. None: in this process only, for tests and single senders.
        max_hops: How often a message may be delivered only to wait on, for waits beyond 3,599
            seconds; 0 to 168. Above 0 the handler must be decorated, and a message that comes late
            books again: ``@handler(Order, pace=pace)``.
        on_store_error: ``fail``: nothing is sent if the store cannot be reached. ``send``: messages
            are sent unpaced, with a warning in the log.
        clock: Returns seconds since the epoch, for tests.
        within: A pace without a key that all messages share, too: ``Pace("all", "100/s")``. A
            message has a slot of both, and starts at the later one.

    Raises:
        InvalidParameter: An argument is out of its range.
    """

    def wrap(
        self,
        handler: H,
        *,
        read: Callable[[bytes, Any], object] | None = None,
        large: PayloadStore | None = None,
    ) -> H:
        """Return a handler that waits for its slot; ``@handler(Order, pace=pace)`` calls this.

        Args:
            handler: ``handler(event, context)``, or a coroutine function.
            read: Returns what ``key`` gets, for a payload and the context. None: JSON values.
            large: Store that feeds are read from.
        """
        feeder = Feeder(self, large, read or as_json)
        return wrap(handler, Receiver(self, books=False, read=read, feeder=feeder))


def paced(pace: BasePace, *, payload: Any = None) -> Callable[[H], H]:
    """Run a handler at a pace that its senders do not know: those of triggers, for example.

    A message books its slot when it arrives. If the slot has not come, the message is sent again
    with a delay, which costs one short invocation, and the handler runs when it is delivered then.

    Args:
        pace: The pace; its store must be shared by all instances of the function.
        payload: Type of the payload that ``key`` of the pace gets. None: JSON values.

    Raises:
        InvalidParameter: JSON cannot be read as this type, or it is not a pace.

    Example::

        @paced(Pace("crm", "25/s", store=store))
        def handler(event, context): ...
    """
    check(pace)
    if payload is None:
        return lambda handler: wrap(handler, Receiver(pace, books=True))
    values.check_type("payload", payload)
    receiver = Receiver(pace, books=True, read=lambda data, _: values.from_json(payload, data))
    return lambda handler: wrap(handler, receiver)
