# SPDX-License-Identifier: MIT
"""Long batches that the function sends to itself, a stretch at a time.

A message that waits for longer than an hour is delivered and sent again each hour. A batch of hours
is written to a store instead, and a *feed* sends it: the function is called about once a minute,
books slots for the next minute at the pace of its handler, and sends these messages::

    store = DefaultStore()  # of fc_async_sdk.payloads

    @handler(Contact, pace=crm, large=store)
    def copy(contact, context): ...

    copy = client.function("copy", payload=Contact)
    copy.map(contacts, task_ids="nightly", feed=store)
    copy.feed("nightly").status()

Invariants:

- Nothing is sent before the whole batch is in the store.
- In task mode, a message is accepted once, however often its step is repeated.
- Slots are booked for about a minute ahead, or for a hundred messages if that is longer: others at
  the same pace wait for so long, not for the batch.
"""

from __future__ import annotations

from fc_async_sdk._feeding import Feeding, FeedStatus
from fc_async_sdk.handles import AsyncFeed, Feed

__all__ = ["AsyncFeed", "Feed", "FeedStatus", "Feeding"]
