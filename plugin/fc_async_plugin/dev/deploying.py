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
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account.remote import read as read_account
from fc_async_plugin.check import rules
from fc_async_plugin.deploy.apply import executor, operations
from fc_async_plugin.deploy.apply.perform import Performer
from fc_async_plugin.deploy.plan import Plan, plan_changes
from fc_async_plugin.deploy.plan.order import needs_of
from fc_async_plugin.dev import judging
from fc_async_plugin.dev.deployed import DeployedFunctions
from fc_async_plugin.operate import places
from fc_async_plugin.prepare import syntax
from fc_async_plugin.project.attached import omitted
from fc_async_plugin.project.sources import affected, template_files
from fc_async_plugin.project.state import Place
from fc_async_plugin.project.wanted import wanted
from fc_async_plugin.s_yaml import Project, TemplateError
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from fc_async_plugin.account import Regions
    from fc_async_plugin.check.rules import Finding
    from fc_async_plugin.deploy.plan.model import Step
    from fc_async_plugin.prepare.syntax import Broken
    from fc_async_plugin.project.lack import Lack
    from fc_async_plugin.project.sources import Source
    from fc_async_plugin.s_yaml.model import Resource


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
        if self.failures or self.broken:
            return True
        findings = self.findings or ()
        return any(finding.stops for finding in findings)


