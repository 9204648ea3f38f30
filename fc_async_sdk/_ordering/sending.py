# SPDX-License-Identifier: MIT
"""The sender's side: what a handle of a function adds to a message before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_sdk import _pacing
from fc_async_sdk._pacing import hop
from fc_async_sdk._payloads import envelopes
from fc_async_sdk.errors import InvalidParameter

if TYPE_CHECKING:
    from fc_async_sdk._ordering.concurrency import BaseConcurrency


def check_concurrency(concurrency: object) -> None:
    """Check that it is a limit of messages.

    Raises:
        InvalidParameter: It is not, but a number for example.
    """
    if concurrency is not None and not callable(getattr(concurrency, "take_ticket", None)):
        raise InvalidParameter("concurrency", concurrency, 'must be such as Concurrency("talk", 1)')


def decided(
    concurrency: BaseConcurrency | None,
    pace: _pacing.BasePace | None,
    arguments: dict[str, Any],
    data: bytes,
) -> dict[str, Any]:
    """Return arguments of ``invoke_async`` with the ticket and the slot of a message.

    Args:
        concurrency: The limit that gives tickets, or None.
        pace: The pace, or None.
        arguments: Without them; the payload as it was given.
        data: The payload as it is sent.

    Raises:
        OrderingStoreFailed: The store of tickets cannot be reached; nothing is to be sent.
        PaceError: There is no slot; nothing is to be sent.
        InvalidParameter: The payload has no key.
    """
    if concurrency is not None and concurrency.order:
        ticket = concurrency.take_ticket(concurrency.key_of(arguments["payload"]))
        message = hop.Hop(
            payload=envelopes.content(data),
            task=arguments["task_id"] or "",
            turn=hop.Turn(ticket=ticket),
        )
        data = message.encode()
    if pace is not None:
        return _pacing.paced(pace, arguments, data)
    return {**arguments, "payload": data}


async def async_decided(
    concurrency: BaseConcurrency | None,
    pace: _pacing.BasePace | None,
    arguments: dict[str, Any],
    data: bytes,
) -> dict[str, Any]:
    """Run like :func:`decided`; the stores, which are synchronous, are asked in a thread."""
    import asyncio  # noqa: PLC0415 -- imports are billed, and most callers do not need it

    return await asyncio.to_thread(decided, concurrency, pace, arguments, data)
