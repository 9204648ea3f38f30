# SPDX-License-Identifier: MIT
"""The loop: deploys what is saved, prints what happens, does what keys ask for."""

from __future__ import annotations

import os
import signal
import threading
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, ParamSpec

import msgspec

from fc_async_plugin.account.runtime import ask, client_of, console_of
from fc_async_plugin.deploy.plan.model import UpdateFunction
from fc_async_plugin.dev import keys, launch
from fc_async_plugin.dev.feed import Follower
from fc_async_plugin.dev.watching import Watcher
from fc_async_plugin.prepare import imports
from fc_async_plugin.prepare.building import wish
from fc_async_plugin.project.sources import Source, roots
from fc_async_plugin.report import moments, terminal
from fc_async_sdk.admin import models
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import FcAsyncError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from queue import SimpleQueue

    from fc_async_plugin.check.rules import Finding
    from fc_async_plugin.dev.deploying import Deployer, Result
    from fc_async_plugin.dev.launch import Target
    from fc_async_plugin.dev.runtime import Running
    from fc_async_plugin.dev.screen import Screen
    from fc_async_plugin.prepare.building import Builder
    from fc_async_plugin.prepare.syntax import Broken
    from fc_async_sdk.admin.models import Step

P = ParamSpec("P")
_IDLE_ADVANCE_SECONDS: Final = 60
"""Seconds that ``t`` moves virtual time if nothing waits."""
_WAIT_SECONDS: Final = 0.5
_FEW: Final = 4
"""Changes that are said one by one; of more, the functions are named."""


Event = Callable[[], object]
"""A call that the main thread makes: another thread has found something."""


