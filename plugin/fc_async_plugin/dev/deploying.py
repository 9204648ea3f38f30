# SPDX-License-Identifier: MIT
"""Brings a local runtime to the state of the templates: everything, or what was saved.

Reads, validates, plans and applies with what the commands ``validate`` and ``deploy`` use.

Invariants:
    The functions of a deployment are applied completely or not at all, triggers one by one.
    What failed is deployed again with the next save.
    A function with a file that its language cannot read is not deployed, also not because of
    another file, until that file is mended.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from fc_async_plugin import PluginError, apply, places, rules
from fc_async_plugin.account.remote import read as read_account
from fc_async_plugin.apply.kept_code import CodeKeeper
from fc_async_plugin.apply.perform import Performer
from fc_async_plugin.dev import syntax
from fc_async_plugin.dev.sources import affected, sources_of, template_files
from fc_async_plugin.plan import Plan, plan_changes
from fc_async_plugin.plan.attached import omitted
from fc_async_plugin.plan.order import needs_of
from fc_async_plugin.plan.wanted import wanted
from fc_async_plugin.template import Project, TemplateError
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from fc_async_plugin.account import Regions
    from fc_async_plugin.dev.sources import Source
    from fc_async_plugin.dev.syntax import Broken
    from fc_async_plugin.plan.steps import Step
    from fc_async_plugin.rules import Finding


class Result(NamedTuple):
    """Result of one deployment.

    Attributes:
        steps: What was changed.
        failures: Why nothing was changed, as messages.
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
        errors = any(one.severity == "error" for one in self.findings or ())
        return bool(self.failures or self.broken) or errors


class Deployer:
    """Deploys templates to one runtime, again and again.

    Args:
        read: Reads all templates; called whenever one of their files may have changed.
        regions: The runtime.
        files: Files whose change means that the templates must be read: the templates themselves.
        folder: Where the code that an update replaces is kept until the update is done.
        amend: Changes a template before it is planned, such as by adding layers.

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
    ) -> None:
        self._read = read
        self._regions = regions
        self._folder = folder
        self._amend = amend
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
        found = tuple(one for one in rules.check(rules.Context(projects)) if one.severity != "note")
        if any(one.severity == "error" for one in found):
            return Result(findings=found)
        sources = sources_of(projects)
        self._check(sources, {file for one in sources for file in syntax.handler_files(one)})
        gone = {one.function for one in self.sources} - {one.function for one in sources}
        self._projects, self.sources = projects, sources
        result = self._deploy(sources)
        self._tell_places()
        return result._replace(findings=found, gone=tuple(sorted(gone)), omitted=_omitted(projects))

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
                failures += failed
                (self._unfinished.update if failed else self._unfinished.difference_update)(own)
                self._good.update(() if failed else own)
        return Result(tuple(steps), tuple(failures), broken=tuple(dict.fromkeys(broken)))

    def _apply(
        self, project: Project, resources: Sequence[str]
    ) -> tuple[tuple[Step, ...], list[str]]:
        """Deploy some resources of a template; return what was done, and why it was not."""
        try:
            wants = wanted(self._amend(project), functions=True, only=resources, here=True)
            plan = plan_changes(wants, read_account(self._regions, wants), prune=True)
            if plan.obstacles:
                return (), [str(one) for one in plan.obstacles]
            performer = Performer(
                self._regions, sleep=time.sleep, keep_code=CodeKeeper(self._folder)
            )
            return _carried_out(plan, performer)
        except (FcAsyncError, PluginError) as error:
            return (), [str(error)]


def _omitted(projects: Iterable[Project]) -> tuple[str, ...]:
    found: list[str] = []
    for project in projects:
        with suppress(TemplateError):  # deploying the function says the same
            found += omitted(project, (), here=True)
    return tuple(dict.fromkeys(found))


def _carried_out(plan: Plan, performer: Performer) -> tuple[tuple[Step, ...], list[str]]:
    """Apply a plan; return what was done, and why the rest was not.

    A trigger that the runtime refuses stops neither the functions nor the other triggers.
    """
    alone = [step for step in plan.steps if step.kind == "trigger"]
    together = tuple(step for step in plan.steps if step.kind != "trigger")
    done: tuple[Step, ...] = ()
    failures: list[str] = []
    for steps in (together, *((step,) for step in alone)):
        report = apply.apply(Plan(steps=steps, needs=needs_of(steps)), performer)
        done += report.done if report.outcome == "done" else ()
        failures += map(str, report.failures)
        failures += [f"left as it is: {one}" for one in report.stuck]
        if failures and steps is together:
            break
    return done, failures
