# SPDX-License-Identifier: MIT
"""Faults on purpose: let a destination refuse, fail, time out or stay away, to see what follows.

Set by users' tests through the fixture or the admin API; kept in memory only, so that a restart
heals everything. What matches is decided by a pure function; the rest is bookkeeping.
"""

from __future__ import annotations

import itertools
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.destinations.protocol import DeliveryResult
from fc_async_local.domain.rejection import Rejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.destinations.protocol import Destination, DestinationKind
    from fc_async_local.domain.invocation import Delivery

TIMEOUT_MS: Final = 10_000
"""How long a destination that times out keeps its caller waiting."""
_STATUSES: Final = range(400, 600)
_LONGEST_SECONDS: Final = 10 * 365 * 86_400
_KINDS: Final = frozenset({"function", "mns-queue", "mns-topic", "eventbridge", "rocketmq"})


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault.

    Attributes:
        id: Given by :class:`Faults`.
        destination: A kind (``mns-queue``), an ARN, or an ARN with ``*`` in it; ``*``: any.
        status: What the destination answers, 400 to 599.
        timeout: It doesn't answer in time instead.
        times: For how many tries; None: until it is taken away.
        until: Until when, milliseconds since the epoch; None: until it is taken away.
    """

    id: int = 0
    destination: str = "*"
    status: int = 503
    timeout: bool = False
    times: int | None = None
    until: int | None = None


def pick(faults: Sequence[Fault], *, kind: str, arn: str, now: int) -> Fault | None:
    """The oldest fault that concerns a destination now, or None."""
    return next(
        (
            fault
            for fault in faults
            if (fault.until is None or fault.until > now)
            and fault.times != 0
            and (fault.destination == kind or fnmatchcase(arn, fault.destination))
        ),
        None,
    )


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
            timeout: Don't answer in time.
            times: For that many tries.
            seconds: For so long, at most ten years.

        Raises:
            Rejected: 400 InvalidArgument.
        """
        if destination not in _KINDS and not destination.startswith("acs:") and destination != "*":
            raise Rejected(
                400,
                "InvalidArgument",
                f"destination={destination!r}: an ARN, '*', or one of {', '.join(sorted(_KINDS))}",
            )
        if status not in _STATUSES:
            raise Rejected(400, "InvalidArgument", f"status={status}: 400 to 599")
        if times is not None and times < 1:
            raise Rejected(400, "InvalidArgument", f"times={times}: 1 or more")
        if seconds is not None and not 0 < seconds <= _LONGEST_SECONDS:
            raise Rejected(
                400,
                "InvalidArgument",
                f"seconds={seconds}: more than 0 and at most {_LONGEST_SECONDS}",
            )
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
        """Those that are still in force, oldest first."""
        now = self._clock.now()
        self._set = [
            fault
            for fault in self._set
            if fault.times != 0 and (fault.until is None or fault.until > now)
        ]
        return list(self._set)

    def clear(self, fault_id: int | None = None) -> bool:
        """Take one away, or all. False: there was none."""
        before = len(self._set)
        self._set = [fault for fault in self._set if fault_id not in (None, fault.id)]
        return len(self._set) < before

    def strike(self, kind: str, arn: str) -> Fault | None:
        """The fault that befalls this try, or None. Uses it up once."""
        fault = pick(self._set, kind=kind, arn=arn, now=self._clock.now())
        if fault is not None and fault.times is not None:
            place = self._set.index(fault)
            self._set[place] = msgspec.structs.replace(fault, times=fault.times - 1)
        return fault


class Faulty:
    """A destination that faults can befall."""

    def __init__(self, destination: Destination, faults: Faults, clock: Clock) -> None:
        self.kind: DestinationKind = destination.kind
        self._destination = destination
        self._faults = faults
        self._clock = clock

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Fail as set, else deliver."""
        fault = self._faults.strike(self.kind, delivery.destination)
        if fault is None:
            return await self._destination.deliver(delivery, now=now)
        if fault.timeout:
            await self._clock.wait(self._clock.now() + TIMEOUT_MS)
            return DeliveryResult(504, "GatewayTimeout", f"fault {fault.id}: no answer in time")
        return DeliveryResult(fault.status, "FaultInjected", f"fault {fault.id} is set")
