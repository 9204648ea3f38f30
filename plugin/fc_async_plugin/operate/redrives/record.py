# SPDX-License-Identifier: MIT
"""The record of a redrive: what was chosen, and what became of each failure. Pure.

Invariants:

- A failure is written as being sent before it is sent. After a kill these are the only ones of
  which it is not known whether they were sent.
- Each failure has one state: accepted, refused, failed and left add up to the failures chosen.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from fc_async_sdk._decoding import prepare
from fc_async_sdk.stores import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

RedriveState = Literal["running", "paused", "stopped", "ended"]
"""State of a redrive; ``ended``: each of them was tried."""

PART: Final = 100
"""Failures of one row: with one write to the record so many are sent."""


class MemberState(enum.Enum):
    """State of one failure of a redrive; a row has its letter."""

    CHOSEN = "."
    SENDING = "?"
    SENT = "s"
    BEFORE = "b"
    REFUSED = "r"
    FAILED = "e"


_FOLLOWING: Final[Mapping[MemberState, frozenset[MemberState]]] = {
    MemberState.CHOSEN: frozenset((MemberState.SENDING, MemberState.REFUSED)),
    # Sent by a process that was killed; sent again, and then perhaps not there any more.
    MemberState.SENDING: frozenset(MemberState) - {MemberState.CHOSEN},
    MemberState.SENT: frozenset(),
    MemberState.BEFORE: frozenset(),
    # The configuration or the service may be mended before the redrive is resumed.
    MemberState.REFUSED: frozenset((MemberState.SENDING, MemberState.REFUSED)),
    MemberState.FAILED: frozenset((MemberState.SENDING, MemberState.REFUSED)),
}
_OPEN: Final = frozenset(
    state for state, following in _FOLLOWING.items() if MemberState.SENDING in following
)
_ACCEPTED: Final = frozenset((MemberState.SENT, MemberState.BEFORE))

_LONGEST_ERROR: Final = 300
"""Characters: a row must fit into 64 KB, the TEXT of MySQL."""

UNKNOWN: Final = "."
SUCCEEDED_AGAIN: Final = "S"
FAILED_AGAIN: Final = "F"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Source of the failures of some parts of a redrive.

    Attributes:
        region: Region of the functions.
        name: What keeps the payloads; see :class:`~fc_async_plugin.operate.failures.FailureGroup`.
        named: Functions that the user named: they are called whatever their configurations say.
        to: Function that is called; None: the one that failed.
        qualifier: Version or alias of ``to``.
    """

    region: str
    name: str
    named: list[str] = []
    to: str | None = None
    qualifier: str | None = None


