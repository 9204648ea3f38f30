# SPDX-License-Identifier: MIT
"""The graph of destinations, and where a template has them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from fc_async_sdk._drawing import Scene
from fc_async_sdk.models import Model
from fc_async_sdk.spec.async_config import Outcome


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