class Loop:
    """One run of ``fc-async dev``.

    Args:
        running: The runtime.
        deployer: Deploys to it.
        screen: Where everything is printed.
        events: Calls that the main thread makes, in their order.
        debug: The functions to debug.
        builder: Builds what saved files are part of.
    """

    def __init__(
        self,
        running: Running,
        deployer: Deployer,
        screen: Screen,
        events: SimpleQueue[Event],
        *,
        debug: Sequence[Target] = (),
        builder: Builder | None = None,
    ) -> None:
        self._builder = builder
        self._debug = {target.function: target for target in debug}
        self._running = running
        self._deployer = deployer
        self._screen = screen
        self._events = events
        self._client = client_of(running.addresses.fc)
        self._watcher = Watcher(
            self._later(self._deploy_saved), self._later(self._deploy_unnoticed)
        )
        self._hint = ""  # what is said once the first watch has begun
        self._ended: str | None = None
        self._last: Step | None = None
        self._findings: tuple[Finding, ...] = ()
        self._problems: tuple[Collection[object], ...] = ((), (), ())
        self._omitted: set[str] = set()
        self._stamps: dict[Path, tuple[int, int] | None] = {}
        self._said: set[Path] = set()  # of these files the next report says only what is new
        self._broken: set[Path] = set()
        self._waiting = set(self._debug)  # not debugged yet

    def run(self) -> str:
        """Run until a signal ends it, or the runtime is gone.

        Returns:
            Why it ended if the user did not ask for it; otherwise "".
        """
        with self._client, ExitStack() as closing:
            closing.enter_context(terminal.handling_signals(self._interrupt))
            follower = Follower(
                self._running.addresses.fc,
                self._show_in_turn,
                self._later(lambda: self.end("the local runtime is gone")),
            )
            closing.callback(follower.end)
            closing.callback(self._watcher.end)
            self._watch()
            follower.start(everything=not self._running.attached)
            self._deploy(self._deployer.everything, "deployed")
            closing.callback(self._stop_debugging)
            keyed = closing.enter_context(keys.reading(self._later(self._press)))
            self._hint = "Ctrl-C ends it, ? shows keys." if keyed else "Ctrl-C ends it."
            while self._ended is None:
                # The handler of a signal that arrives just before a wait runs when that is over.
                with suppress(Empty):
                    self._events.get(timeout=_WAIT_SECONDS)()
            return self._ended

    def end(self, reason: str = "") -> None:
        """End the loop; called in the main thread.

        Args:
            reason: Why, if that is not what the user asked for.
        """
        self._ended = reason

    def _interrupt(self, number: int, _: object) -> None:
        """End the loop at a signal, also while many steps are printed; the next one kills."""
        signal.signal(number, signal.SIG_DFL)
        self.end()
        self._later(self.end)()  # wakes a wait that the signal does not interrupt

    def _later(self, call: Callable[P, object]) -> Callable[P, None]:
        """Return a function that other threads call; the main thread makes the call."""

        def put(*args: P.args, **kwargs: P.kwargs) -> None:
            self._events.put(partial(call, *args, **kwargs))

        return put

    def _names(self) -> list[str]:
        return [source.function for source in self._deployer.sources]

    # --- deployments ---

    def _watch(self) -> None:
        sources = self._deployer.sources
        builds = self._builder.folders if self._builder else ()
        self._watcher.watch(files=self._deployer.files, folders=roots(sources, builds))

    def _note(self, files: Collection[Path]) -> bool:
        """Note when files were written; return whether one was written since it was noted last."""
        stamps = {file: _stamp(file) for file in files}
        news = stamps.items() - self._stamps.items()
        self._stamps |= stamps
        return bool(news)

    def _deploy_saved(self, files: Collection[Path]) -> None:
        files = [file for file in files if not _is_output(file)]
        # The system may report one save in pieces, and a new watch reports what was saved before.
        if not self._note(files):
            return
        self._build(files)
        again = self._said.issuperset(files)
        self._deploy(lambda: self._deployer.saved(files), "saved", sorted(files), again=again)
        # Written while it was deployed: it is reported once more, but may be deployed already.
        self._said = {file for file in files if _stamp(file) != self._stamps[file]}

    def _deploy_unnoticed(self, ended: threading.Event) -> None:
        """Deploy what was saved before a watch began; at the first one, say that it has begun."""
        if ended.is_set():
            return
        self._note(self._deployer.files)
        self._build(None, say=not self._hint)  # at the start it was just asked for
        self._deploy(self._deployer.everything, "saved", again=True)
        self._said |= self._deployer.broken
        if self._hint and not ended.is_set():
            self._screen.say("watching", f"Watching. {self._hint}", functions=self._names())
            self._hint = ""

    def _build(self, files: Collection[Path] | None, *, say: bool = True) -> None:
        """Build again what reads the files, or say that it must be done."""
        failed, due = self._builder.saved(files) if self._builder else ([], [])
        for text in failed:
            self._screen.say("problem", text, style="bad")
        for one in due if say else ():
            text = f"not built again: {wish(one).text}; fc-async dev asks when it starts"
            self._say_once(text)

    def _say_once(self, text: str) -> None:
        if text not in self._omitted:
            self._omitted.add(text)
            self._screen.say("note", text, style="wait")

    def _deploy(
        self,
        deploy: Callable[[], Result],
        kind: str,
        files: Sequence[Path] = (),
        *,
        again: bool = False,
    ) -> None:
        """Deploy, and print what changed or why nothing did; again: only what is new."""
        began = monotonic()
        result = deploy()
        findings = self._findings if result.findings is None else result.findings
        problems = findings, result.failures, result.broken
        self._watch()
        if again and not result.steps and problems == self._problems:
            return
        self._problems = problems
        if result.steps:
            try:
                ask(self._client, admin.create_destinations())
            except FcAsyncError as error:
                text = f"destinations were not made: {_reason(error)}"
                self._screen.say("problem", text, style="bad")
        took = round((monotonic() - began) * 1_000)
        folders = {one.function: shown(one.code) for one in self._deployer.sources if one.code}
        self._screen.functions(self._names(), folders.get)
        self._show_problems(result)
        self._start_debugging({step.function for step in result.steps} | self._waiting)
        saved = result.findings is not None and not result.refused and not again
        if result.steps or saved:
            names = sorted({_name_of(step) for step in result.steps})
            if len(names) > _FEW:
                names = sorted({step.function for step in result.steps})
            text = f"{_headline(kind, files)} in {took} ms: {', '.join(names) or 'no changes'}"
            facts: dict[str, Any] = {"steps": [step.title for step in result.steps], "ms": took}
            self._screen.say(kind, text, style="wait", **facts)
        for name in result.gone:
            text = f"{name} is no longer in the template; it stays in the runtime with its queue"
            self._screen.say("note", text, style="wait", function=name)
        for sentence in result.omitted:
            self._say_once(sentence)
        triggers = [one.function for one in result.steps if one.kind == "trigger"]
        self._tell_urls(self._names() if kind == "deployed" else triggers)

    def _tell_urls(self, functions: Collection[str]) -> None:
        """Say where functions answer whose HTTP triggers were deployed."""
        with suppress(FcAsyncError):  # the console has them, too
            found = ask(self._client, admin.list_triggers()).triggers if functions else ()
            for one in found:
                if one.http_trigger and one.function in functions:
                    url = one.http_trigger.url_internet
                    text = f"{one.function} answers at {url}"
                    self._screen.say("url", text, function=one.function, url=url)

    def _start_debugging(self, functions: Collection[str]) -> None:
        """Debug functions that were deployed; one that is debugged gets its new code."""
        for target in self._debug.values():
            if target.function not in functions:
                continue
            body = models.Debug(folder=str(target.folder.resolve()), port=target.port)
            try:
                ask(self._client, admin.start_debugger(target.function, body))
            except FcAsyncError as error:
                text = f"{target.function}: {_reason(error)}"
                self._screen.say("problem", text, style="bad")
                continue
            if target.function in self._waiting:
                self._waiting.discard(target.function)
                text = launch.attach_lines(target)
                self._screen.say("debugger", text, function=target.function, port=target.port)

    def _stop_debugging(self) -> None:
        """Leave a runtime that goes on as it was."""
        if self._running.attached:
            for function in self._debug.keys() - self._waiting:
                with suppress(FcAsyncError):
                    self._client.send(admin.stop_debugger(function))

    def _show_problems(self, result: Result) -> None:
        if result.findings is not None and result.findings != self._findings:
            self._findings = result.findings
            for finding in result.findings:
                style = "bad" if finding.severity == "error" else "wait"
                text = f"{finding.position}: {finding.severity} {finding.rule} {finding.message}"
                text += f"\nfix: {finding.fix}" if finding.fix else ""
                self._screen.say("finding", text, style=style)
            if any(one.stops for one in result.findings) and not result.failures:
                kept = self._deployer.kept()
                text = "The last good state stays." if kept else "Nothing was deployed."
                self._screen.say("refused", text, style="bad")
        for broken in result.broken:
            kept = self._deployer.kept(broken.path)
            stays = "The last good code stays." if kept else "Nothing was deployed from it."
            text = f"{_of_broken(broken)}\n{stays}"
            self._screen.say("broken", text, style="bad", file=str(broken.path), line=broken.line)
        for path in sorted(self._broken - self._deployer.broken):
            self._screen.say("mended", f"{shown(path)} can be read again", style="wait")
        self._broken = self._deployer.broken
        for failure in result.failures:
            self._screen.say("refused", f"not deployed: {failure}", style="bad")

    # --- steps and keys ---

    def _show_in_turn(self, steps: Sequence[Step], missed: int) -> None:
        """Return when the main thread has printed steps, so that no more are read than printed."""
        done = threading.Event()
        self._later(self._show)(steps, missed)
        self._later(done.set)()
        while self._ended is None and not done.wait(_WAIT_SECONDS):
            pass

    def _show(self, steps: Sequence[Step], missed: int) -> None:
        if missed:
            self._screen.say("missed", f"{missed} steps were too many to show", style="wait")
        for step in steps:
            if self._ended is not None:
                return
            if step.hops == 0 and (step.kind == "accepted" or (step.sync and step.payload)):
                self._last = step
            self._screen.step(step)
            if step.kind == "ended" and step.status != "Succeeded":
                self._name_missing(step)

    def _name_missing(self, step: Step) -> None:
        """Say once which package or path an import of a function lacks."""
        known = {one.function: one for one in self._deployer.sources}
        source = known.get(step.function, Source(step.function, "", ""))
        text = imports.failed(source.function, source.runtime, step.result, source.code)
        if text:
            self._say_once(text)

    def _press(self, key: str) -> None:
        try:
            match key:
                case "i":
                    self._invoke_again()
                case "o":
                    self._open_console()
                case "t":
                    self._move_time()
                case "?" | "h":
                    lines = "\n".join(f"{name:<8}{what}" for name, what in keys.HELP)
                    self._screen.say("help", f"Keys\n{lines}")
        except FcAsyncError as error:
            self._screen.say("problem", _reason(error), style="bad")

    def _invoke_again(self) -> None:
        last = self._last
        if last is None:
            text = "nothing was invoked yet; try: fc-async invoke FUNCTION '{}'"
            self._screen.say("note", text, style="wait")
            return
        body = models.Invoke(
            payload=msgspec.to_builtins(last.payload),
            payload_encoding="base64",
            qualifier=last.qualifier,
        )
        ask(self._client, admin.invoke(last.function, body))

    def _open_console(self) -> None:
        url = console_of(self._running.addresses)
        if not webbrowser.open(url):
            self._screen.say("console", f"no browser was found; the console is {url}")

    def _move_time(self) -> None:
        clock = ask(self._client, admin.get_clock())
        if not clock.virtual:
            self._screen.say("note", "time is real: start with --clock virtual", style="wait")
            return
        due = ask(self._client, admin.get_stats()).oldest_due_at
        ahead = 0 if due is None else max(due - clock.now, 0) / 1_000
        seconds = ahead or _IDLE_ADVANCE_SECONDS

        say = self._later(self._screen.say)

        def move() -> None:
            # Returns when everything is done that became due: not while a debugger stops it.
            try:
                with client_of(self._running.addresses.fc) as client:
                    now = ask(client, admin.advance_clock(seconds)).now
                say("clock", f"time is now {moments.clock_time(now)}", style="wait")
            except FcAsyncError as error:
                say("problem", _reason(error), style="bad")

        threading.Thread(target=move, name="time", daemon=True).start()