class Pacing(msgspec.Struct, frozen=True, kw_only=True):
    """Speed of a redrive.

    Attributes:
        rate: Such as ``25/s``.
        name: Name of the pace; "": one of this redrive alone.
    """

    rate: str
    name: str = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Numbers of failures of a redrive, by what became of them.

    Attributes:
        chosen: All of them.
        accepted: Those that the service accepted, now or before.
        accepted_before: Those that it had accepted before this redrive.
        succeeded_again: Those of the accepted ones that have succeeded, as far as was looked.
        failed_again: Likewise, that have failed.
        refused: Those whose function may not be called for events of their source.
        failed: Those that the service did not accept.
        left: The others: not sent yet, or not in their source, or held by another reader.
    """

    chosen: int = 0
    accepted: int = 0
    accepted_before: int = 0
    succeeded_again: int = 0
    failed_again: int = 0
    refused: int = 0
    failed: int = 0
    left: int = 0

    def plus(self, other: Counts) -> Counts:
        """Return the sums."""
        names = self.__struct_fields__
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def minus(self, other: Counts) -> Counts:
        """Return the differences."""
        names = self.__struct_fields__
        return Counts(**{name: getattr(self, name) - getattr(other, name) for name in names})


class Head(Row, frozen=True, omit_defaults=True, kw_only=True):
    """The row of a redrive.

    Attributes:
        redrive: Its id.
        target: Account or runtime, in words; a command for another one does not resume it.
        created: Milliseconds since the epoch.
        state: Whether failures are sent.
        runner: Identifies the process that sends: a later one takes the redrive over.
        sources: What the failures are read from.
        parts: Number of its rows of failures.
        pacing: How fast it sends; None: as fast as the service takes it.
        reader: Group of RocketMQ that reads topics.
        counts: As of the last write.
    """

    redrive: str
    target: str
    created: int
    state: RedriveState
    runner: str
    sources: list[Source]
    parts: int
    pacing: Pacing | None = None
    reader: str | None = None
    counts: Counts = msgspec.field(default_factory=Counts)


class Part(Row, frozen=True, omit_defaults=True, kw_only=True):
    """A row of failures of one function.

    Attributes:
        source: Index of their source.
        function: Name of the function that failed.
        qualifier: Version or alias by which it was called; None is LATEST.
        ids: Ids of tasks or request ids.
        states: A letter of :class:`MemberState` for each.
        ends: A letter for each: what became of what was sent.
        errors: Why the service did not accept some, by id.
    """

    source: int
    function: str
    qualifier: str | None
    ids: list[str]
    states: str
    ends: str
    errors: dict[str, str] = msgspec.field(default_factory=dict)

    def members(self) -> Iterator[tuple[str, MemberState]]:
        """Yield the failures with their states."""
        for failure, letter in zip(self.ids, self.states, strict=True):
            yield failure, MemberState(letter)

    def open(self) -> list[str]:
        """Return the ids of failures that a run sends: not accepted by now."""
        return [failure for failure, state in self.members() if state in _OPEN]

    def accepted(self) -> list[str]:
        """Return the ids of failures that the service has accepted."""
        return [failure for failure, state in self.members() if state in _ACCEPTED]

    def being_sent(self) -> set[str]:
        """Return the ids of failures of which it is not known whether they were sent."""
        return {failure for failure, state in self.members() if state is MemberState.SENDING}

    def running(self) -> list[str]:
        """Return the ids of failures that were accepted and whose end is not known."""
        members = zip(self.ids, self.states, self.ends, strict=True)
        return [
            failure
            for failure, letter, end in members
            if MemberState(letter) in _ACCEPTED and end == UNKNOWN
        ]

    def with_states(self, results: Mapping[str, Result]) -> Part:
        """Return the part after some failures have changed their states.

        Raises:
            ValueError: A step between states is not legal.
        """
        letters = list(self.states)
        errors = dict(self.errors)
        for index, (failure, state) in enumerate(self.members()):
            result = results.get(failure)
            if result is None or result.state is state:
                continue
            if result.state not in _FOLLOWING[state]:
                raise ValueError(f"{failure} cannot become {result.state} from {state}")
            letters[index] = result.state.value
            errors.pop(failure, None)
            if result.error:
                errors[failure] = result.error[:_LONGEST_ERROR]
        return replace(self, states="".join(letters), errors=errors)

    def with_ends(self, ends: Mapping[str, str]) -> Part:
        """Return the part after some of what was sent has ended."""
        letters = [ends.get(failure, end) for failure, end in zip(self.ids, self.ends, strict=True)]
        return replace(self, ends="".join(letters))

    def counts(self) -> Counts:
        """Return how many failures are in which state."""
        states = {state: self.states.count(state.value) for state in MemberState}
        sent = states[MemberState.SENT]
        before = states[MemberState.BEFORE]
        return Counts(
            chosen=len(self.ids),
            accepted=sent + before,
            accepted_before=before,
            succeeded_again=self.ends.count(SUCCEEDED_AGAIN),
            failed_again=self.ends.count(FAILED_AGAIN),
            refused=states[MemberState.REFUSED],
            failed=states[MemberState.FAILED],
            left=states[MemberState.CHOSEN] + states[MemberState.SENDING],
        )


class Index(Row, frozen=True, omit_defaults=True, kw_only=True):
    """The row that lists the redrives of a store, the newest first."""

    redrives: list[str]


prepare(Head)
prepare(Part)
prepare(Index)


class Result(NamedTuple):
    """New state of a failure; ``error`` is why the service did not accept it."""

    state: MemberState
    error: str = ""


SENDING: Final = Result(MemberState.SENDING)
REFUSED: Final = Result(MemberState.REFUSED)


class Chosen(NamedTuple):
    """Failures of one function and source that a redrive is made of.

    Attributes:
        source: Index of the source.
        function: Name of the function that failed.
        qualifier: Version or alias by which it was called; None is LATEST.
        ids: Ids of tasks or request ids, each once.
    """

    source: int
    function: str
    qualifier: str | None
    ids: list[str]


def bounded(chosen: Iterable[Chosen], most: int | None) -> tuple[list[Chosen], int]:
    """Return the first failures up to a number, and how many others there are."""
    parts: list[Chosen] = []
    total = 0
    beyond = 0
    for failures in chosen:
        room = len(failures.ids) if most is None else max(most - total, 0)
        ids = failures.ids[:room]
        beyond += len(failures.ids) - len(ids)
        total += len(ids)
        if ids:
            parts.append(failures._replace(ids=ids))
    return parts, beyond
