# SPDX-License-Identifier: MIT
"""The runtime: addresses, counts, time, faults, debuggers and metrics."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fc_async_sdk.models import Model
from fc_async_sdk.spec import metrics


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """The URLs of a runtime, with its account, region, data folder and process."""

    fc: str
    console: str
    mns: str
    rocketmq: str
    eventbridge: str
    oss: str
    account_id: str
    region: str
    data: str
    pid: int


class Health(Addresses, frozen=True, kw_only=True):
    """The answer of a runtime whose store answers.

    Attributes:
        status: ``ok``.
        shared: Whether several nodes share the store, so that the data folder is only of one.
        proof: What only a program with the token of the data folder can answer.
    """

    status: str
    shared: bool = False
    proof: str | UnsetType = UNSET


class OpenSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a runtime that say which programs may use it, and what it reaches.

    Attributes:
        strict_auth: Whether requests need a signature.
        enforce_roles: Whether destinations need a role that allows them.
        allow_cloud: Whether functions reach the real service, and pushes other machines.
    """

    strict_auth: bool
    enforce_roles: bool
    allow_cloud: bool


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of invocations and deliveries.

    Attributes:
        by_status: Invocations by status.
        oldest_due_at: When the first invocation that waits is due; None: none waits.
        deliveries_pending: Deliveries that wait.
        deliveries_dead: Deliveries that were given up.
        now: The time of the runtime.
    """

    by_status: dict[str, int]
    oldest_due_at: int | None
    deliveries_pending: int
    deliveries_dead: int
    now: int


class Run(Model, frozen=True, kw_only=True):
    """One run of a runtime.

    Attributes:
        run: Names it; a restart has another name.
        refused: Why the state that was imported before it could not be opened, else "".
    """

    run: str
    refused: str = ""


# --- time ---------------------------------------------------------------------------------------


class Clock(Model, frozen=True, kw_only=True):
    """The time of the runtime, and whether it stands still until it is moved."""

    now: int
    virtual: bool


class Advance(Model, frozen=True, kw_only=True):
    """The seconds of virtual time that pass: ten years at most."""

    seconds: Annotated[float, Meta(ge=0, le=10 * 365 * 86_400)]


class Idle(Clock, frozen=True, kw_only=True):
    """The time at which nothing waits and nothing runs.

    Attributes:
        passed: How much time passed, in milliseconds.
    """

    passed: int


# --- faults -------------------------------------------------------------------------------------


class SetFault(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A destination or a function that shall fail.

    Attributes:
        destination: A kind, an ARN, or an ARN with ``*`` in it, with ``status`` or ``timeout``.
        function: A name, which may hold ``*``, with ``error``.
        times: For how many tries.
        seconds: For how long.
    """

    destination: str | UnsetType = msgspec.UNSET
    status: Annotated[int, Meta(extra_json_schema={"minimum": 400, "maximum": 599})] | UnsetType = (
        msgspec.UNSET
    )
    timeout: bool | UnsetType = msgspec.UNSET
    function: str | UnsetType = msgspec.UNSET
    error: Literal["throttled", "no resources", "system error"] | UnsetType = msgspec.UNSET
    times: Annotated[int, Meta(extra_json_schema={"minimum": 1})] | None = None
    seconds: Annotated[float, Meta(extra_json_schema={"exclusiveMinimum": 0})] | None = None

    def given(self, *names: str) -> dict[str, Any]:
        """Return the attributes of these names that are set."""
        fields = msgspec.structs.asdict(self)
        return {name: fields[name] for name in names if fields[name] is not msgspec.UNSET}


class Fault(Model, frozen=True, kw_only=True):
    """A fault in force, of a destination or of a function.

    Attributes:
        times: For how many more tries; None: no limit.
        until: Until when; None: no limit.
    """

    id: int
    times: int | None
    until: int | None
    destination: str | None = None
    status: int | None = None
    timeout: bool | None = None
    function: str | None = None
    error: str | None = None


class Faults(Model, frozen=True, kw_only=True):
    """The faults in force."""

    faults: list[Fault]


class FaultSet(Model, frozen=True, kw_only=True):
    """The fault that was set."""

    fault: Fault


# --- debuggers ----------------------------------------------------------------------------------


class Debug(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the debugging of a function.

    Attributes:
        folder: Its code on this machine.
        port: Where the debugger listens; 0: any.
    """

    folder: Annotated[str, Meta(min_length=1, max_length=4_096, pattern=r"\A[^\0]*\Z")]
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0


class Debugger(Model, frozen=True, kw_only=True):
    """Address of the debugger of a function, and whether a client is connected."""

    function: str
    port: int
    attached: bool


class Debuggers(Model, frozen=True, kw_only=True):
    """The functions that run with a debugger."""

    debuggers: list[Debugger]


# --- metrics ------------------------------------------------------------------------------------


def _one_of(*words: str) -> Meta:
    """Return the words for the description; a newer runtime may have others."""
    return Meta(extra_json_schema={"enum": list(words)})


_Metric = Annotated[str, _one_of(*metrics.ALL)]
_Unit = Annotated[str, _one_of("count", "ms")]
_Statistic = Annotated[str, _one_of("Sum", "Average", "Maximum", "Value")]


class MetricPoint(msgspec.Struct, frozen=True):
    """The value of the period that begins at a time."""

    timestamp: int
    value: int | float


class Series(Model, frozen=True, kw_only=True):
    """One metric of one function over a span of time.

    Attributes:
        metric: A name of :data:`fc_async_sdk.spec.metrics.METRICS`.
        value: The sum, average or maximum of the whole span; of a level, the last one.
        points: By period, oldest first, if a period was asked for. A period without a point had
            the value 0, or nothing to measure.
    """

    metric: _Metric
    function: str
    meaning: str
    unit: _Unit
    statistic: _Statistic
    value: int | float
    points: tuple[MetricPoint, ...] | None = None


class Metrics(Model, frozen=True, kw_only=True):
    """Counts from one time up to another, in periods of so many seconds."""

    start: int
    end: int
    metrics: list[Series]
    period: int | None = None
