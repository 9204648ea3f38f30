# SPDX-License-Identifier: MIT
"""Decides which functions of templates that have errors can be deployed nevertheless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_plugin.check import rules
from fc_async_plugin.project.attached import TRIGGERS, with_triggers
from fc_async_plugin.project.sources import sources_of
from fc_async_plugin.s_yaml.model import is_function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.check.rules import Finding
    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.model import Resource

_OF_THE_CLOUD: Final = ("FCA057",)
"""Rules about what only the cloud does not have, such as paths of this machine."""


class Judged(NamedTuple):
    """Templates without what is wrong in them.

    Attributes:
        projects: The templates; a function with errors is as it was when it was deployed last.
        findings: Errors and warnings.
        wrong: Functions with errors.
        triggers: A sentence for each trigger that is left out.
        stops: True if nothing can be deployed.
    """

    projects: Sequence[Project]
    findings: tuple[Finding, ...]
    wrong: Sequence[Resource] = ()
    triggers: Sequence[str] = ()
    stops: bool = False


def judge(projects: Sequence[Project], earlier: Sequence[Project]) -> Judged:
    """Check templates, and leave out what is wrong.

    Args:
        projects: The templates.
        earlier: The templates that were deployed last.
    """
    context = rules.Context(projects)
    checked = rules.check(context, ignore=_OF_THE_CLOUD)
    # Notes are for "validate": here they would be printed again after each save.
    findings = tuple(finding for finding in checked if finding.severity != "note")
    errors = _stopping(findings)
    if not errors:
        return Judged(projects, findings)
    sentences: list[str] = []
    wrong: list[Resource] = []
    sound: list[Project] = []
    for project in projects:
        # A trigger first: if it is wrong, that must not cost the whole function.
        checkable = _without_triggers(project, sentences)
        of_project = _wrong_resources(checkable)
        wrong += of_project
        sound.append(_with_earlier(checkable, of_project, earlier))
    functions = sources_of(projects)
    stops = len(wrong) == len(functions)
    if not stops:
        # An error that remains is not of one function, such as a cycle: which one to leave out is
        # the user's to say.
        context = rules.Context(sound)
        remaining = rules.check(context)
        stops = not errors.isdisjoint(remaining)
    return Judged(sound, findings, wrong, sentences, stops)


def _wrong_resources(project: Project) -> list[Resource]:
    return [resource for resource in project.resources if _errors(project, resource)]


def _stopping(findings: Sequence[Finding]) -> set[Finding]:
    return {finding for finding in findings if finding.stops}


def _with_earlier(
    project: Project, wrong: Sequence[Resource], earlier: Sequence[Project]
) -> Project:
    """Return a template with the last good state of wrong functions, without those of none."""
    names = {resource.name for resource in wrong}
    before: dict[str, Resource] = {}
    for known_project in earlier:
        is_same = known_project.file == project.file
        if is_same:
            for resource in known_project.resources:
                before[resource.name] = resource
    resources: list[Resource] = []
    for resource in project.resources:
        if resource.name not in names:
            resources.append(resource)
            continue
        last_good = before.get(resource.name)
        if last_good is not None:
            resources.append(last_good)
    return msgspec.structs.replace(project, resources=tuple(resources))


def _errors(project: Project, resource: Resource) -> set[tuple[str, str]]:
    """Return the errors that a function of a template has of its own: rules and messages."""
    if not is_function(resource):
        return set()
    alone = msgspec.structs.replace(project, resources=(resource,))
    context = rules.Context([alone])
    findings = rules.check(context)
    errors: set[tuple[str, str]] = set()
    for finding in findings:
        if not finding.stops:
            continue
        # Without its position: without a trigger, the same error stands elsewhere.
        error = (finding.rule, finding.message)
        errors.add(error)
    return errors


def _without_triggers(project: Project, sentences: list[str]) -> Project:
    """Return a template without the triggers that have errors; add a sentence for each."""
    resources: list[Resource] = []
    for resource in project.resources:
        triggers = resource.props.get(TRIGGERS)
        if isinstance(triggers, list) and _errors(project, resource):
            changed = _with_sound_triggers(project, resource, triggers, sentences)
            resources.append(changed)
        else:
            resources.append(resource)
    return msgspec.structs.replace(project, resources=tuple(resources))


def _with_sound_triggers(
    project: Project, resource: Resource, triggers: Sequence[object], sentences: list[str]
) -> Resource:
    """Return a function with the triggers that add no error to those which it has without any."""
    sound: list[int] = []
    without_triggers = with_triggers(resource, sound)
    own_errors = _errors(project, without_triggers)
    for index, trigger in enumerate(triggers):
        # Each beside those before it: two triggers with one name are wrong only together.
        with_trigger = with_triggers(resource, [*sound, index])
        if _errors(project, with_trigger) <= own_errors:
            sound.append(index)
            continue
        name = index
        if isinstance(trigger, dict):
            name = trigger.get("triggerName", index)
        text = f"trigger {name} has errors; the function runs without it"
        sentences.append(f"{resource.function_name}: {text}")
    return with_triggers(resource, sound)
