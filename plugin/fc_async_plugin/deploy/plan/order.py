# SPDX-License-Identifier: MIT
"""The order of steps: each after the steps that it needs. Pure.

A function comes before its version, a version before its alias, an alias before its configuration,
a destination before the configuration that names it, and everything else before a trigger, so that
nothing is fired at a function that is not ready. Deletions are in the reverse order. Equal plans
have equal orders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_plugin.deploy.plan import model
from fc_async_plugin.deploy.plan.kinds import KINDS, config_of
from fc_async_plugin.project import channels, state
from fc_async_plugin.project.channels import destinations, sources
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fc_async_sdk.spec.graph import Node

    _Need = tuple[state.Place, str]  # what a step needs, of which function or channel

_ORDER: tuple[tuple[type[Any], str], ...] = (
    (model.CreateFunction, ""),
    (model.UpdateFunction, ""),
    (model.PublishVersion, ""),
    # A function takes one HTTP trigger for each qualifier: an old one goes before a new one comes.
    (model.Delete, "trigger"),
    *((model.Put, kind) for kind in KINDS),
    *((model.Delete, kind) for kind in ("concurrency", "async config", "alias")),
    *((model.Delete, kind) for kind in ("queue", "topic", "event bus")),
    (model.DeleteVersion, ""),
    (model.DeleteFunction, ""),
)
_RANK: dict[tuple[type[Any], str], int] = {kind: rank for rank, kind in enumerate(_ORDER)}


def _rank(step: model.Step) -> int:
    of = step.of if isinstance(step, model.Put | model.Delete) else ""
    return _RANK[type(step), of]


def in_order(steps: Sequence[model.Step]) -> tuple[model.Step, ...]:
    """Sort steps so that each comes after the steps that it needs."""
    return tuple(sorted(steps, key=_position))


def _position(step: model.Step) -> tuple[int, str, str, str]:
    return _rank(step), step.region, step.function, step.qualifier_shown


def needs_of(steps: Sequence[model.Step]) -> tuple[tuple[int, ...], ...]:
    """Return for each step the indices of the steps that must be done before it."""
    makers: dict[_Need, list[int]] = {}
    deletions: dict[state.Place, list[int]] = {}
    for index, step in enumerate(steps):
        address = step.place
        for provided in _provided_by(step):
            makers.setdefault((address, provided), []).append(index)
        if isinstance(step, model.Delete | model.DeleteVersion | model.DeleteFunction):
            deletions.setdefault(address, []).append(index)
    needs = []
    for step in steps:
        earlier = set(_earlier_deletions(steps, step, deletions))
        for need in _needed_by(step):
            # What no step of the plan makes exists already, or is an obstacle of the plan.
            earlier.update(makers.get(need, ()))
        needs.append(tuple(sorted(earlier)))
    return tuple(needs)


def _provided_by(step: model.Step) -> Iterator[str]:
    """Yield what other steps on the same function may need of a step.

    A qualifier has no spaces, so that an alias can be called code or version.
    """
    match step:
        case model.CreateFunction():
            yield from ("the code", limits.DEFAULT_QUALIFIER)
        case model.UpdateFunction():
            yield "the code"
        case model.PublishVersion():
            yield "the version"
        case model.Put(of="alias", name=name):
            yield name
        case model.Put(of="queue" | "topic" | "event bus" as of):
            yield f"the {of}"
        case model.Put(of="async config" | "concurrency") | model.Delete(of="trigger"):
            yield "before triggers"


def _needed_by(step: model.Step) -> Iterator[_Need]:
    """Yield what a step needs, of which function."""
    address = step.place
    match step:
        case model.PublishVersion() | model.Put(of="concurrency"):
            yield address, "the code"
        case model.Put(of="alias"):
            yield address, "the version"
        case model.Put(of="async config", name=qualifier, after=after):
            yield address, "the code"
            yield address, qualifier
            texts = [text for _, text in config_of(after).destinations]
            yield from _named(destinations(texts, address, ""), step.region)
        case model.Put(of="trigger", after=after):
            # A trigger fires as soon as it exists.
            yield address, "the code"
            yield address, after.get("qualifier") or limits.DEFAULT_QUALIFIER
            yield address, "before triggers"
            yield from _named(sources(after, address, ""), step.region)


def _earlier_deletions(
    steps: Sequence[model.Step], step: model.Step, deletions: dict[state.Place, list[int]]
) -> Iterator[int]:
    """Yield the deletions before a deletion: documents, then aliases, versions, the function."""
    match step:
        case model.DeleteVersion() | model.DeleteFunction() | model.Delete(of="alias"):
            for index in deletions[step.place]:
                if _rank(steps[index]) < _rank(step):
                    yield index
        case _:
            return


def _named(nodes: Iterable[Node], region: str) -> Iterator[_Need]:
    """Yield what the nodes of a configuration or trigger need, of which function or channel."""
    for node in nodes:
        address = state.Place(node.region or region, node.name)
        if node.kind == "function":
            yield address, limits.DEFAULT_QUALIFIER
            yield address, node.qualifier
        elif node.kind in channels.KINDS:
            yield address, f"the {channels.KINDS[node.kind]}"
