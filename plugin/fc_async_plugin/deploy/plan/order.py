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
    return _RANK[type(step), step.of if isinstance(step, model.Put | model.Delete) else ""]


def in_order(steps: Sequence[model.Step]) -> tuple[model.Step, ...]:
    """Sort steps so that each comes after the steps that it needs."""
    return tuple(
        sorted(
            steps,
            key=lambda step: (_rank(step), step.region, step.function, step.qualifier_shown),
        )
    )


def needs_of(steps: Sequence[model.Step]) -> tuple[tuple[int, ...], ...]:
    """Return for each step the indices of the steps that must be done before it."""
    makers: dict[tuple[state.Place, str], list[int]] = {}
    deletions: dict[state.Place, list[int]] = {}
    for index, step in enumerate(steps):
        place = step.place
        for made in _made(step):
            makers.setdefault((place, made), []).append(index)
        if isinstance(step, model.Delete | model.DeleteVersion | model.DeleteFunction):
            deletions.setdefault(place, []).append(index)
    return tuple(
        tuple(
            sorted(
                {
                    *(index for key in _wanted(step) for index in makers.get(key, ())),
                    *_earlier_deletions(steps, step, deletions),
                }
            )
        )
        for step in steps
    )


def _made(step: model.Step) -> Iterator[str]:
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


def _wanted(step: model.Step) -> Iterator[tuple[state.Place, str]]:
    """Yield what a step needs, of which function."""
    place = step.place
    match step:
        case model.PublishVersion() | model.Put(of="concurrency"):
            yield place, "the code"
        case model.Put(of="alias"):
            yield place, "the version"
        case model.Put(of="async config", name=qualifier, after=after):
            yield from ((place, "the code"), (place, qualifier))
            texts = [text for _, text in config_of(after).destinations]
            yield from _named(destinations(texts, place, ""), step.region)
        case model.Put(of="trigger", after=after):
            needed = (
                "the code",
                after.get("qualifier") or limits.DEFAULT_QUALIFIER,
                "before triggers",
            )
            yield from ((place, one) for one in needed)
            yield from _named(sources(after, place, ""), step.region)


def _earlier_deletions(
    steps: Sequence[model.Step], step: model.Step, deletions: dict[state.Place, list[int]]
) -> Iterator[int]:
    """Yield the deletions before a deletion: documents, then aliases, versions, the function."""
    if isinstance(step, model.DeleteVersion | model.DeleteFunction) or (
        isinstance(step, model.Delete) and step.of == "alias"
    ):
        for index in deletions[step.place]:
            if _rank(steps[index]) < _rank(step):
                yield index


def _named(nodes: Iterable[Node], region: str) -> Iterator[tuple[state.Place, str]]:
    """Yield what the nodes of a configuration or trigger need, of which function or channel."""
    for node in nodes:
        place = state.Place(node.region or region, node.name)
        if node.kind == "function":
            yield place, limits.DEFAULT_QUALIFIER
            yield place, node.qualifier
        elif node.kind in channels.KINDS:
            yield place, f"the {channels.KINDS[node.kind]}"
