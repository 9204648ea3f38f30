# SPDX-License-Identifier: MIT
"""Fault injection: which destinations and functions fail on purpose, how, and for how long.

Faults are set by users' tests through the fixture, or through the admin API. They are kept in
memory only, so a restart clears them.
"""

from __future__ import annotations

import itertools
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Literal, TypeVar, get_args

import msgspec

from fc_async_local.domain.errors import Rejected
from fc_async_sdk.spec.destinations import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

_STATUSES: Final = range(400, 600)
_LONGEST_SECONDS: Final = 10 * 365 * 86_400

FunctionError = Literal["throttled", "no resources", "system error"]
"""Errors of the system side, which are retried with back-off for five hours and not counted."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A rule by which deliveries or attempts fail.

    Attributes:
        id: Assigned by :class:`Faults`.
        times: For how many tries; None: until it is cleared.
        until: Until when, milliseconds since the epoch; None: until it is cleared.
    """

    id: int = 0
    times: int | None = None
    until: int | None = None

    def in_force(self, now: int) -> bool:
        """Return whether the fault still applies at a time."""
        if self.times == 0:
            return False
        return self.until is None or self.until > now

    def check(self) -> None:
        """Refuse a new fault whose values make no sense.

        Raises:
            Rejected: 400 InvalidArgument.
        """
        times_are_valid = self.times is None or self.times >= 1
        _require(times_are_valid, f"times must be 1 or more, got {self.times}")


class DestinationFault(Fault, frozen=True, kw_only=True):
    """A destination that refuses, fails or does not answer.

    Attributes:
        destination: A kind (``mns-queue``), an ARN, or an ARN with ``*`` in it; ``*``: any.
        status: What the destination answers, 400 to 599: 5xx and 429 are tried again, other 4xx
            are recorded and not tried again.
        timeout: It does not answer in time instead.
    """

    destination: str = "*"
    status: int = 503
    timeout: bool = False

    def concerns(self, kind: str, arn: str) -> bool:
        """Return whether the fault is set for a destination."""
        return self.destination == kind or fnmatchcase(arn, self.destination)

    def check(self) -> None:
        """Refuse a destination of no kind, or a status that is not an error."""
        super().check()
        is_kind = self.destination in {*KINDS, "*"}
        is_arn = self.destination.startswith("acs:")
        kinds = ", ".join(sorted(KINDS))
        message = f"destination must be an ARN, '*' or one of {kinds}, got {self.destination!r}"
        _require(is_kind or is_arn, message)
        message = f"status must be from 400 to 599, got {self.status}"
        _require(self.status in _STATUSES, message)


class FunctionFault(Fault, frozen=True, kw_only=True):
    """A function that the system cannot run; it does not run.

    Attributes:
        function: Its name, which may hold ``*``.
        error: How attempts end.
    """

    function: str
    error: FunctionError = "system error"

    def concerns(self, function: str) -> bool:
        """Return whether the fault is set for a function."""
        return fnmatchcase(function, self.function)

    def check(self) -> None:
        """Refuse a function without a name, or an error that is not known."""
        super().check()
        _require(bool(self.function), "function must be a name, which may hold '*', got ''")
        errors = get_args(FunctionError)
        names = ", ".join(errors)
        message = f"error must be one of {names}, got {self.error!r}"
        _require(self.error in errors, message)


F = TypeVar("F", bound=Fault)


class Faults:
    """The faults that are set, the oldest first: that one applies.

    Args:
        now: Returns milliseconds since the epoch.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._ids = itertools.count(1)
        self._set: list[Fault] = []

    def add(self, fault: F, *, seconds: float | None = None) -> F:
        """Set a fault and return it with its id.

        Args:
            fault: What fails, and how.
            seconds: For how long, at most ten years; None: until it is cleared.

        Raises:
            Rejected: 400 InvalidArgument.
        """
        fault.check()
        numbered = msgspec.structs.replace(
            fault,
            id=next(self._ids),
            until=self._until(seconds),
        )
        # At the end: the oldest fault that applies is the one that strikes.
        self._set.append(numbered)
        return numbered

    def all(self) -> list[Fault]:
        """Return the faults that still apply, oldest first."""
        now = self._now()
        self._set = [fault for fault in self._set if fault.in_force(now)]
        return list(self._set)

    def clear(self, fault_id: int | None = None, *, kind: type[Fault] = Fault) -> bool:
        """Clear one fault, or all of a kind; return whether there was one."""
        before = self._set
        of_kind = [fault for fault in before if isinstance(fault, kind)]
        ids = [fault.id for fault in of_kind]
        cleared = {number for number in ids if fault_id in (None, number)}
        self._set = [fault for fault in before if fault.id not in cleared]
        return bool(cleared)

    def strike(self, kind: str, arn: str) -> DestinationFault | None:
        """Return the fault that applies to this try of a delivery, or None; use it up once."""
        return self._use(DestinationFault, lambda fault: fault.concerns(kind, arn))

    def strike_function(self, function: str) -> FunctionFault | None:
        """Return the fault that applies to this attempt, or None; use it up once."""
        if not self._set:  # each attempt asks, and most runtimes have no fault
            return None
        return self._use(FunctionFault, lambda fault: fault.concerns(function))

    def _use(self, kind: type[F], concerned: Callable[[F], bool]) -> F | None:
        now = self._now()
        for index, fault in enumerate(self._set):
            if not isinstance(fault, kind) or not fault.in_force(now):
                continue
            if not concerned(fault):
                continue
            if fault.times is not None:
                times = fault.times - 1
                self._set[index] = msgspec.structs.replace(fault, times=times)
            return fault
        return None

    def _until(self, seconds: float | None) -> int | None:
        if seconds is None:
            return None
        is_valid = 0 < seconds <= _LONGEST_SECONDS
        limits = f"more than 0 and at most {_LONGEST_SECONDS}"
        _require(is_valid, f"seconds must be {limits}, got {seconds}")
        return self._now() + int(seconds * 1_000)


def _require(right: bool, message: str) -> None:  # noqa: FBT001 -- a condition
    if not right:
        raise Rejected(400, "InvalidArgument", message)
