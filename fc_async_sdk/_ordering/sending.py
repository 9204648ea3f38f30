# SPDX-License-Identifier: MIT
"""The sender's side: what a handle of a function adds to a message before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_sdk import _pacing
from fc_async_sdk._pacing import hop
from fc_async_sdk._payloads import envelopes
from fc_async_sdk.errors import FcAsyncError, InvalidParameter
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_sdk._ordering.concurrency import BaseConcurrency
    from fc_async_sdk._ordering.debounce import BaseDebounce
    from fc_async_sdk._ordering.windows import Window

_SAMPLES: Final = {
    "concurrency": ("take_ticket", 'Concurrency("talk", 1)'),
    "debounce": ("offer", 'Debounce("reply", 3)'),
}


class Policies(NamedTuple):
    """Policies of the messages of a handle; None: not used."""

    pace: _pacing.BasePace | None = None
    concurrency: BaseConcurrency | None = None
    debounce: BaseDebounce | None = None

    @property
    def chained(self) -> bool:
        """True if what a task returned may name the message that follows it."""
        return any(policy is not None for policy in self)

    def check(self) -> Policies:
        """Return the policies.

        Raises:
            InvalidParameter: One is of another type, or two of them exclude each other.
        """
        for name, (method, sample) in _SAMPLES.items():
            policy = getattr(self, name)
            if policy is not None and not callable(getattr(policy, method, None)):
                raise InvalidParameter(name, policy, f"must be such as {sample}")
        if self.pace is not None and self.debounce is not None:
            text = "is for the handler: which message runs, and when, is known after the quiet time"
            raise InvalidParameter("pace", self.pace, text)
        return self

    def check_message(self, task_id: str | None, delay: object) -> None:
        """Check that a message is not given what a debounce decides.

        Raises:
            InvalidParameter: It is.
        """
        if self.debounce is None:
            return
        for name, value in (("task_id", task_id), ("delay", delay)):
            if value is not None:
                text = "is decided by the debounce: several messages become one task"
                raise InvalidParameter(name, value, text)

    def check_many(self) -> None:
        """Check that messages may be sent many at a time.

        Raises:
            InvalidParameter: They have an order, or only the last one would run.
        """
        concurrency = self.concurrency
        if concurrency is not None and concurrency.has_tickets:
            text = "has an order: send with spawn(), one message after the other"
            raise InvalidParameter("concurrency", concurrency, text)
        if self.debounce is not None:
            text = "runs only the last of them: send with spawn()"
            raise InvalidParameter("debounce", self.debounce, text)


NO_POLICIES: Final = Policies()


class Decision(NamedTuple):
    """Arguments of what is sent for a message.

    Attributes:
        arguments: Those of ``invoke_async``.
        window: The window that the message has joined, or None.
        key: Of the debounce, or of the ticket.
        ticket: What it has got; 0: none.
        paced: The slot that the message has booked, or None.
    """

    arguments: dict[str, Any]
    window: Window | None = None
    key: object = None
    ticket: int = 0
    paced: _pacing.Paced | None = None

    @property
    def sends(self) -> bool:
        """False if the window of the message is under way already."""
        return self.window is None or not self.window.sent


def decided(policies: Policies, arguments: dict[str, Any], data: bytes) -> Decision:
    """Return what is sent for a message, with its ticket, slot or window.

    Args:
        policies: Those of the handle.
        arguments: Without them; the payload as it was given.
        data: The payload as it is sent.

    Raises:
        OrderingStoreFailed: The store cannot be reached; nothing is to be sent.
        PaceError: There is no slot; nothing is to be sent.
        InvalidParameter: The payload has no key.
    """
    if policies.debounce is not None:
        return _debounced(policies.debounce, arguments, data)
    concurrency = policies.concurrency
    key = None
    ticket = 0
    if concurrency is not None and concurrency.has_tickets:
        key = concurrency.key_of(arguments["payload"])
        ticket = concurrency.take_ticket(key)
        message = hop.Hop(
            payload=envelopes.content(data),
            task=arguments["task_id"] or "",
            turn=hop.Turn(ticket=ticket),
        )
        data = message.encode()
    if policies.pace is not None:
        try:
            paced = _pacing.paced(policies.pace, arguments, data)
        except FcAsyncError:
            give_back(policies, Decision(arguments, key=key, ticket=ticket))
            raise
        return Decision(paced.arguments, key=key, ticket=ticket, paced=paced)
    return Decision({**arguments, "payload": data}, key=key, ticket=ticket)


def give_back(policies: Policies, decision: Decision) -> None:
    """Take back ticket and slot of a message that was refused: those behind it need not wait."""
    if policies.concurrency is not None and decision.ticket:
        policies.concurrency.give_back(decision.key, decision.ticket)
    if decision.paced is not None:
        decision.paced.give_back()


def _debounced(debounce: BaseDebounce, arguments: dict[str, Any], data: bytes) -> Decision:
    key = debounce.key_of(arguments["payload"])
    payload = envelopes.content(data)
    window = debounce.offer(key, payload)
    seconds = debounce.seconds(window)
    delay = min(seconds, limits.DELAY_SECONDS.high)
    message = hop.Hop(
        payload=payload,
        task=window.task_id,
        turn=hop.Turn(window=window.id),
    )
    sent = {
        **arguments,
        "payload": message.encode(),
        "delay": delay or None,
        "task_id": window.task_id,
    }
    return Decision(sent, window, key)


def confirm(policies: Policies, decision: Decision) -> None:
    """Note that what was decided has been accepted by the service."""
    debounce = policies.debounce
    if debounce is not None and decision.window is not None:
        debounce.confirm(decision.key, decision.window)


async def async_decided(policies: Policies, arguments: dict[str, Any], data: bytes) -> Decision:
    """Run like :func:`decided`; the stores, which are synchronous, are asked in a thread."""
    import asyncio  # noqa: PLC0415 -- imports are billed, and most callers do not need it

    return await asyncio.to_thread(decided, policies, arguments, data)


async def async_give_back(policies: Policies, decision: Decision) -> None:
    """Run like :func:`give_back`, in a thread."""
    import asyncio  # noqa: PLC0415 -- imports are billed, and most callers do not need it

    await asyncio.to_thread(give_back, policies, decision)


async def async_confirm(policies: Policies, decision: Decision) -> None:
    """Run like :func:`confirm`, in a thread."""
    import asyncio  # noqa: PLC0415 -- imports are billed, and most callers do not need it

    await asyncio.to_thread(confirm, policies, decision)
