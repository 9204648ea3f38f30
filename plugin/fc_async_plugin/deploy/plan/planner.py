# SPDX-License-Identifier: MIT
"""Compares wanted with remote state and plans the steps; ``plan`` and ``deploy`` share it.

``s`` gives a component the outputs of other resources, and makes their functions, only when it
deploys. In a plan before that, what is known only afterwards is left out and named.

Invariants:

- Pure: equal arguments give equal plans.
- A plan has its steps in an order in which each finds what it needs, and the needs of each step, so
  that independent steps can run in parallel.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_plugin.deploy.plan import model
from fc_async_plugin.deploy.plan.differences import settings_to_send
from fc_async_plugin.deploy.plan.kinds import KINDS
from fc_async_plugin.deploy.plan.order import in_order, needs_of
from fc_async_plugin.project import state
from fc_async_plugin.s_yaml.model import BLOCK, is_function, makes_function, unresolved_in
from fc_async_plugin.s_yaml.problems import Position
from fc_async_sdk.models import Alias
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from fc_async_plugin.project.state import (
        Channel,
        Remote,
        RemoteFunction,
        Wanted,
        WantedFunction,
    )
    from fc_async_plugin.s_yaml.model import Project


class Obstacle(msgspec.Struct, frozen=True, kw_only=True):
    """Reason why a plan cannot be carried out.

    Attributes:
        place: The function it is about.
        position: Where the template asks for it.
        message: What is missing and what to do.
    """

    place: state.Place
    position: Position
    message: str

    def __str__(self) -> str:
        return f"{self.position}: {self.message}"


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The steps that change the account.

    Attributes:
        steps: The steps, in an order in which they can be done one after another.
        needs: For each step, the indices of the steps that must be done before it.
        leftovers: Documents that the account has for functions of the template, and the template
            does not have. They are deleted on request only, and are not in ``steps``.
        obstacles: Reasons why the plan cannot be carried out.
        functions: Whether the functions themselves are part of the plan.
        omitted: What the plan leaves out of the template, one sentence each.
        absent: Functions of the template that do not exist, and that the plan neither needs nor
            makes.
        unread: Queues, topics and buses of the template that were not looked for.
    """

    steps: tuple[model.Step, ...] = ()
    needs: tuple[tuple[int, ...], ...] = ()
    leftovers: tuple[model.Delete, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    functions: bool = False
    omitted: tuple[str, ...] = ()
    absent: tuple[state.Place, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """True if the plan has steps."""
        return bool(self.steps)


def plan_changes(
    wanted: Wanted,
    remote: Remote,
    *,
    prune: bool = False,
    omitted: Iterable[str] = (),
    missing: Iterable[Channel] = (),
) -> Plan:
    """Plan the steps after which the account has what the template says.

    Args:
        wanted: From the template.
        remote: From the account, every place of ``wanted``.
        prune: Also delete configuration and triggers that are no longer in the template.
        omitted: What ``wanted`` leaves out of the template.
        missing: Queues, topics and event buses to create.
    """
    steps: list[model.Step] = [
        model.Put(region=one.region, function=one.name, of=one.of, after={}) for one in missing
    ]
    leftovers: list[model.Delete] = []
    obstacles: list[Obstacle] = []
    for place in sorted(wanted):
        want, have = wanted[place], remote[place]
        steps += _function_steps(place, want, have)
        steps += _alias_steps(place, want, have)
        steps += _document_steps(place, want, have)
        leftovers += _deletions(place, want, have, _left)
        obstacles += _obstacles(place, want, have)
    if prune:
        steps += leftovers
        leftovers = []
    ordered = in_order(steps)
    return Plan(
        steps=ordered,
        needs=needs_of(ordered),
        leftovers=tuple(leftovers),
        obstacles=tuple(obstacles),
        functions=any(want.settings is not None for want in wanted.values()),
        omitted=tuple(omitted),
        absent=tuple(
            place
            for place in sorted(wanted)
            if remote[place].function is None
            and wanted[place].settings is None
            and not wanted[place].configs
        ),
    )


def plan_removal(wanted: Wanted, remote: Remote, *, functions: bool = False) -> Plan:
    """Plan the steps after which the account has nothing of the template.

    Args:
        wanted: From the template.
        remote: From the account, every place of ``wanted``.
        functions: Delete the functions too, with all their configuration; otherwise only the
            configuration that the template has a block for.
    """
    steps: list[model.Step] = []
    for place in sorted(wanted):
        want, have = wanted[place], remote[place]
        steps += _deletions(
            place, want, have, lambda name, wanted: functions or name in (wanted or ())
        )
        if functions and have.function is not None:
            at = place._asdict()
            steps += [model.DeleteVersion(**at, version=one) for one in sorted(have.versions or ())]
            steps.append(model.DeleteFunction(**at))
    ordered = in_order(steps)
    return Plan(steps=ordered, needs=needs_of(ordered))


def _function_steps(
    place: state.Place, want: WantedFunction, have: RemoteFunction
) -> Iterator[model.Step]:
    if want.settings is None:
        return
    if have.function is None:
        if want.code is not None:
            yield model.CreateFunction(**place._asdict(), after=want.settings, code=want.code)
        return
    before, after = settings_to_send(want.settings, have.function)
    checksum = have.function.code_checksum
    # The checksum of code in OSS is not known here, so a change is not noticed.
    changed = want.code and want.code.checksum and want.code.checksum != checksum
    if changed and want.code and have.contents:
        changed = want.code.contents != have.contents
    if before or after or changed:
        yield model.UpdateFunction(
            **place._asdict(),
            before=before,
            after=after,
            code=want.code if changed else None,
            code_before=checksum if changed else None,
        )


def _is_version(qualifier: str) -> bool:
    """Return whether a qualifier is a version id, not an alias."""
    return limits.VERSION_ID_PATTERN.fullmatch(qualifier) is not None


def _alias_steps(
    place: state.Place, want: WantedFunction, have: RemoteFunction
) -> Iterator[model.Step]:
    """Yield the steps for missing aliases that documents need, on one new version."""
    if want.settings is None:
        return
    missing = [
        qualifier
        for qualifier in sorted(want.qualifiers)
        if qualifier != limits.DEFAULT_QUALIFIER
        and not _is_version(qualifier)
        and qualifier not in (have.aliases or {})
    ]
    if missing:
        yield model.PublishVersion(**place._asdict())
    for name in missing:
        yield model.Put(
            **place._asdict(),
            of="alias",
            name=name,
            after=Alias(alias_name=name, version_id=model.CURRENT_VERSION).to_dict(),
        )


def _document_steps(
    place: state.Place, want: WantedFunction, have: RemoteFunction
) -> Iterator[model.Step]:
    for of, kind in KINDS.items():
        for name, document in sorted((kind.wanted(want) or {}).items()):
            before = kind.there(have).get(name)
            after = kind.to_put(document, before, place)
            if after is None:
                continue
            if before and any(before.get(one) != after.get(one) for one in kind.fixed):
                yield model.Delete(**place._asdict(), of=of, name=name, before=before)
                before = None
            yield model.Put(**place._asdict(), of=of, name=name, before=before, after=after)


def _left(name: str, wanted: Mapping[str, Any] | None) -> bool:
    """Return whether the template, which has documents of this kind, does not have this one."""
    return wanted is not None and name not in wanted


def _deletions(
    place: state.Place,
    want: WantedFunction,
    have: RemoteFunction,
    chosen: Callable[[str, Mapping[str, Any] | None], bool],
) -> Iterator[model.Delete]:
    """Yield the deletions of documents that are chosen by name and by the wanted ones."""
    for of, kind in KINDS.items():
        wanted = kind.wanted(want)
        for name, document in sorted(kind.there(have).items()):
            if chosen(name, wanted):
                yield model.Delete(**place._asdict(), of=of, name=name, before=document)


def _obstacles(
    place: state.Place, want: WantedFunction, have: RemoteFunction
) -> Iterator[Obstacle]:
    if not want.configs and want.settings is None:
        return
    if have.function is None and (want.settings is None or want.code is None):
        advice = (
            "it has no code to create it from"
            if want.settings is not None
            else "deploy it first (s deploy), or add --with-functions"
        )
        yield Obstacle(
            place=place,
            position=want.position,
            message=f"function {place} doesn't exist: {advice}",
        )
        return
    for qualifier in sorted(want.qualifiers):
        if not _known(qualifier, want, have):
            missing = (
                f"version {qualifier!r}: publish it first (s version publish)"
                if _is_version(qualifier)
                else f"alias {qualifier!r}: create it first (s alias publish), or add "
                "--with-functions"
            )
            message = f"function {place} has no {missing}"
            yield Obstacle(place=place, position=want.position, message=message)


def _known(qualifier: str, want: WantedFunction, have: RemoteFunction) -> bool:
    """Return whether a qualifier exists, or will exist when its configuration is put."""
    if qualifier == limits.DEFAULT_QUALIFIER or qualifier in have.configs:
        return True
    if _is_version(qualifier):
        return have.versions is None or qualifier in have.versions
    return want.settings is not None or have.aliases is None or qualifier in have.aliases


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
        state.Place(one.region, one.function_name): one.name
        for one in project.resources
        if makes_function(one)
    }
    later = {one.place for one in plan.obstacles} & set(makers)
    sentences = [
        _sentence(one.name, f"the function {place} is made by resource {makers[place]}")
        for one in project.resources
        for place in {state.Place(one.region, one.function_name)} & later
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
