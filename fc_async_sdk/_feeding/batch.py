# SPDX-License-Identifier: MIT
"""The batch of a feed in a store of payloads: pages of messages, and the index of the pages.

Pages and index are written as large payloads are (:mod:`fc_async_sdk._payloads.claims`): the hash
of each is checked when it is read. A million messages are a thousand objects.

Invariants:

- The same messages in the same order are the same pages: the second start of a sender that was
  killed writes them again.
- What a function reads is what was written, or an error.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_sdk._decoding import prepare
from fc_async_sdk._feeding.messages import LONGEST_NAME, Batch
from fc_async_sdk._payloads import claims, envelopes
from fc_async_sdk._payloads.claims import Claim
from fc_async_sdk.errors import FeedError, InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from fc_async_sdk._payloads.claims import PayloadStore

PAGE: Final = 1_000
"""Messages of a page."""
PAGE_BYTES: Final = 8 * 1024 * 1024
"""Bytes of a page, unless it is one message."""


class Feeding:
    """Place of the batch of a feed, and its rank beside other feeds.

    Args:
        store: A store of payloads that the function reads, too: ``@handler(…, large=store)``.
        name: Names the feed; None: the prefix of its task ids.
        priority: Of the feeds of one pace, those with the highest go first.
        key: Returns whose message a payload is, from a payload as it is sent. The messages of all
            keys then go in turn, so that few messages of one do not wait for many of another. The
            batch is kept in memory until it is written.

    Raises:
        InvalidParameter: An argument is wrong.
    """

    def __init__(
        self,
        store: PayloadStore,
        *,
        name: str | None = None,
        priority: int = 0,
        key: Callable[[Any], object] | None = None,
    ) -> None:
        claims.check(store)
        if type(priority) is not int:
            raise InvalidParameter("priority", priority, "must be a whole number")
        if key is not None and not callable(key):
            raise InvalidParameter("key", key, "must be a function of the payload")
        self.store = store
        self.name = name
        self.priority = priority
        self.key = key

    def named(self, prefix: object) -> str:
        """Return the name of a feed whose tasks have ids of a prefix.

        Raises:
            InvalidParameter: There is no name, or it is too long.
        """
        name = prefix if self.name is None else self.name
        if not isinstance(name, str):
            raise InvalidParameter("feed", None, "needs a prefix as task_ids, or Feeding(name=…)")
        if len(name) > LONGEST_NAME:
            text = f"must have at most {LONGEST_NAME} characters for a feed"
            raise InvalidParameter("task_ids", name, text)
        return name


def feeding(feed: PayloadStore | Feeding) -> Feeding:
    """Return what an argument ``feed`` says.

    Raises:
        InvalidParameter: It is neither a store nor a :class:`Feeding`.
    """
    if isinstance(feed, Feeding):
        return feed
    if not callable(getattr(feed, "put", None)):
        raise InvalidParameter("feed", feed, "must be a store, such as payloads.DefaultStore()")
    return Feeding(feed)


class Item(msgspec.Struct, frozen=True, array_like=True):
    """A message of a batch.

    Attributes:
        task_id: Its task id.
        payload: What is sent.
    """

    task_id: str
    payload: envelopes.Content


class Page(msgspec.Struct, frozen=True, array_like=True):
    """A page of a batch, as the index has it.

    Attributes:
        claim: Where it is.
        first: Number of its first message in the batch, from 0.
        size: How many messages it has.
    """

    claim: Claim
    first: int
    size: int


_PAGES: Final = msgspec.json.Decoder(list[Page])
_ITEMS: Final = msgspec.json.Decoder(list[Item])
prepare(Page, Item)


class BatchWriter:
    """Writes a batch, page by page.

    Args:
        store: Where it is written.
        function: The function that it is for.
        in_turn: Whether the messages of all keys go in turn.
    """

    def __init__(self, store: PayloadStore, function: str, *, in_turn: bool = False) -> None:
        self._store = store
        self._function = function
        self._digest = hashlib.sha256()
        self._pages: list[Page] = []
        self._items: list[Item] = []
        self._bytes = 0
        self._turns: Turns | None = Turns() if in_turn else None

    @property
    def is_nearly_full(self) -> bool:
        """True if the next message may have to be written with those before it."""
        return len(self._items) >= PAGE - 1 or self._bytes > PAGE_BYTES // 2

    def add(self, task_id: str, payload: bytes, key: object = None) -> None:
        """Add a message; write a page if it is full.

        Args:
            task_id: Its task id.
            payload: As it is sent.
            key: Whose message it is, if those of all keys go in turn.

        Raises:
            LargePayloadError: The store denied or failed.
        """
        item = Item(task_id, envelopes.content(payload))
        if self._turns is not None:
            self._turns.add(item, key)
        else:
            self._write(item, len(payload))

    def close(self, pace: str = "", priority: int = 0) -> Batch:
        """Write what is left and the index; return the batch.

        Raises:
            LargePayloadError: The store denied or failed.
        """
        if self._turns is not None:
            for item in self._turns.ordered():
                self._write(item, len(item.payload.open()))
        self._end_page()
        index = claims.write(self._store, self._function, msgspec.json.encode(self._pages))
        return Batch(
            index=index,
            digest=self._digest.hexdigest(),
            chosen=sum(page.size for page in self._pages),
            pace=pace,
            priority=priority,
        )

    def _write(self, item: Item, size: int) -> None:
        if self._items and self._bytes + size > PAGE_BYTES:
            self._end_page()
        self._items.append(item)
        self._bytes += size
        if len(self._items) == PAGE:
            self._end_page()

    def _end_page(self) -> None:
        if not self._items:
            return
        data = msgspec.json.encode(self._items)
        claim = claims.write(self._store, self._function, data)
        # Of the content alone: the key of the same page has another day in it tomorrow.
        self._digest.update(claim.sha256.encode())
        first = self._pages[-1].first + self._pages[-1].size if self._pages else 0
        self._pages.append(Page(claim, first, len(self._items)))
        self._items = []
        self._bytes = 0


class Turns:
    """Messages of which those of all keys go in turn: the first of each key, then the second."""

    def __init__(self) -> None:
        self._rounds: Counter[object] = Counter()
        self._items: list[tuple[int, Item]] = []

    def add(self, item: Item, key: object) -> None:
        """Add a message of a key."""
        self._items.append((self._rounds[key], item))
        self._rounds[key] += 1

    def ordered(self) -> list[Item]:
        """Return all messages in the order in which they are sent."""
        # The sort is stable: within a round, and for each key, the order is that of the input.
        in_rounds = sorted(self._items, key=lambda entry: entry[0])
        return [item for _, item in in_rounds]


class BatchReader:
    """Reads a batch that was written; keeps the index and the last page.

    Args:
        store: Where it is.
        batch: What the sender said.
        name: Name of the feed, for errors.
    """

    def __init__(self, store: PayloadStore, batch: Batch, name: str) -> None:
        self._store = store
        self._name = name
        self._pages = _PAGES.decode(claims.fetch(store, batch.index))
        # One attribute: invocations of an instance share the reader.
        self._last: tuple[Page, list[Item]] | None = None

    def after(self, number: int) -> Sequence[Item]:
        """Return the messages from a number on, to the end of their page.

        Raises:
            LargePayloadError: The page cannot be read.
            FeedError: The batch has no such message.
        """
        last = self._last
        if last is None or not last[0].first <= number < last[0].first + last[0].size:
            last = self._last = self._find(number)
        page, items = last
        return items[number - page.first :]

    def _find(self, number: int) -> tuple[Page, list[Item]]:
        for page in self._pages:
            if page.first <= number < page.first + page.size:
                return page, _ITEMS.decode(claims.fetch(self._store, page.claim))
        raise FeedError(self._name, f"the batch has no message {number}")
