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
from fc_async_plugin.project import paused, state
from fc_async_plugin.s_yaml.model import BLOCK, makes_function, unresolved_in
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
        function: The function it is about.
        position: Where the template asks for it.
        message: What is missing and what to do.
    """

    function: state.Place
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
    desired: Wanted,
    remote: Remote,
    *,
    prune: bool = False,
    omitted: Iterable[str] = (),
    missing: Iterable[Channel] = (),
) -> Plan:
    """Plan the steps after which the account has what the template says.

    Args:
        desired: From the template.
        remote: From the account, every address of ``desired``.
        prune: Also delete configuration and triggers that are no longer in the template.
        omitted: What ``desired`` leaves out of the template.
        missing: Queues, topics and event buses to create.
    """
    steps: list[model.Step] = [_creation(channel) for channel in missing]
    leftovers: list[model.Delete] = []
    obstacles: list[Obstacle] = []
    absent: list[state.Place] = []
    left_out = list(omitted)
    for address in sorted(desired):
        want = desired[address]
        have = remote[address]
        steps += _function_steps(address, want, have)
        steps += _alias_steps(address, want, have)
        steps += _document_steps(address, want, have)
        leftovers += _deletions(address, want, have, _left_template)
        obstacles += _obstacles(address, want, have)
        left_out += _paused_text(address, have)
        # deploy said that nothing is to do for functions that do not exist.
        if have.function is None and want.settings is None and not want.configs:
            absent.append(address)
    # Without a state file, a removed block and a configuration of the console look the same: only a
    # request deletes them (docs/decisions/plan-and-apply.md, 0017).
    if prune:
        steps += leftovers
        leftovers = []
    ordered = in_order(steps)
    return Plan(
        steps=ordered,
        needs=needs_of(ordered),
        leftovers=tuple(leftovers),
        obstacles=tuple(obstacles),
        functions=any(want.settings is not None for want in desired.values()),
        omitted=tuple(left_out),
        absent=tuple(absent),
    )


def _creation(channel: Channel) -> model.Put:
    return model.Put(region=channel.region, function=channel.name, of=channel.of, after={})


def plan_removal(desired: Wanted, remote: Remote, *, functions: bool = False) -> Plan:
    """Plan the steps after which the account has nothing of the template.

    Args:
        desired: From the template.
        remote: From the account, every address of ``desired``.
        functions: Delete the functions too, with all their configuration; otherwise only the
            configuration that the template has a block for.
    """

    def removed(name: str, documents: Mapping[str, Any] | None) -> bool:
        return functions or name in (documents or ())

    steps: list[model.Step] = []
    for address in sorted(desired):
        have = remote[address]
        steps += _deletions(address, desired[address], have, removed)
        if not functions or have.function is None:
            continue
        for version in sorted(have.versions or ()):
            steps.append(model.DeleteVersion(**address._asdict(), version=version))
        steps.append(model.DeleteFunction(**address._asdict()))
    ordered = in_order(steps)
    return Plan(steps=ordered, needs=needs_of(ordered))


def _function_steps(
    address: state.Place, want: WantedFunction, have: RemoteFunction
) -> Iterator[model.Step]:
    if want.settings is None:
        return
    if have.function is None:
        if want.code is not None:
            yield model.CreateFunction(**address._asdict(), after=want.settings, code=want.code)
        return
    before, after = settings_to_send(want.settings, have.function)
    checksum = have.function.code_checksum
    code = _code_to_send(want.code, checksum, have.contents)
    if after or code is not None:
        yield model.UpdateFunction(
            **address._asdict(),
            before=before,
            after=after,
            code=code,
            code_before=None if code is None else checksum,
        )


def _code_to_send(
    code: state.Code | None, checksum: str | None, contents: str | None
) -> state.Code | None:
    """Return the code of the template if that of the account differs.

    Args:
        code: From the template.
        checksum: Of the code in the account.
        contents: Digest of its files; None: it was not downloaded.
    """
    # The checksum of code in OSS is not known here, so a change is not noticed.
    if code is None or not code.checksum or code.checksum == checksum:
        return None
    # Another program zips the same files to other bytes: the files decide if they are known.
    if contents and code.contents == contents:
        return None
    return code


def _is_version(qualifier: str) -> bool:
    """Return whether a qualifier is a version id, not an alias."""
    return limits.VERSION_ID_PATTERN.fullmatch(qualifier) is not None


def _is_alias(qualifier: str) -> bool:
    return qualifier != limits.DEFAULT_QUALIFIER and not _is_version(qualifier)


def _alias_steps(
    address: state.Place, want: WantedFunction, have: RemoteFunction
) -> Iterator[model.Step]:
    """Yield the steps for missing aliases that documents need, on one new version."""
    if want.settings is None:
        return
    aliases = [name for name in sorted(want.qualifiers) if _is_alias(name)]
    missing = [name for name in aliases if name not in (have.aliases or {})]
    # An alias that exists keeps its version: moving traffic takes a command of its own
    # (docs/decisions/plan-and-apply.md, 0017).
    if missing:
        yield model.PublishVersion(**address._asdict())
    for name in missing:
        yield model.Put(
            **address._asdict(),
            of="alias",
            name=name,
            after=Alias(alias_name=name, version_id=model.CURRENT_VERSION).to_dict(),
        )


def _document_steps(
    address: state.Place, want: WantedFunction, have: RemoteFunction
) -> Iterator[model.Step]:
    for of, kind in KINDS.items():
        if of == "concurrency" and _pause_of(have) is not None:
            continue
        for name, document in sorted((kind.desired(want) or {}).items()):
            before = kind.current(have).get(name)
            after = kind.to_put(document, before, address)
            if after is None:
                continue
            if before and any(before.get(field) != after.get(field) for field in kind.fixed):
                # No operation changes such a field, for example the source of a trigger.
                yield model.Delete(**address._asdict(), of=of, name=name, before=before)
                before = None
            yield model.Put(**address._asdict(), of=of, name=name, before=before, after=after)


def _pause_of(have: RemoteFunction) -> paused.Pause | None:
    """Return the pause of a function, whose reserved concurrency a plan must neither lift nor lose.

    A function whose reservation was set since is not paused, whatever its tag says.
    """
    reservation = (have.concurrency or {}).get("", {})
    if have.function is None or reservation.get("reservedConcurrency") != 0:
        return None
    return paused.read(have.function.tags)


def _paused_text(address: state.Place, have: RemoteFunction) -> Iterator[str]:
    pause = _pause_of(have)
    if pause is not None:
        restored = "none" if pause.reserved is None else str(pause.reserved)
        yield (
            f"{address} is paused: its reserved concurrency stays 0 until fc-async resume "
            f"{address.function}, which restores {restored}"
        )


def _left_template(name: str, documents: Mapping[str, Any] | None) -> bool:
    """Return whether the template, which has documents of this kind, does not have this one."""
    return documents is not None and name not in documents


def _deletions(
    address: state.Place,
    want: WantedFunction,
    have: RemoteFunction,
    chosen: Callable[[str, Mapping[str, Any] | None], bool],
) -> Iterator[model.Delete]:
    """Yield the deletions of documents that are chosen by name and by the wanted ones."""
    for of, kind in KINDS.items():
        documents = kind.desired(want)
        keeps_pause = of == "concurrency" and _pause_of(have) is not None
        for name, document in sorted(kind.current(have).items()):
            if keeps_pause and chosen is _left_template:
                continue
            if chosen(name, documents):
                yield model.Delete(**address._asdict(), of=of, name=name, before=document)


def _obstacles(
    address: state.Place, want: WantedFunction, have: RemoteFunction
) -> Iterator[Obstacle]:
    if not want.configs and want.settings is None:
        return
    if have.function is None and (want.settings is None or want.code is None):
        advice = "deploy it first (s deploy), or add --with-functions"
        if want.settings is not None:
            advice = "it has no code to create it from"
        message = f"function {address} doesn't exist: {advice}"
        yield Obstacle(function=address, position=want.position, message=message)
        return
    for qualifier in sorted(want.qualifiers):
        if _will_exist(qualifier, want, have):
            continue
        if _is_version(qualifier):
            missing = f"version {qualifier!r}: publish it first (s version publish)"
        else:
            missing = (
                f"alias {qualifier!r}: create it first (s alias publish), or add --with-functions"
            )
        message = f"function {address} has no {missing}"
        yield Obstacle(function=address, position=want.position, message=message)


def _will_exist(qualifier: str, want: WantedFunction, have: RemoteFunction) -> bool:
    """Return whether a qualifier exists, or will exist when its configuration is put."""
    if qualifier == limits.DEFAULT_QUALIFIER or qualifier in have.configs:
        return True
    if _is_version(qualifier):
        return have.versions is None or qualifier in have.versions
    # With the functions a missing alias is created. None: the aliases were not read.
    return want.settings is not None or have.aliases is None or qualifier in have.aliases


def without_unknown(project: Project) -> tuple[Project, tuple[str, ...]]:
    """Return a template without what only a deployment resolves, and a sentence for each."""
    sentences: dict[str, str] = {}
    for resource in project.functions:
        values = {name: resource.props.get(name) for name in ("functionName", "region", BLOCK)}
        for path, text in islice(unresolved_in(values), 1):
            name = ".".join(map(str, path))
            sentences[resource.name] = _sentence(resource.name, f"its {name} is {text}")
    complete = (resource for resource in project.resources if resource.name not in sentences)
    return project.with_resources(complete), tuple(sentences.values())


def without_missing(plan: Plan, project: Project) -> Plan:
    """Return a plan without functions that do not exist and that the template makes."""
    makers: dict[state.Place, str] = {}
    for resource in filter(makes_function, project.resources):
        makers[state.Place(resource.region, resource.function_name)] = resource.name
    missing = {obstacle.function for obstacle in plan.obstacles}
    made_later = {address: maker for address, maker in makers.items() if address in missing}
    steps = tuple(step for step in plan.steps if step.place not in made_later)
    obstacles = [obstacle for obstacle in plan.obstacles if obstacle.function not in made_later]
    return msgspec.structs.replace(
        plan,
        steps=steps,
        needs=needs_of(steps),
        obstacles=tuple(obstacles),
        omitted=(*plan.omitted, *_configured_later(project, made_later)),
        absent=tuple(address for address in plan.absent if address not in makers),
    )


def _configured_later(project: Project, makers: Mapping[state.Place, str]) -> Iterator[str]:
    """Yield a sentence for each configuration of a function that a deployment makes first.

    Args:
        project: The template.
        makers: The resources that make these functions.
    """
    for resource in project.resources:
        address = state.Place(resource.region, resource.function_name)
        if address in makers and resource.props.get(BLOCK):
            reason = f"the function {address} is made by resource {makers[address]}"
            yield _sentence(resource.name, reason)


def _sentence(resource: str, reason: str) -> str:
    return f"unknown until deployed: asynchronous configuration of {resource} ({reason})"
