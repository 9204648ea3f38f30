# SPDX-License-Identifier: MIT
"""Brings a local runtime to the state of the templates: everything, or what was saved.

Reads, validates, plans and applies with what the commands ``validate`` and ``deploy`` use.

Invariants:
    A function that cannot be deployed is left out with the reason; the others are deployed.
    The functions of a deployment are applied together; if that fails, each is applied alone,
    completely or not at all. Triggers are applied one by one; a function runs without those that
    are wrong.
    What failed is deployed again with the next save.
    A function with a file that its language cannot read is not deployed, also not because of
    another file, until that file is mended.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account.remote import read as read_account
from fc_async_plugin.check import rules
from fc_async_plugin.deploy.apply import executor, operations
from fc_async_plugin.deploy.apply.perform import Performer
from fc_async_plugin.deploy.plan import Plan, plan_changes
from fc_async_plugin.deploy.plan.order import needs_of
from fc_async_plugin.operate import places
from fc_async_plugin.prepare import syntax
from fc_async_plugin.project.attached import TRIGGERS, omitted, with_triggers
from fc_async_plugin.project.sources import affected, sources_of, template_files
from fc_async_plugin.project.state import Place
from fc_async_plugin.project.wanted import wanted
from fc_async_plugin.s_yaml import Project, TemplateError
from fc_async_plugin.s_yaml.model import is_function
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from fc_async_plugin.account import Regions
    from fc_async_plugin.check.rules import Finding
    from fc_async_plugin.deploy.plan.model import Step
    from fc_async_plugin.prepare.syntax import Broken
    from fc_async_plugin.project.sources import Source
    from fc_async_plugin.s_yaml.model import Resource


_OF_THE_CLOUD: Final = ("FCA057",)
"""Rules about what only the cloud does not have, such as paths of this machine."""


class Result(NamedTuple):
    """Result of one deployment.

    Attributes:
        steps: What was changed.
        failures: What was left out and why, as messages.
        findings: Errors and warnings of the templates; None if they were not read.
        broken: Files that cannot be read; their functions stay as they are.
        gone: Functions that are no longer in a template and stay in the runtime.
        omitted: What is left out of the templates, one sentence each; empty if they were not read.
    """

    steps: tuple[Step, ...] = ()
    failures: tuple[str, ...] = ()
    findings: tuple[Finding, ...] | None = None
    broken: tuple[Broken, ...] = ()
    gone: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """True if something could not be deployed."""
        return bool(self.failures or self.broken) or any(one.stops for one in self.findings or ())


class Deployer:
    """Deploys templates to one runtime, again and again.

    Args:
        read: Reads all templates; called whenever one of their files may have changed.
        regions: The runtime.
        files: Files whose change means that the templates must be read: the templates themselves.
        folder: Where the code that an update replaces is kept until the update is done.
        amend: Changes a template with one function before it is planned, such as by adding layers.
        unavailable: Returns why a function of a template cannot run on this machine; "" if it can.

    Attributes:
        sources: The functions of the templates that were deployed last.
        files: The files that the templates were read from.
    """

    def __init__(
        self,
        read: Callable[[], Sequence[Project]],
        regions: Regions,
        *,
        files: Collection[Path],
        folder: Path,
        amend: Callable[[Project], Project] = lambda project: project,
        unavailable: Callable[[Project, Resource], str] = lambda *_: "",
    ) -> None:
        self._read = read
        self._regions = regions
        self._folder = folder
        self._amend = amend
        self._unavailable = unavailable
        self._projects: tuple[Project, ...] = ()
        self._broken: dict[str, dict[Path, Broken]] = {}
        self._unfinished: set[str] = set()
        self._good: set[str] = set()  # resources that were deployed
        self.sources: list[Source] = []
        self.files = set(files)

    @property
    def broken(self) -> set[Path]:
        """The files that cannot be read."""
        return {path for files in self._broken.values() for path in files}

    def kept(self, file: Path | None = None) -> bool:
        """Return whether an earlier state stays: of the templates, or of what a file is part of."""
        if file is None:
            return bool(self._good)
        return any(one in self._good for one, files in self._broken.items() if file in files)

    def everything(self) -> Result:
        """Read the templates again and deploy all of them."""
        try:
            projects = tuple(self._read())
        except TemplateError as error:
            return Result(findings=tuple(rules.check(rules.Context([], error.problems))))
        self.files |= template_files(projects)
        checked = rules.check(rules.Context(projects), ignore=_OF_THE_CLOUD)
        found = tuple(one for one in checked if one.severity != "note")
        wrong = {one for one in found if one.stops}
        without: list[str] = []  # triggers, one sentence each
        if wrong:
            projects = tuple(_without_triggers(project, without) for project in projects)
        by_project = [
            [one for one in project.resources if wrong and _errors(project, one)]
            for project in projects
        ]
        bad = [one for each in by_project for one in each]
        sound = tuple(map(self._with_earlier, projects, by_project))
        if wrong and (
            len(bad) == len(sources_of(projects))
            or not wrong.isdisjoint(rules.check(rules.Context(sound)))
        ):
            return Result(findings=found)  # of all functions, or not of one, such as a cycle
        projects = sound
        sources = sources_of(projects)
        self._check(sources, {file for one in sources for file in syntax.handler_files(one)})
        out = {name for project in projects for name in project.left_out}
        gone = {one.function for one in self.sources if one.resource not in out}
        gone -= {one.function for one in sources}
        self._projects, self.sources = projects, sources
        result = self._deploy(sources)
        self._tell_places()
        failures = (*map(self._why_left_out, bad), *without, *result.failures)
        return result._replace(
            failures=failures,
            findings=found,
            gone=tuple(sorted(gone - {one.function_name for one in bad})),
            omitted=_omitted(projects),
        )

    def _with_earlier(self, project: Project, bad: Collection[Resource]) -> Project:
        """Return a template with the last good state of bad functions, without those of none."""
        if not bad:
            return project
        earlier = {
            one.name: one
            for known in self._projects
            for one in known.resources
            if known.file == project.file
        }
        names = {one.name for one in bad}
        kept = (earlier.get(one.name) if one.name in names else one for one in project.resources)
        return msgspec.structs.replace(project, resources=tuple(one for one in kept if one))

    def _why_left_out(self, resource: Resource) -> str:
        kept = resource.name in self._good
        stays = "its last good state stays" if kept else "nothing was deployed from it"
        return f"{resource.function_name}: it has errors; {stays}"

    def saved(self, changed: Collection[Path]) -> Result:
        """Deploy what some changed files are part of."""
        if not self.files.isdisjoint(changed):
            return self.everything()
        sources = affected(self.sources, changed)
        self._check(sources, changed)
        names = {*self._unfinished, *(source.resource for source in sources)}
        return self._deploy([one for one in self.sources if sources and one.resource in names])

    def _tell_places(self) -> None:
        """Tell the runtime where the destinations of functions without a problem are written."""
        for project in self._projects:
            own = {one.resource for one in self.sources if one.template == project.file}
            with suppress(FcAsyncError):  # only the console's graph has less to say
                places.tell(self._regions, project, own - self._unfinished)

    def _check(self, sources: Iterable[Source], changed: Collection[Path]) -> None:
        """Note which functions have broken files: new ones, or earlier ones that still are."""
        for source in sources:
            own = [file for file in changed if affected([source], [file])]
            files = {*own, *self._broken.get(source.resource, {})}
            self._broken[source.resource] = {
                one.path: one for one in syntax.check(source, sorted(files))
            }

    def _deploy(self, sources: Sequence[Source]) -> Result:
        broken = [one for source in sources for one in self._broken[source.resource].values()]
        sound = [source for source in sources if not self._broken[source.resource]]
        steps: list[Step] = []
        failures: list[str] = []
        for project in self._projects:
            own = [source.resource for source in sound if source.template == project.file]
            if own:
                done, failed = self._apply(project, own)
                steps += done
                failures += [text for texts in failed.values() for text in texts]
                self._unfinished.difference_update(own)
                self._unfinished.update(failed)
                self._good.update(set(own) - failed.keys())
        return Result(tuple(steps), tuple(failures), broken=tuple(dict.fromkeys(broken)))

    def _apply(
        self, project: Project, resources: Sequence[str]
    ) -> tuple[tuple[Step, ...], dict[str, list[str]]]:
        """Deploy some resources of a template; return what was done, and why others were not."""
        failed: dict[str, list[str]] = {}

        def refuse(resource: Resource, error: Exception | str) -> None:
            failed.setdefault(resource.name, []).append(f"{resource.function_name}: {error}")

        ready: list[Resource] = []
        for resource in project.resources:
            if resource.name not in resources:
                continue
            if reason := self._unavailable(project, resource):
                refuse(resource, f"{resource.where('runtime')}: {reason}")
                continue
            try:
                alone = msgspec.structs.replace(project, resources=(resource,))
                ready += self._amend(alone).resources
            except PluginError as error:
                refuse(resource, error)
        project = msgspec.structs.replace(project, resources=tuple(ready))
        try:
            wants = wanted(project, functions=True, here=True, refuse=refuse)
            plan = plan_changes(wants, read_account(self._regions, wants), prune=True)
            keep_code = partial(operations.keep_code, self._folder)
            performer = Performer(self._regions, sleep=time.sleep, keep_code=keep_code)
            done, refused = _carried_out(plan, performer)
        except (FcAsyncError, PluginError) as error:
            return (), failed | {one.name: [str(error)] for one in ready}
        for one in ready:
            place = Place(one.region, one.function_name)
            if texts := refused.pop(place, []):
                failed.setdefault(one.name, []).extend(texts)
        return done, failed


def _errors(project: Project, resource: Resource) -> set[tuple[str, str]]:
    """Return the errors that a function of a template has of its own: rules and messages."""
    alone = msgspec.structs.replace(project, resources=(resource,))
    found = rules.check(rules.Context([alone])) if is_function(resource) else ()
    return {(one.rule, one.message) for one in found if one.stops}


def _without_triggers(project: Project, said: list[str]) -> Project:
    """Return a template without the triggers that have errors; add a sentence for each."""

    def kept(resource: Resource) -> Resource:
        listed = resource.props.get(TRIGGERS)
        if not isinstance(listed, list) or not _errors(project, resource):
            return resource
        chosen: list[int] = []
        known = _errors(project, with_triggers(resource, chosen))
        for index, one in enumerate(listed):
            if _errors(project, with_triggers(resource, [*chosen, index])) <= known:
                chosen.append(index)
                continue
            name = one.get("triggerName") if isinstance(one, dict) else index
            text = f"trigger {name} has errors; the function runs without it"
            said.append(f"{resource.function_name}: {text}")
        return with_triggers(resource, chosen)

    return msgspec.structs.replace(project, resources=tuple(map(kept, project.resources)))


def _omitted(projects: Iterable[Project]) -> tuple[str, ...]:
    found: list[str] = []
    for project in projects:
        with suppress(TemplateError):  # deploying the function says the same
            found += omitted(project, (), here=True)
    return tuple(dict.fromkeys(found))


def _carried_out(
    plan: Plan, performer: Performer
) -> tuple[tuple[Step, ...], dict[Place, list[str]]]:
    """Apply a plan; return what was done, and by function why the rest was not.

    What the runtime refuses of one function stops neither its triggers nor the other functions.
    """
    done: tuple[Step, ...] = ()
    failures = {one.place: [str(one)] for one in plan.obstacles}

    def carry_out(steps: Sequence[Step]) -> list[str]:
        nonlocal done
        report = executor.apply(Plan(steps=tuple(steps), needs=needs_of(steps)), performer)
        done += report.done if report.outcome == "done" else ()
        stuck = [f"left as it is: {one}" for one in report.stuck]
        return [*map(str, report.failures), *stuck]

    steps = [one for one in plan.steps if _place_of(one) not in failures]
    triggers = [one for one in steps if one.kind == "trigger"]
    together = [one for one in steps if one.kind != "trigger"]
    if carry_out(together):
        for place in dict.fromkeys(map(_place_of, together)):
            if texts := carry_out([one for one in together if _place_of(one) == place]):
                failures[place] = texts
    for step in triggers:
        if _place_of(step) not in failures and (texts := carry_out([step])):
            failures[_place_of(step)] = texts
    return done, failures


def _place_of(step: Step) -> Place:
    return Place(step.region, step.function)