class Deployer:
    """Deploys templates to one runtime, again and again.

    Args:
        read: Reads all templates; called whenever one of their files may have changed.
        regions: The runtime.
        files: Files whose change means that the templates must be read: the templates themselves.
        folder: Where the code that an update replaces is kept until the update is done.
        amend: Changes a template with one function before it is planned, such as by adding layers.
        unavailable: Returns what a function lacks so that it cannot run on this machine.

    Attributes:
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
        unavailable: Callable[[Resource], Lack | None] = lambda _: None,
    ) -> None:
        self._read = read
        self._regions = regions
        self._folder = folder
        self._amend = amend
        self._unavailable = unavailable
        self._deployed = DeployedFunctions()
        self.files = set(files)

    @property
    def sources(self) -> Sequence[Source]:
        """The functions of the templates that were deployed last."""
        return self._deployed.sources

    @property
    def running(self) -> Sequence[Source]:
        """Those of them that the runtime has."""
        return self._deployed.running

    @property
    def broken(self) -> set[Path]:
        """The files that cannot be read."""
        return self._deployed.broken_files

    def kept(self, file: Path | None = None) -> bool:
        """Return whether an earlier state stays: of the templates, or of what a file is part of."""
        return self._deployed.has_state(file)

    def everything(self) -> Result:
        """Read the templates again and deploy all of them.

        A function with errors is left out, as it is in the runtime by an earlier deployment or not
        at all. If every function has errors, or what remains is still wrong without them, nothing
        is deployed: half a project would call the other half in the cloud.
        """
        # A file that a template extends may be new since the last reading: it is watched, too.
        try:
            projects = tuple(self._read())
        except TemplateError as error:
            context = rules.Context([], error.problems)
            return Result(findings=tuple(rules.check(context)))
        self.files |= template_files(projects)
        judged = judging.judge(projects, self._deployed.projects)
        if judged.stops:
            return Result(findings=judged.findings)
        gone = self._deployed.replace(judged.projects)
        handlers: set[Path] = set()
        for source in self.sources:
            handlers.update(syntax.handler_files(source))
        for source in self.sources:
            # Functions may share a folder: a handler that cannot be read breaks all of them.
            self._check(source, handlers)
        result = self._deploy(self.sources)
        self._tell_places()
        left_out = {resource.function_name for resource in judged.wrong}
        failures = [self._why_left_out(resource) for resource in judged.wrong]
        return result._replace(
            failures=(*failures, *judged.triggers, *result.failures),
            findings=judged.findings,
            gone=tuple(sorted(gone - left_out)),
            omitted=_omitted(judged.projects),
        )

    def _why_left_out(self, resource: Resource) -> str:
        has_state = self._deployed.has_function(resource.name)
        state = "its last good state stays" if has_state else "nothing was deployed from it"
        return f"{resource.function_name}: it has errors; {state}"

    def saved(self, changed: Collection[Path]) -> Result:
        """Deploy what some changed files are part of, and what failed before."""
        if not self.files.isdisjoint(changed):
            return self.everything()
        sources = affected(self.sources, changed)
        if not sources:
            return Result()
        for source in sources:
            self._check(source, changed)
        resources = {source.resource for source in sources}
        # What failed may have failed for the file that is saved now, such as a layer.
        resources |= self._deployed.unfinished
        chosen = [source for source in self.sources if source.resource in resources]
        return self._deploy(chosen)

    def _tell_places(self) -> None:
        """Tell the runtime where the destinations of functions without a problem are written."""
        for project in self._deployed.projects:
            resources = self._deployed.resources_of(project)
            resources -= self._deployed.unfinished
            with suppress(FcAsyncError):  # only the console's graph has less to say
                places.tell(self._regions, project, resources)

    def _check(self, source: Source, changed: Collection[Path]) -> None:
        """Note whether a function has broken files: new ones, or earlier ones that still are."""
        known = self._deployed.broken[source.resource]
        files = set(known)
        for file in changed:
            if affected([source], [file]):
                files.add(file)
        checked = syntax.check(source, sorted(files))
        known.clear()
        for broken in checked:
            known[broken.path] = broken

    def _deploy(self, sources: Sequence[Source]) -> Result:
        broken: list[Broken] = []
        sound: set[str] = set()
        for source in sources:
            files = self._deployed.broken[source.resource]
            if files:
                broken += files.values()
            else:
                sound.add(source.resource)
        steps: list[Step] = []
        failures: list[str] = []
        for project in self._deployed.projects:
            resources = self._deployed.resources_of(project) & sound
            if not resources:
                continue
            done, refusals = self._apply(project, resources)
            self._deployed.note(resources, refusals.keys())
            steps += done
            for texts in refusals.values():
                failures += texts
        # Functions may share a folder, and with it a broken file.
        distinct = dict.fromkeys(broken)
        return Result(tuple(steps), tuple(failures), broken=tuple(distinct))

    def _apply(
        self, project: Project, resources: Collection[str]
    ) -> tuple[Sequence[Step], dict[str, list[str]]]:
        """Deploy some resources of a template.

        Returns:
            What was done, and by resource why others were not.
        """
        refusals: dict[str, list[str]] = {}

        def refuse(resource: Resource, reason: Exception | str) -> None:
            text = f"{resource.function_name}: {reason}"
            refusals.setdefault(resource.name, []).append(text)

        ready: list[Resource] = []
        for resource in project.resources:
            if resource.name in resources:
                ready += self._prepared(project, resource, refuse)
        project = msgspec.structs.replace(project, resources=tuple(ready))
        try:
            wants = wanted(project, functions=True, local=True, refuse=refuse)
            current = read_account(self._regions, wants)
            plan = plan_changes(wants, current, prune=True)
            keep_code = partial(operations.keep_code, self._folder)
            performer = Performer(self._regions, sleep=time.sleep, keep_code=keep_code)
            carried_out = _carry_out(plan, performer)
        except (FcAsyncError, PluginError) as error:
            # It concerns the plan of all: which function it is of is not known.
            for resource in ready:
                refusals[resource.name] = [str(error)]
            return (), refusals
        for resource in ready:
            function = Place(resource.region, resource.function_name)
            # Of two resources with one function name, the first one has the failures.
            texts = carried_out.failures.pop(function, [])
            for text in texts:
                refusals.setdefault(resource.name, []).append(text)
        return carried_out.done, refusals

    def _prepared(
        self,
        project: Project,
        resource: Resource,
        refuse: Callable[[Resource, Exception | str], None],
    ) -> Sequence[Resource]:
        """Return a function with what it needs to run here; nothing if it cannot run here."""
        lack = self._unavailable(resource)
        if lack:
            refuse(resource, str(lack))
            return ()
        alone = msgspec.structs.replace(project, resources=(resource,))
        try:
            return self._amend(alone).resources
        except PluginError as error:
            refuse(resource, error)
            return ()


def _omitted(projects: Iterable[Project]) -> tuple[str, ...]:
    sentences: list[str] = []
    for project in projects:
        with suppress(TemplateError):  # deploying the function says the same
            sentences += omitted(project, (), local=True)
    return tuple(dict.fromkeys(sentences))


class _CarriedOut(NamedTuple):
    """The steps of a plan that were done, and by function why the others were not."""

    done: list[Step]
    failures: dict[Place, list[str]]

    def apply(self, steps: Sequence[Step], performer: Performer) -> list[str]:
        """Apply some steps, all or none; return why none was applied."""
        plan = Plan(steps=tuple(steps), needs=needs_of(steps))
        report = executor.apply(plan, performer)
        if report.outcome == "done":
            self.done.extend(report.done)
        texts = [str(failure) for failure in report.failures]
        texts += [f"left as it is: {step}" for step in report.stuck]
        return texts


def _carry_out(plan: Plan, performer: Performer) -> _CarriedOut:
    """Apply a plan: all functions together, then those one by one if that fails, then triggers.

    What the runtime refuses of one function does not stop the others.
    """
    carried_out = _CarriedOut([], {})
    for obstacle in plan.obstacles:
        carried_out.failures[obstacle.function] = [str(obstacle)]
    functions: list[Step] = []
    triggers: list[Step] = []
    for step in plan.steps:
        if _place_of(step) in carried_out.failures:
            continue
        steps = triggers if step.kind == "trigger" else functions
        steps.append(step)
    # What is applied together is undone together: one function that the runtime refuses would
    # leave out all others.
    if carried_out.apply(functions, performer):
        for function, alone in _by_function(functions).items():
            if texts := carried_out.apply(alone, performer):
                carried_out.failures[function] = texts
    refused = frozenset(carried_out.failures)
    for step in triggers:
        function = _place_of(step)
        # Of a function that was not deployed, a trigger would only repeat the reason. A trigger
        # that is refused says nothing of the other triggers of its function.
        if function in refused:
            continue
        if texts := carried_out.apply([step], performer):
            carried_out.failures.setdefault(function, []).extend(texts)
    return carried_out


def _by_function(steps: Iterable[Step]) -> dict[Place, list[Step]]:
    grouped: dict[Place, list[Step]] = {}
    for step in steps:
        grouped.setdefault(_place_of(step), []).append(step)
    return grouped


def _place_of(step: Step) -> Place:
    return Place(step.region, step.function)
