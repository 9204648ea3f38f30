# SPDX-License-Identifier: MIT
"""Feeds: a batch in a store of payloads, which the function that it is for sends to itself.

This package is the lower floor of feeds; :mod:`fc_async_sdk.feeding` is what users import. A sender
writes the batch (:mod:`.batch`) and asks the function to begin (:mod:`.messages`). The wrapper of
the handler answers (:mod:`.steps`): each step books slots for the next minute (:mod:`.planning`),
sends these messages, notes what was sent (:mod:`.rows`) and sends itself the message of the next
step.

Invariants:

- Nothing is sent before the whole batch is in the store.
- A message has the task id that the sender gave it, whichever step sends it: in task mode the
  service accepts it once.
"""

from fc_async_sdk._feeding.batch import BatchWriter, Feeding, Item
from fc_async_sdk._feeding.messages import FeedStatus

__all__ = ["BatchWriter", "FeedStatus", "Feeding", "Item"]
