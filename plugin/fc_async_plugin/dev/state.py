# SPDX-License-Identifier: MIT
"""Decides what the loop does: events come in, actions go out. Pure.

Invariants:
    Nothing here reads a file, a clock or the runtime: what these say is data of an event.
    One save is deployed and reported once, also if the system reports it in pieces.
    What was said and has not changed is not said again.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.dev import keys, launch, messages
from fc_async_plugin.dev.messages import Message
from fc_async_plugin.project.sources import Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from fc_async_plugin.check.rules import Finding
    from fc_async_plugin.dev.deploying import Result
    from fc_async_plugin.dev.launch import Target
    from fc_async_plugin.prepare.syntax import Broken
    from fc_async_plugin.project.stamps import Stamp, Stamps
    from fc_async_sdk.admin.models import Step

_IDLE_ADVANCE_SECONDS: Final = 60
"""Seconds that ``t`` moves virtual time if nothing waits."""

# --- actions --------------------------------------------------------------------------------------


class Build(NamedTuple):
    """Build again what reads some files; None: any file may have changed."""

    files: frozenset[Path] | None


class Deploy(NamedTuple):
    """Deploy what some files are part of.

    Attributes:
        kind: Begins the message: ``deployed`` at the start, ``saved`` afterwards.
        files: The files, sorted; None: read the templates and deploy everything.
        again: Say only what is new.
    """

    kind: str
    files: tuple[Path, ...] | None = None
    again: bool = False


class ReadStamps(NamedTuple):
    """Look when some files were written last, now that they are deployed."""

    files: frozenset[Path]


class ShowFunctions(NamedTuple):
    """Tell the screen the functions, and the folders that their code is in."""

    names: list[str]
    folders: dict[str, str]


class StartDebugger(NamedTuple):
    """Debug a function; one that is debugged gets its new code."""

    target: Target


class ShowUrls(NamedTuple):
    """Say where some functions answer, if they have HTTP triggers."""

    functions: frozenset[str]


class ShowStep(NamedTuple):
    """Print a step of an invocation."""

    step: Step


class FindImport(NamedTuple):
    """Look whether an import failed, and which package or path it lacks."""

    step: Step
    source: Source


class Invoke(NamedTuple):
    """Invoke the function of a step with its payload."""

    step: Step


class OpenConsole(NamedTuple):
    """Open the console in a browser."""


class MoveTime(NamedTuple):
    """Move virtual time to what is due next."""


Showing = Message | ShowFunctions | ShowUrls | ShowStep | FindImport
"""Actions that only print."""
Action = Showing | Build | Deploy | ReadStamps | StartDebugger | Invoke | OpenConsole | MoveTime


# --- events ---------------------------------------------------------------------------------------


class Started(NamedTuple):
    """The runtime is followed, and files are watched soon."""


class KeysRead(NamedTuple):
    """Keys are read from the terminal, or cannot be."""

    from_terminal: bool


class Saved(NamedTuple):
    """Files were changed, made or deleted."""

    stamps: Stamps


class WatchBegan(NamedTuple):
    """Files and folders are watched; of what was saved before that, nothing was reported."""

    stamps: Stamps


class CaughtUp(NamedTuple):
    """Files that were saved before a watch began are deployed.

    Attributes:
        unreadable: Files that cannot be read.
        functions: The functions of the templates.
        watched: Whether that watch still goes on.
    """

    unreadable: Collection[Path]
    functions: Sequence[str]
    watched: bool


class Built(NamedTuple):
    """Builds have run.

    Attributes:
        failures: Messages of builds that failed.
        not_allowed: Builds that must run and are not allowed, in words.
        files: As of the action.
        written: What the builds have written.
    """

    failures: Sequence[str]
    not_allowed: Sequence[str]
    files: Collection[Path] | None = None
    written: Stamps = MappingProxyType({})


class DeploymentEnded(NamedTuple):
    """A deployment has ended.

    Attributes:
        request: What was asked for.
        result: What was done, and what was not.
        milliseconds: How long it took.
        sources: The functions of the templates.
        existing: The saved files that still exist.
        unreadable: All files that cannot be read.
        covered: Those of them whose functions go on with earlier code.
        has_state: Whether anything was deployed, now or earlier.
        without_destinations: Why queues and topics of destinations were not made; "" if they were.
        written: What installations of the deployment have written.
    """

    request: Deploy
    result: Result
    milliseconds: int
    sources: Sequence[Source]
    existing: Sequence[Path] = ()
    unreadable: frozenset[Path] = frozenset()
    covered: frozenset[Path] = frozenset()
    has_state: bool = False
    without_destinations: str = ""
    written: Stamps = MappingProxyType({})


class StampsRead(NamedTuple):
    """Files of a save have been deployed, and were looked at again."""

    stamps: Stamps


class StepsRead(NamedTuple):
    """The runtime has recorded steps.

    Attributes:
        steps: The steps.
        missed: How many before them were not kept.
        sources: The functions of the templates.
    """

    steps: Sequence[Step]
    missed: int
    sources: Sequence[Source]


class Noticed(NamedTuple):
    """Something was noticed that is said once; "" is nothing."""

    text: str


class DebuggerReady(NamedTuple):
    """An editor can attach to a function."""

    target: Target


class KeyPressed(NamedTuple):
    """The user has pressed a key."""

    key: str


Event = (
    Started
    | KeysRead
    | Saved
    | WatchBegan
    | CaughtUp
    | Built
    | DeploymentEnded
    | StampsRead
    | StepsRead
    | Noticed
    | DebuggerReady
    | KeyPressed
)


# --- decisions ------------------------------------------------------------------------------------


class Saves:
    """Times at which files were written, so that one save is deployed and reported once."""

    def __init__(self) -> None:
        self._stamps: dict[Path, Stamp | None] = {}
        self._reported: set[Path] = set()

    def note(self, stamps: Stamps) -> bool:
        """Note when files were written; return whether one was written since it was noted last."""
        news = stamps.items() - self._stamps.items()
        self._stamps.update(stamps)
        return bool(news)

    def were_reported(self, files: Collection[Path]) -> bool:
        """Return whether the deployment before has read these files as they are now."""
        return self._reported.issuperset(files)

    def compare(self, stamps: Stamps) -> None:
        """Remember which files were written again while they were deployed."""
        # An editor that writes in place is reported before it has finished. The finished file was
        # deployed, and its own report, which is still to come, must not say "no changes".
        self._reported = {file for file, stamp in stamps.items() if stamp != self._stamps.get(file)}

    def add_reported(self, files: Collection[Path]) -> None:
        """Remember files that were deployed or refused before the watch reported them."""
        self._reported.update(files)


class Report(NamedTuple):
    """Problems of the last deployment that was reported."""

    findings: tuple[Finding, ...] = ()
    failures: tuple[str, ...] = ()
    broken: tuple[Broken, ...] = ()


class State:
    """Knowledge of one run of ``fc-async dev``.

    Args:
        folder: The working folder of the user; paths below it are shown relative to it.
        targets: The functions to debug.
    """

    def __init__(self, folder: Path, targets: Sequence[Target] = ()) -> None:
        self._folder = folder
        self._targets = targets
        self._debugged: set[str] = set()
        self._hint = ""  # is said once, when the first watch has begun
        self._last: Step | None = None
        self._report = Report()
        self._unreadable: frozenset[Path] = frozenset()
        self._saves = Saves()
        self._noticed: set[str] = set()

    @property
    def debugged(self) -> frozenset[str]:
        """The functions that are debugged."""
        return frozenset(self._debugged)

    def decide(self, event: Event) -> list[Action]:
        """Return what is to be done after an event, in its order."""
        actions: Iterable[Action]
        match event:
            case Started():
                actions = [Deploy("deployed")]
            case KeysRead() | KeyPressed():
                actions = self._of_keys(event)
            case Saved() | WatchBegan() | CaughtUp() | Built() | StampsRead():
                actions = self._of_files(event)
            case DeploymentEnded():
                actions = self._deployed(event)
            case StepsRead():
                actions = self._steps(event)
            case Noticed():
                actions = self._once(event.text)
            case DebuggerReady():
                actions = self._attach(event.target)
        return list(actions)

    def _of_keys(self, event: KeysRead | KeyPressed) -> list[Action]:
        if isinstance(event, KeyPressed):
            return self._pressed(event.key)
        ending = ", ? shows keys." if event.from_terminal else "."
        self._hint = f"Ctrl-C ends it{ending}"
        return []

    def _of_files(
        self, event: Saved | WatchBegan | CaughtUp | Built | StampsRead
    ) -> Iterable[Action]:
        match event:
            case Saved():
                return self._saved(event)
            case WatchBegan():
                # The threads that watch were replaced after the deployment had read the files: a
                # save in between was reported by neither, so everything is read once more.
                self._saves.note(event.stamps)
                return [Build(None), Deploy("saved", again=True)]
            case CaughtUp():
                return self._caught_up(event)
            case Built():
                return self._built(event)
            case StampsRead():
                self._saves.compare(event.stamps)
                return []

    # --- saves ---

    def _saved(self, event: Saved) -> list[Action]:
        # The system may report one save in pieces, and a new watch reports what was saved before.
        if not self._saves.note(event.stamps):
            return []
        files = frozenset(event.stamps)
        again = self._saves.were_reported(files)
        return [Build(files), Deploy("saved", tuple(sorted(files)), again), ReadStamps(files)]

    def _caught_up(self, event: CaughtUp) -> list[Action]:
        self._saves.add_reported(event.unreadable)
        # A watch that was replaced meanwhile says nothing: the next one is not watching yet.
        if not self._hint or not event.watched:
            return []
        text = f"Watching. {self._hint}"
        self._hint = ""
        return [Message("watching", text, facts={"functions": list(event.functions)})]

    def _built(self, event: Built) -> Iterator[Action]:
        # The watch reports what a build has written, too. As a save, it would be built and
        # deployed once more, and said as if the user had saved it.
        self._saves.note(event.written)
        for failure in event.failures:
            yield messages.problem(failure)
        # Until the first watch has begun, the question at the start has just named these builds.
        just_asked = event.files is None and self._hint
        if just_asked:
            return
        for text in event.not_allowed:
            yield from self._once(f"not built again: {text}; fc-async dev asks when it starts")

    def _once(self, text: str) -> Iterator[Message]:
        if text and text not in self._noticed:
            self._noticed.add(text)
            yield messages.note(text)

    # --- deployments ---

    def _deployed(self, event: DeploymentEnded) -> Iterator[Action]:
        self._saves.note(event.written)
        result = event.result
        before = self._report
        # A save of code does not read the templates: what they say stays as it was.
        findings = before.findings if result.findings is None else result.findings
        report = Report(findings, result.failures, result.broken)
        if event.request.again and not result.steps and report == before:
            return
        self._report = report
        if event.without_destinations:
            yield messages.problem(f"destinations were not made: {event.without_destinations}")
        yield self._functions(event.sources)
        yield from self._problems(event, before)
        yield from self._debuggers(result)
        yield from self._changes(event)
        for name in result.gone:
            text = f"{name} is no longer in the template; it stays in the runtime with its queue"
            yield messages.note(text, function=name)
        for sentence in result.omitted:
            yield from self._once(sentence)
        yield self._urls(event)

    def _functions(self, sources: Sequence[Source]) -> ShowFunctions:
        folders: dict[str, str] = {}
        for source in sources:
            if source.code is not None:
                folders[source.function] = messages.shown(source.code, self._folder)
        return ShowFunctions([source.function for source in sources], folders)

    def _problems(self, event: DeploymentEnded, before: Report) -> Iterator[Action]:
        result = event.result
        if result.findings is not None and result.findings != before.findings:
            yield from self._findings(result.findings, event)
        for broken in result.broken:
            stays = broken.path in event.covered
            yield messages.of_broken(broken, self._folder, stays=stays)
        for path in sorted(self._unreadable - event.unreadable):
            text = f"{messages.shown(path, self._folder)} can be read again"
            yield Message("mended", text, "wait")
        self._unreadable = event.unreadable
        for failure in result.failures:
            yield Message("refused", f"not deployed: {failure}", "bad")

    def _findings(self, findings: Sequence[Finding], event: DeploymentEnded) -> Iterator[Message]:
        yield from map(messages.of_finding, findings)
        stopped = any(finding.stops for finding in findings)
        if stopped and not event.result.failures:
            # Of a template that was wrong from the start there is no good state to stay.
            state = "The last good state stays." if event.has_state else "Nothing was deployed."
            yield Message("refused", state, "bad")

    def _debuggers(self, result: Result) -> Iterator[StartDebugger]:
        changed = {step.function for step in result.steps}
        for target in self._targets:
            if target.function in changed or target.function not in self._debugged:
                yield StartDebugger(target)

    def _changes(self, event: DeploymentEnded) -> Iterator[Message]:
        result = event.result
        templates_read = result.findings is not None
        unchanged = templates_read and not result.refused and not event.request.again
        if not result.steps and not unchanged:
            return
        # Editors and tools make drafts beside a file and delete them.
        files = event.existing or event.request.files or ()
        paths = [messages.shown(file, self._folder) for file in files]
        kind = event.request.kind
        yield messages.of_deployment(kind, paths, result.steps, event.milliseconds)

    def _urls(self, event: DeploymentEnded) -> ShowUrls:
        if event.request.kind == "deployed":
            return ShowUrls(frozenset(source.function for source in event.sources))
        triggers = [step for step in event.result.steps if step.kind == "trigger"]
        return ShowUrls(frozenset(step.function for step in triggers))

    def _attach(self, target: Target) -> Iterator[Message]:
        """Say once how an editor attaches; new code of the function changes nothing of it."""
        if target.function in self._debugged:
            return
        self._debugged.add(target.function)
        facts = {"function": target.function, "port": target.port}
        yield Message("debugger", launch.attach_lines(target), facts=facts)

    # --- steps and keys ---

    def _steps(self, event: StepsRead) -> Iterator[Action]:
        if event.missed:
            yield Message("missed", f"{event.missed} steps were too many to show", "wait")
        sources = {source.function: source for source in event.sources}
        for step in event.steps:
            if _is_first_call(step):
                self._last = step
            yield ShowStep(step)
            if step.kind == "ended" and step.status != "Succeeded":
                # A function that left the templates runs on, with code that is not known here.
                unknown = Source(step.function, "", "")
                yield FindImport(step, sources.get(step.function, unknown))

    def _pressed(self, key: str) -> list[Action]:
        match key:
            case "i":
                if self._last is None:
                    text = "nothing was invoked yet; try: fc-async invoke FUNCTION '{}'"
                    return [messages.note(text)]
                return [Invoke(self._last)]
            case "o":
                return [OpenConsole()]
            case "t":
                return [MoveTime()]
            case "?" | "h":
                lines = "\n".join(f"{name:<8}{effect}" for name, effect in keys.HELP)
                return [Message("help", f"Keys\n{lines}")]
        return []


def _is_first_call(step: Step) -> bool:
    """Return whether the user has called the function with the payload of a step."""
    if step.hops != 0:
        return False
    # A synchronous call is not accepted before it starts: its payload is with its first step.
    return step.kind == "accepted" or bool(step.sync and step.payload)


def seconds_ahead(now: int, due: int | None) -> float:
    """Return how far virtual time moves.

    Args:
        now: The virtual time, in milliseconds.
        due: When the next thing is due, in milliseconds; None if nothing waits.
    """
    if due is None or due <= now:
        return _IDLE_ADVANCE_SECONDS
    return (due - now) / 1_000
