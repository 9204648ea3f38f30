# SPDX-License-Identifier: MIT
"""Functions: what is configured on them, the limits of that, and invocations."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, UnsetType

from fc_async_sdk.admin.models.base import Encoding
from fc_async_sdk.models import (
    Alias,
    AsyncConfig,
    ConcurrencyConfig,
    Function,
    FunctionVersion,
    Model,
    Trigger,
)
from fc_async_sdk.spec import limits


class FunctionOverview(Model, frozen=True, kw_only=True):
    """A function with everything that is configured on it.

    Attributes:
        concurrency: Without values if no concurrency is reserved.
    """

    function: Function
    configs: tuple[AsyncConfig, ...]
    triggers: tuple[Trigger, ...]
    concurrency: ConcurrencyConfig
    aliases: tuple[Alias, ...]
    versions: tuple[FunctionVersion, ...]


class Functions(Model, frozen=True, kw_only=True):
    """All functions."""

    functions: list[FunctionOverview]


class Activity(Model, frozen=True, kw_only=True):
    """The tasks of a function: their numbers by status, and the latest one that was accepted."""

    function: str
    by_status: dict[str, int]
    last_task_id: str | None = None
    last_status: str | None = None
    last_time: int | None = None


class Activities(Model, frozen=True, kw_only=True):
    """The tasks of all functions."""

    functions: list[Activity]


class Cycle(Model, frozen=True, kw_only=True):
    """The names along the destination cycle that a configuration would close; empty: none."""

    cycle: list[str]


class SetConcurrency(Model, frozen=True, kw_only=True):
    """Limits on the instances of a function; what is left out stays as it is.

    Attributes:
        reserved_concurrency: None: no limit of its own.
        instance_concurrency: Calls that one instance runs at a time.
    """

    reserved_concurrency: (
        Annotated[int, Meta(extra_json_schema={"minimum": 0, "maximum": 10_000})] | UnsetType | None
    ) = msgspec.UNSET
    instance_concurrency: (
        Annotated[
            int,
            Meta(
                extra_json_schema={
                    "minimum": limits.INSTANCE_CONCURRENCY.low,
                    "maximum": limits.INSTANCE_CONCURRENCY.high,
                }
            ),
        ]
        | None
    ) = None


class Concurrency(Model, frozen=True, kw_only=True):
    """The limits on the instances of a function that hold now; None: not set."""

    reserved_concurrency: int | None
    instance_concurrency: int | None


class Range(Model, frozen=True, kw_only=True):
    """A closed interval of integers, and what the service assumes when nothing is set."""

    low: int
    high: int
    default: int


class DestinationKind(Model, frozen=True, kw_only=True):
    """A kind of destination.

    Attributes:
        kind: A name of :data:`fc_async_sdk.spec.destinations.KINDS`.
        label: The noun that stands before a name, such as ``queue``.
        fields: What its ARN names.
        template: Its ARN with the fields in braces. Region and account are empty: those of the
            runtime are meant.
        payload_limit: The largest event, in bytes.
    """

    kind: str
    label: str
    fields: list[str]
    template: str
    payload_limit: int


class Limits(Model, frozen=True, kw_only=True):
    """The ranges of what is configured on functions, and the kinds of destinations.

    Attributes:
        delay: Of an invocation, in seconds.
    """

    max_async_retry_attempts: Range
    max_async_event_age_in_seconds: Range
    delay: Range
    instance_concurrency: Range
    destinations: list[DestinationKind]


class Invoke(Model, frozen=True, kw_only=True):
    """Options of an invocation.

    Attributes:
        delay: Seconds, 0 to 3599.
        task_id: Of an asynchronous invocation; "": the runtime makes one.
    """

    payload: str = ""
    payload_encoding: Encoding = ""
    qualifier: str = limits.DEFAULT_QUALIFIER
    delay: Annotated[int, Meta(extra_json_schema={"minimum": 0, "maximum": 3_599})] = 0
    task_id: str = ""
    type: Literal["Async", "Sync"] = "Async"


class Invoked(Model, frozen=True, kw_only=True):
    """An invocation that was accepted, or the result of a synchronous one.

    Attributes:
        task_id: Of an asynchronous invocation; the other attributes are of a synchronous one.
        error_type: Type of the function's error, "" after a success.
        log: What the function printed.
    """

    request_id: str
    task_id: str | None = None
    error_type: str | None = None
    payload: str | None = None
    payload_encoding: Encoding = ""
    log: str | None = None
    duration_ms: int | None = None
