# SPDX-License-Identifier: MIT
"""Fault injection: lets a destination refuse, fail or time out.

Faults are set by users' tests through the fixture, or through the admin API. They are kept in
memory only, so a restart clears them.
"""

from __future__ import annotations

import itertools
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.domain.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.destinations.base import Destination, DestinationKind
    from fc_async_local.domain.invocation import Delivery

TIMEOUT_MS: Final = 10_000
"""How long a delivery waits for a destination that times out."""
_STATUSES: Final = range(400, 600)
_LONGEST_SECONDS: Final = 10 * 365 * 86_400
_KINDS: Final = frozenset({"function", "mns-queue", "mns-topic", "eventbridge", "rocketmq"})


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault.

    Attributes:
        id: Assigned by :class:`Faults`.
        destination: A kind (``mns-queue``), an ARN, or an ARN with ``*`` in it; ``*``: any.
        status: What the destination answers, 400 to 599.
        timeout: It does not answer in time instead.
        times: For how many tries; None: until it is cleared.
        until: Until when, milliseconds since the epoch; None: until it is cleared.
    """

    id: int = 0
    destination: str = "*"
    status: int = 503
    timeout: bool = False
    times: int | None = None
    until: int | None = None

    def in_force(self, now: int) -> bool:
        """Return whether the fault still applies at a time."""
        return self.times != 0 and (self.until is None or self.until > now)

    def concerns(self, kind: str, arn: str) -> bool:
        """Return whether the fault is set for a destination."""
        return self.destination == kind or fnmatchcase(arn, self.destination)


def pick(faults: Sequence[Fault], *, kind: str, arn: str, now: int) -> Fault | None:
    """Return the oldest fault that concerns a destination now, or None."""
    found = (fault for fault in faults if fault.in_force(now) and fault.concerns(kind, arn))
    return next(found, None)


class Faults:
    """The faults that are set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ids = itertools.count(1)
        self._set: list[Fault] = []

    def add(
        self,
        destination: str = "*",
        *,
        status: int = 503,
        timeout: bool = False,
        times: int | None = None,
        seconds: float | None = None,
    ) -> Fault:
        """Set a fault.

        Args:
            destination: See :class:`Fault`.
            status: 5xx and 429 are tried again, other 4xx are recorded and not tried again.
            timeout: Do not answer in time.
            times: For that many tries.
            seconds: For that long, at most ten years.

        Raises:
            Rejected: 400 InvalidArgument.
        """
        _check(destination, status, times, seconds)
        until = None if seconds is None else self._clock.now() + int(seconds * 1_000)
        fault = Fault(
            id=next(self._ids),
            destination=destination,
            status=status,
            timeout=timeout,
            times=times,
            until=until,
        )
        self._set.append(fault)
        return fault

    def all(self) -> list[Fault]:
        """Return the faults that still apply, oldest first."""
        now = self._clock.now()
        self._set = [fault for fault in self._set if fault.in_force(now)]
        return list(self._set)

    def clear(self, fault_id: int | None = None) -> bool:
        """Clear one fault, or all; return whether there was one."""
        before = len(self._set)
        self._set = [fault for fault in self._set if fault_id not in (None, fault.id)]
        return len(self._set) < before

    def strike(self, kind: str, arn: str) -> Fault | None:
        """Return the fault that applies to this try, or None; use it up once."""
        fault = pick(self._set, kind=kind, arn=arn, now=self._clock.now())
        if fault is not None and fault.times is not None:
            place = self._set.index(fault)
            self._set[place] = msgspec.structs.replace(fault, times=fault.times - 1)
        return fault


def _check(destination: str, status: int, times: int | None, seconds: float | None) -> None:
    kinds = ", ".join(sorted(_KINDS))
    known = destination in _KINDS or destination == "*" or destination.startswith("acs:")
    for right, message in (
        (known, f"destination must be an ARN, '*' or one of {kinds}, got {destination!r}"),
        (status in _STATUSES, f"status must be from 400 to 599, got {status}"),
        (times is None or times >= 1, f"times must be 1 or more, got {times}"),
        (
            seconds is None or 0 < seconds <= _LONGEST_SECONDS,
            f"seconds must be more than 0 and at most {_LONGEST_SECONDS}, got {seconds}",
        ),
    ):
        if not right:
            raise Rejected(400, "InvalidArgument", message)


class Faulty:
    """A destination for which faults can be set."""

    def __init__(self, destination: Destination, faults: Faults, clock: Clock) -> None:
        self.kind: DestinationKind = destination.kind
        self._destination = destination
        self._faults = faults
        self._clock = clock

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Fail if a fault applies, otherwise deliver."""
        fault = self._faults.strike(self.kind, delivery.destination)
        if fault is None:
            return await self._destination.deliver(delivery, now=now)
        if fault.timeout:
            await self._clock.wait(self._clock.now() + TIMEOUT_MS)
            return DeliveryResult(504, "GatewayTimeout", f"fault {fault.id}: no answer in time")
        return DeliveryResult(fault.status, "FaultInjected", f"fault {fault.id} is set")
