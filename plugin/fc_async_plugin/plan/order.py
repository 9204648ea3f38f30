# SPDX-License-Identifier: MIT
"""The order of steps: each after the steps that it needs. Pure.

A function comes before its version, a version before its alias, an alias before its configuration,
a destination before the configuration that names it. Deletions are in the reverse order. Equal
plans have equal orders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_plugin.plan.state import Place
from fc_async_plugin.plan.steps import (
    CreateFunction,
    DeleteAlias,
    DeleteAsyncConfig,
    DeleteFunction,
    DeleteVersion,
    PublishVersion,
    PutAlias,
    PutAsyncConfig,
    Step,
    UpdateFunction,
)
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import arn, limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ORDER = (
    CreateFunction,
    UpdateFunction,
    PublishVersion,
    PutAlias,
    PutAsyncConfig,
    DeleteAsyncConfig,
    DeleteAlias,
    DeleteVersion,
    DeleteFunction,
)
_RANK: dict[type[Any], int] = {kind: rank for rank, kind in enumerate(_ORDER)}


def in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Sort steps so that each comes after the steps that it needs."""
    return tuple(
        sorted(
            steps,
            key=lambda step: (
                _RANK[type(step)],
                step.region,
                step.function,
                step.qualifier_shown,
            ),
        )
    )


def needs_of(steps: Sequence[Step]) -> tuple[tuple[int, ...], ...]:
    """Return for each step the indices of the steps that must be done before it."""
    makers: dict[tuple[Place, str], int] = {}
    deletions: dict[Place, list[int]] = {}
    for index, step in enumerate(steps):
        place = Place(step.region, step.function)
        match step:
            case CreateFunction() | UpdateFunction():
                makers[place, "code"] = index
                if isinstance(step, CreateFunction):
                    makers[place, limits.DEFAULT_QUALIFIER] = index
            case PublishVersion():
                makers[place, "version"] = index
            case PutAlias(alias=alias):
                makers[place, alias] = index
            case DeleteAsyncConfig() | DeleteAlias() | DeleteVersion() | DeleteFunction():
                deletions.setdefault(place, []).append(index)
    return tuple(
        tuple(sorted({*_makers_for(step, makers), *_earlier_deletions(steps, step, deletions)}))
        for step in steps
    )


def _makers_for(step: Step, makers: dict[tuple[Place, str], int]) -> Iterator[int]:
    place = Place(step.region, step.function)
    wanted: list[tuple[Place, str]] = []
    match step:
        case PublishVersion():
            wanted = [(place, "code")]
        case PutAlias():
            wanted = [(place, "version")]
        case PutAsyncConfig(qualifier=qualifier, after=after):
            wanted = [(place, "code"), (place, qualifier)]
            for _, text in after.destinations:
                wanted += _destination(text, step.region)
    for key in wanted:
        if key in makers:
            yield makers[key]


def _earlier_deletions(
    steps: Sequence[Step], step: Step, deletions: dict[Place, list[int]]
) -> Iterator[int]:
    """Yield the deletions before a deletion: configuration, then alias, version, function."""
    if isinstance(step, DeleteAlias | DeleteVersion | DeleteFunction):
        for index in deletions[Place(step.region, step.function)]:
            if _RANK[type(steps[index])] < _RANK[type(step)]:
                yield index


def _destination(text: str, region: str) -> Iterator[tuple[Place, str]]:
    """Yield the function and the qualifier that a destination needs."""
    try:
        target = arn.parse(text)
    except InvalidArn:
        return  # the service refuses it with its own message
    if isinstance(target, arn.FunctionArn):
        place = Place(target.region or region, target.function)
        yield place, limits.DEFAULT_QUALIFIER
        yield place, target.qualifier
