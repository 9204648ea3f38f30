# SPDX-License-Identifier: MIT
"""Messages that wait for others of their key.

A :class:`Concurrency` lets so many messages of a key run at a time::

    talk = Concurrency("talk", 1, key=lambda message: message.talk, store=store, order=True)

    @handler(Message, concurrency=talk)
    def reply(message, context): ...

A :class:`Debounce` runs only the last of the messages that come shortly after one another::

    newest = Debounce("reply", 3, max_wait=30, key=lambda message: message.talk, store=store)
    client.function("reply", debounce=newest).spawn(message)

Invariants:

- The bounds hold for all instances together, because they share the store.
- A message that must wait costs one short invocation each time it looks, and no instance waits.
- No message ends in silence: it runs, it fails, or its result says that it was skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fc_async_sdk._ordering import BaseConcurrency, BaseDebounce
from fc_async_sdk._ordering.concurrency import State
from fc_async_sdk._ordering.debounce import Burst
from fc_async_sdk.ordering.gates import ConcurrencyGate, DebounceGate, guard

if TYPE_CHECKING:
    from collections.abc import Callable

    H = TypeVar("H", bound=Callable[[Any, Any], Any])

__all__ = ["Burst", "Concurrency", "Debounce", "State"]


class Concurrency(BaseConcurrency):
    """Limit of how many messages of a key run at a time, for all instances that share the store.

    A lease lasts for the timeout of the function and 90 seconds. It is given back when the run
    ends; after a crash the next attempt of the same message takes it over, and others get it when
    it has ended.

    Args:
        name: Names the limit in the store.
        limit: How many run at a time; 1 or more.
        key: Returns what has a limit of its own, from the payload that the handler gets:
            ``key=lambda message: message.talk``. None: all messages share the limit.
        store: Where the state is kept. None: in this process only, for tests.
        order: Whether messages of a key start in order: that in which they were sent, by
            ``client.function("reply", concurrency=talk)``; others in the order of their first
            delivery.
        mode: ``wait``: a message that finds no room is sent again and looks later. ``skip``: it
            ends, and its result says so. ``cancel``: it stops the task that runs, and runs when
            that has stopped; needs ``limit=1``, task mode and the permissions
            ``fc:ListAsyncTasks`` and ``fc:StopAsyncTask``.
        patience: Seconds for which a message waits, at most; after that its attempts fail, so that
            the service sends it to the failure destination. Up to seven days.
        missing: With an order, seconds for which the next message is waited for, if it does not
            come: it has failed for good, or was stopped. 75 or more.
        timeout: Seconds that the platform lets the handler run; None: ``context.function.timeout``.
        clock: Returns seconds since the epoch, for tests.
        chance: Returns random numbers from 0 to 1, for tests.

    Raises:
        InvalidParameter: An argument is out of its range.
    """

    def wrap(self, handler: H, *, read: Callable[[bytes, Any], object] | None = None) -> H:
        """Return a handler that keeps the limit; ``@handler(Order, concurrency=…)`` calls this.

        Args:
            handler: ``handler(event, context)``, or a coroutine function.
            read: Returns what ``key`` gets, for a payload and the context. None: JSON values.
        """
        return guard(handler, lambda inner: ConcurrencyGate(self, inner, read))


class Debounce(BaseDebounce):
    """Runs only the last of the messages of a key that come shortly after one another.

    The first message of a window is sent with a delay. Those that follow are not sent: they replace
    its payload in the store. The handler needs the debounce, too: ``@handler(…, debounce=newest)``.
    A message of a sender that does not know the debounce joins the window when it is delivered.

    Args:
        name: Names the debounce in the store.
        quiet: Seconds for which no message may come before the last one runs; 1 to seven days.
        max_wait: Seconds after the first message at which the last one runs, also if others come;
            ``quiet`` to seven days. None: ten times ``quiet``.
        key: Returns what a message is one of: ``key=lambda message: message.talk``. None: all
            messages are one burst.
        store: Where the state is kept, with the payloads. None: in this process only, for tests.
        leading: Whether the first message after a quiet time runs at once. Those that follow it
            become one run, as otherwise.
        timeout: Seconds that the platform lets the handler run; None: ``context.function.timeout``.
        clock: Returns seconds since the epoch, for tests.

    Raises:
        InvalidParameter: An argument is out of its range.
    """

    def wrap(self, handler: H, *, read: Callable[[bytes, Any], object] | None = None) -> H:
        """Return a handler of the last message; ``@handler(Order, debounce=…)`` calls this.

        Args:
            handler: ``handler(event, context)``, or a coroutine function.
            read: Returns what ``key`` gets, for a payload and the context. None: JSON values.
        """
        return guard(handler, lambda _: DebounceGate(self, read))