def _reason(error: FcAsyncError) -> str:
    """Return why the runtime refuses, or that none answers."""
    return error.message if isinstance(error, ServiceError) else str(error)


def _is_output(file: Path) -> bool:
    """Return whether this process writes its output to a file: it would deploy each line of it."""
    try:
        found = file.stat()
        return any(os.path.samestat(found, os.fstat(one)) for one in (1, 2))
    except OSError:
        return False


def _stamp(file: Path) -> tuple[int, int] | None:
    """Return when a file was written and its size; None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


# --- wording --------------------------------------------------------------------------------------


def shown(path: Path) -> str:
    """Return a path as the user would write it: relative to this folder if it is below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return os.fspath(path)


def _headline(kind: str, files: Sequence[Path]) -> str:
    # Editors and tools make drafts beside a file and delete them.
    files = [file for file in files if file.exists()] or files
    if not files:
        return kind
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{kind} {shown(files[0])}{more}, deployed"


def _name_of(step: Any) -> str:
    """Return what a step changed, in two or three words."""
    if isinstance(step, UpdateFunction) and step.code is not None and not step.after:
        return f"{step.function} (new code)"
    return f"{step.function}{step.qualifier_shown} ({step.sign} {step.kind})"


def _of_broken(broken: Broken) -> str:
    place = f"{shown(broken.path)}:{broken.line}" if broken.line else shown(broken.path)
    text = f"{place}: {broken.message}"
    if broken.source.strip():
        text += f"\n  {broken.source}"
        if broken.column:
            text += f"\n  {' ' * (broken.column - 1)}^"
    return text
