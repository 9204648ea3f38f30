# SPDX-License-Identifier: MIT
"""Plans inside ``s`` before it has deployed: what is known only afterwards is named. Pure.

``s`` gives a component the outputs of other resources, and makes their functions, only when it
deploys. Before that, a function of the template that is missing is not an obstacle.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from fc_async_plugin.plan.model import Place
from fc_async_plugin.plan.order import needs_of
from fc_async_plugin.template.desired import BLOCK, is_function, makes_function, unresolved_in

if TYPE_CHECKING:
    from fc_async_plugin.plan import Plan
    from fc_async_plugin.template.model import Project


def without_unknown(project: Project) -> tuple[Project, tuple[str, ...]]:
    """Return a template without what only a deployment resolves, and a sentence for each."""
    found: dict[str, str] = {}
    for resource in project.resources:
        values = {name: resource.props.get(name) for name in ("functionName", "region", BLOCK)}
        for path, text in islice(unresolved_in(values), 1 if is_function(resource) else 0):
            name = ".".join(map(str, path))
            found[resource.name] = _sentence(resource.name, f"its {name} is {text}")
    known = tuple(one for one in project.resources if one.name not in found)
    return msgspec.structs.replace(project, resources=known), tuple(found.values())


def without_missing(plan: Plan, project: Project) -> Plan:
    """Return a plan without functions that do not exist and that the template makes."""
    makers = {
        Place(one.region, one.function_name): one.name
        for one in project.resources
        if makes_function(one)
    }
    later = {one.place for one in plan.obstacles} & set(makers)
    sentences = [
        _sentence(one.name, f"the function {place} is made by resource {makers[place]}")
        for one in project.resources
        for place in {Place(one.region, one.function_name)} & later
        if one.props.get(BLOCK)
    ]
    steps = tuple(one for one in plan.steps if one.place not in later)
    return msgspec.structs.replace(
        plan,
        steps=steps,
        needs=needs_of(steps),
        obstacles=tuple(one for one in plan.obstacles if one.place not in later),
        omitted=(*plan.omitted, *sentences),
        absent=tuple(one for one in plan.absent if one not in makers),
    )


def _sentence(resource: str, reason: str) -> str:
    return f"unknown until deployed: asynchronous configuration of {resource} ({reason})"
