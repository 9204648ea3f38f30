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
    checked = rules.check(rules.Context(projects), ignore=_OF_THE_CLOUD)
    # Notes are for "validate": here they would be printed again after each save.
    findings = tuple(finding for finding in checked if finding.severity != "note")
    errors = {finding for finding in findings if finding.stops}
    if not errors:
        return Judged(projects, findings)
    sentences: list[str] = []
    wrong: list[Resource] = []
    sound: list[Project] = []
    for project in projects:
        # A trigger first: one that is wrong must not cost the whole function.
        checkable = _without_triggers(project, sentences)
        of_project = [resource for resource in checkable.resources if _errors(checkable, resource)]
        wrong += of_project
        sound.append(_with_earlier(checkable, of_project, earlier))
    stops = len(wrong) == len(sources_of(projects))
    if not stops:
        # An error that remains is not of one function, such as a cycle: which one to leave out is
        # the user's to say.
        remaining = rules.check(rules.Context(sound))
        stops = not errors.isdisjoint(remaining)
    return Judged(sound, findings, wrong, sentences, stops)


def _with_earlier(
    project: Project, wrong: Sequence[Resource], earlier: Sequence[Project]
) -> Project:
    """Return a template with the last good state of wrong functions, without those of none."""
    names = {resource.name for resource in wrong}
    before: dict[str, Resource] = {}
    for known_project in earlier:
        if known_project.file == project.file:
            before |= {resource.name: resource for resource in known_project.resources}
    resources: list[Resource] = []
    for resource in project.resources:
        if resource.name not in names:
            resources.append(resource)
        elif resource.name in before:
            resources.append(before[resource.name])
    return msgspec.structs.replace(project, resources=tuple(resources))


def _errors(project: Project, resource: Resource) -> set[tuple[str, str]]:
    """Return the errors that a function of a template has of its own: rules and messages."""
    if not is_function(resource):
        return set()
    alone = msgspec.structs.replace(project, resources=(resource,))
    findings = rules.check(rules.Context([alone]))
    return {(finding.rule, finding.message) for finding in findings if finding.stops}


def _without_triggers(project: Project, sentences: list[str]) -> Project:
    """Return a template without the triggers that have errors; add a sentence for each."""
    resources: list[Resource] = []
    for resource in project.resources:
        triggers = resource.props.get(TRIGGERS)
        if isinstance(triggers, list) and _errors(project, resource):
            resources.append(_with_sound_triggers(project, resource, triggers, sentences))
        else:
            resources.append(resource)
    return msgspec.structs.replace(project, resources=tuple(resources))


def _with_sound_triggers(
    project: Project, resource: Resource, triggers: Sequence[object], sentences: list[str]
) -> Resource:
    """Return a function with the triggers that add no error to those which it has without any."""
    sound: list[int] = []
    own_errors = _errors(project, with_triggers(resource, sound))
    for index, trigger in enumerate(triggers):
        # Each beside those before it: two triggers with one name are wrong only together.
        with_trigger = with_triggers(resource, [*sound, index])
        if _errors(project, with_trigger) <= own_errors:
            sound.append(index)
            continue
        name = trigger.get("triggerName") if isinstance(trigger, dict) else index
        text = f"trigger {name} has errors; the function runs without it"
        sentences.append(f"{resource.function_name}: {text}")
    return with_triggers(resource, sound)
