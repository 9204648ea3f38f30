# SPDX-License-Identifier: MIT
"""Functions: their configuration, limits and invocations; the graph of their destinations."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, UnsetType

from fc_async_sdk._drawing import Scene
from fc_async_sdk.models import (
    Alias,
    AsyncConfig,
    ConcurrencyConfig,
    Function,
    FunctionVersion,
    Model,
    Trigger,
)
from fc_async_sdk.operations import call
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.async_config import Outcome

Encoding = Literal["", "base64"]
"""Encoding of a payload in an answer or a body: text, or base64 of other bytes."""
_DELAY: Final = {"minimum": 0, "maximum": limits.DELAY_SECONDS.high}

PREFIX: Final = call.LOCAL_ROOT
"""Beginning of the paths of the admin API."""


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


class Pause(Model, frozen=True, kw_only=True):
    """A function that is paused, or whose waiting calls start at a rate after it was resumed.

    Attributes:
        function: Function name.
        since: When it was paused, in milliseconds since the epoch.
        interval_us: Microseconds between the starts of what waited; 0: it is paused.
        waiting: Calls that wait for its end; at most 100,000 are counted.
    """

    function: str
    since: int
    interval_us: int = 0
    waiting: int


class Pauses(Model, frozen=True, kw_only=True):
    """All functions that are paused or whose waiting calls start at a rate, by name."""

    pauses: list[Pause]


class Resume(Model, frozen=True, kw_only=True):
    """Start of the calls that waited for the end of a pause.

    Attributes:
        interval_us: Microseconds between two starts, at most a week; 0: as fast as they can.
    """

    interval_us: Annotated[int, Meta(ge=0, le=604_800_000_000)] = 0


class Resumed(Model, frozen=True, kw_only=True):
    """The end of a pause.

    Attributes:
        function: Function name.
        was_paused: False: there was nothing to resume.
        waiting: Calls that start now, or at the rate.
    """

    function: str
    was_paused: bool
    waiting: int


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
    delay: Annotated[int, Meta(extra_json_schema=_DELAY)] = 0
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


# --- the graph of destinations, and where a template has them -----------------------------------


class Node(Model, frozen=True, kw_only=True):
    """A node: ``function/qualifier``, the ARN of another resource, or what fires a trigger."""

    name: str
    kind: str


class Edge(Model, frozen=True, kw_only=True):
    """One destination or trigger.

    Attributes:
        source: Name of the function that has the destination, or of what fires the trigger.
        target: Name of the node that it leads to.
        outcome: The outcome that is sent, or ``trigger``.
        cyclic: Whether it is part of a destination cycle.
        cut: Whether it is one of the edges without which there is no cycle.
        written: Where a template has it (``file:line:column``); "" if no deployment said so.
        destination: The ARN with region and account filled in; "" of a trigger.
        via: Name of the trigger.
        waived: Whether a comment of the template takes it out of the search for cycles.
        delivered: How many events reached the destination.
        lost: How many did not.
    """

    source: str
    target: str
    outcome: str
    cyclic: bool
    cut: bool
    written: str
    destination: str
    via: str = ""
    waived: bool = False
    delivered: int
    lost: int


class Graph(Model, frozen=True, kw_only=True):
    """Functions, triggers and destinations, and the edges between them.

    Attributes:
        scene: Coordinates of boxes and routes, in the order of nodes and edges; None without the
            layout engine.
    """

    nodes: list[Node]
    edges: list[Edge]
    scene: Scene | None


class WrittenAt(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Place of a destination in a template.

    Attributes:
        function: The function that has it.
        qualifier: Of its configuration; "" for LATEST.
        outcome: The outcome that is sent.
        destination: Its ARN as it was deployed.
        place: File, line and column, as in ``s.yaml:12:9``.
        waived: Whether a comment there takes it out of the search for cycles.
    """

    function: str
    qualifier: str = ""
    outcome: Outcome
    destination: str
    place: Annotated[str, Meta(min_length=1, max_length=4_096)]
    waived: bool = False


class TriggerAt(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Place of a trigger in a template.

    Attributes:
        function: The function that it invokes.
        trigger: Its name.
        place: File, line and column.
        waived: Whether a comment there takes it out of the search for cycles.
    """

    function: str
    trigger: str
    place: Annotated[str, Meta(min_length=1, max_length=4_096)]
    waived: bool = False


class Places(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Places of deployed destinations and triggers in a template."""

    places: tuple[WrittenAt, ...]
    triggers: tuple[TriggerAt, ...] = ()


class KnownPlaces(Model, frozen=True, kw_only=True):
    """Number of these destinations and triggers that the runtime has."""

    known: int
