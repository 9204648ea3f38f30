# SPDX-License-Identifier: MIT
"""Requests to the wrapper of a handler about a feed, and its answers. Pure.

A request is the payload ``{"$fc-async.feed": {…}}``. All verbs but ``step`` are synchronous calls,
so that the sender sees at once that the function cannot do it.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from fc_async_sdk._decoding import JSON_ERRORS, prepare
from fc_async_sdk._payloads import envelopes
from fc_async_sdk._payloads.claims import Claim
from fc_async_sdk.errors import FeedError, InvalidPayload

Verb = Literal["start", "step", "status", "pause", "resume", "stop"]
State = Literal["running", "paused", "stopped", "done"]

LONGEST_NAME: Final = 110
"""Characters; a task id has 128, and those of steps end with two numbers."""


class FeedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of a feed.

    Attributes:
        name: The prefix of its task ids, or the name that it was given.
        function: The function that it calls.
        state: ``running``, ``paused``, ``stopped`` or ``done``.
        chosen: Messages of the batch.
        sent: Messages that the service has accepted; they start in their slots.
        refused: Messages that no service can take, which were left out.
        priority: Feeds of one pace with a higher one go first.
        seconds: In how many seconds the last message starts, at the pace as it is; 0 if keys have
            paces of their own, or nothing is left.
        problem: Why the last step could not send, "" if it could.
    """

    name: str
    function: str
    state: State
    chosen: int
    sent: int
    refused: int = 0
    priority: int = 0
    seconds: float = 0
    problem: str = ""

    @property
    def left(self) -> int:
        """Messages that are not sent yet."""
        return self.chosen - self.sent - self.refused


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that is in a store.

    Attributes:
        index: Claim of the list of its pages.
        digest: Hash of all messages and their order.
        chosen: How many messages it has.
        pace: Name of the pace of the sender, "" if it has none.
        priority: Feeds of one pace with a higher one go first.
    """

    index: Claim
    digest: str
    chosen: int
    pace: str = ""
    priority: int = 0


class Request(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A request about a feed.

    Attributes:
        verb: What is asked.
        name: Name of the feed.
        step: With ``step``: which one, from 1.
        tries: With ``step``: how often it was put off because something failed.
        batch: With ``start``: what is sent.
    """

    verb: Verb
    name: str
    step: int = 0
    tries: int = 0
    batch: Batch | None = None

    def encode(self) -> bytes:
        """Return the payload that is this request."""
        return envelopes.write(envelopes.FEED, msgspec.json.encode(self))

    @property
    def task_id(self) -> str:
        """The id of a step: neither that of a member of the group ``name`` nor of its replays."""
        tries = f"_t{self.tries}" if self.tries else ""
        return f"{self.name}_f{self.step}{tries}"


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An answer to a request; one of the fields is set.

    Attributes:
        status: How far the feed is now.
        error: Why it was refused.
    """

    status: FeedStatus | None = None
    error: str = ""

    def result(self) -> dict[str, object]:
        """Return what the handler returns."""
        return {envelopes.FEED: msgspec.to_builtins(self)}


prepare(Request, Answer)


def read(event: bytes) -> Request | None:
    """Return the request that an event is, or None if it is another payload.

    Raises:
        InvalidPayload: It is a request of another version.
    """
    envelope = envelopes.read(event)
    if envelope is None or envelope.name != envelopes.FEED:
        return None
    try:
        return msgspec.json.decode(envelope.body, type=Request)
    except JSON_ERRORS as error:
        raise InvalidPayload("Feed", str(error), "$", what="the envelope") from error


def is_answer(result: bytes) -> bool:
    """Return whether a result is an answer about a feed, for which no handler has run."""
    envelope = envelopes.read(result)
    return envelope is not None and envelope.name == envelopes.FEED


def answered(result: bytes, name: str, function: str) -> FeedStatus:
    """Return the status that a function has answered.

    Raises:
        FeedError: The function has refused the request, or does not know feeds.
    """
    envelope = envelopes.read(result)
    answer = Answer()
    if envelope is not None and envelope.name == envelopes.FEED:
        answer = msgspec.json.decode(envelope.body, type=Answer)
    if answer.status is None:
        reason = answer.error or (
            f"the function {function} does not know feeds\n"
            "Decorate its handler: @handler(…, pace=pace, large=store)."
        )
        raise FeedError(name, reason)
    return answer.status
