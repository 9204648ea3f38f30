# SPDX-License-Identifier: MIT
"""The loop: does what :mod:`~fc_async_plugin.dev.state` decides about saves, steps and keys."""

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
from typing import TYPE_CHECKING, Final, ParamSpec

import msgspec

from fc_async_plugin.account.runtime import ask, client_of, console_of
from fc_async_plugin.dev import keys, messages, state
from fc_async_plugin.dev.feed import Follower
from fc_async_plugin.dev.messages import Message
from fc_async_plugin.dev.state import State
from fc_async_plugin.dev.watching import Watcher
from fc_async_plugin.prepare import imports
from fc_async_plugin.prepare.building import wish
from fc_async_plugin.project.sources import roots
from fc_async_plugin.project.stamps import stamps_of
from fc_async_plugin.report import moments, terminal
from fc_async_sdk.admin import models
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import FcAsyncError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from queue import SimpleQueue

    from fc_async_plugin.dev.deploying import Deployer
    from fc_async_plugin.dev.launch import Target
    from fc_async_plugin.dev.runtime import Running
    from fc_async_plugin.dev.screen import Screen
    from fc_async_plugin.dev.state import Action, Event
    from fc_async_plugin.prepare.building import Builder
    from fc_async_plugin.project.stamps import Stamps
    from fc_async_sdk.admin.models import Step

P = ParamSpec("P")
_WAIT_SECONDS: Final = 0.5


Call = Callable[[], object]
"""A call that the main thread makes: another thread has found something."""


class Loop:
    """One run of ``fc-async dev``.

    Args:
        running: The runtime.
        deployer: Deploys to it.
        screen: Where everything is printed.
        calls: Calls that the main thread makes, in their order.
        debug: The functions to debug.
        builder: Builds what saved files are part of.
    """

    def __init__(
        self,
        running: Running,
        deployer: Deployer,
        screen: Screen,
        calls: SimpleQueue[Call],
        *,
        debug: Sequence[Target] = (),
        builder: Builder | None = None,
    ) -> None:
        self._builder = builder
        self._running = running
        self._deployer = deployer
        self._screen = screen
        self._calls = calls
        self._client = client_of(running.addresses.fc)
        self._watcher = Watcher(self._later(self._saved), self._later(self._watch_began))
        self._state = State(Path.cwd(), debug)
        self._ended: str | None = None

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
            self._handle(state.Started())
            closing.callback(self._stop_debugging)
            are_read = closing.enter_context(keys.reading(self._later(self._press)))
            self._handle(state.KeysRead(are_read))
            while self._ended is None:
                # The handler of a signal that arrives just before a wait runs when that is over.
                with suppress(Empty):
                    self._calls.get(timeout=_WAIT_SECONDS)()
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
            self._calls.put(partial(call, *args, **kwargs))

        return put

    # --- events ---

    def _saved(self, files: Collection[Path]) -> None:
        self._handle(state.Saved(stamps_of([file for file in files if not _is_output(file)])))

    def _watch_began(self, ended: threading.Event) -> None:
        # The threads of a watch that was replaced call it, too; the next watch reads everything.
        if ended.is_set():
            return
        self._handle(state.WatchBegan(stamps_of(self._deployer.files)))
        functions = [source.function for source in self._deployer.sources]
        watched = not ended.is_set()
        self._handle(state.CaughtUp(self._deployer.broken, functions, watched))

    def _show_in_turn(self, steps: Sequence[Step], missed: int) -> None:
        """Return when the main thread has printed steps, so that no more are read than printed."""
        done = threading.Event()
        self._later(self._steps_read)(steps, missed)
        self._later(done.set)()
        while self._ended is None and not done.wait(_WAIT_SECONDS):
            pass

    def _steps_read(self, steps: Sequence[Step], missed: int) -> None:
        self._handle(state.StepsRead(steps, missed, self._deployer.sources))

    def _press(self, key: str) -> None:
        try:
            self._handle(state.KeyPressed(key))
        except FcAsyncError as error:
            self._say(messages.problem(_reason(error)))

    # --- actions ---

    def _handle(self, event: Event) -> None:
        for action in self._state.decide(event):
            # A signal that comes while steps are printed also ends the printing of the others.
            if isinstance(action, state.ShowStep) and self._ended is not None:
                return
            self._perform(action)

    def _perform(self, action: Action) -> None:
        match action:
            case state.Build():
                self._build(action.files)
            case state.Deploy():
                self._deploy(action)
            case state.ReadStamps():
                self._handle(state.StampsRead(stamps_of(action.files)))
            case state.StartDebugger():
                self._start_debugger(action.target)
            case state.Invoke():
                self._invoke(action.step)
            case state.OpenConsole():
                self._open_console()
            case state.MoveTime():
                self._move_time()
            case _:
                self._show(action)

    def _show(self, action: state.Showing) -> None:
        match action:
            case Message():
                self._say(action)
            case state.ShowFunctions():
                self._screen.functions(action.names, action.folders.get)
            case state.ShowUrls():
                self._show_urls(action.functions)
            case state.ShowStep():
                self._screen.step(action.step)
            case state.FindImport():
                self._find_import(action)

    def _say(self, message: Message) -> None:
        facts = dict(message.facts)
        self._screen.say(message.kind, message.text, style=message.style, **facts)

    def _watch(self) -> None:
        folders = self._builder.folders if self._builder else ()
        watched = roots(self._deployer.sources, folders)
        self._watcher.watch(files=self._deployer.files, folders=watched)

    def _build(self, files: frozenset[Path] | None) -> None:
        """Build again what reads the files."""
        if self._builder is None:
            return
        failures, not_allowed = self._builder.saved(files)
        texts = [wish(build).text for build in not_allowed]
        self._handle(state.Built(failures, texts, files, self._builder.written))

    def _deploy(self, request: state.Deploy) -> None:
        began = monotonic()
        if request.files is None:
            result = self._deployer.everything()
        else:
            # A function may consist of what the build of a saved file has written: the save is
            # deployed with it, in one step and under the name of the file that the user saved.
            result = self._deployer.saved({*request.files, *self._take_written()})
        written = self._take_written()
        # Code of a new function is watched before the user is told that it runs.
        self._watch()
        without_destinations = self._make_destinations() if result.steps else ""
        milliseconds = round((monotonic() - began) * 1_000)
        broken = {file.path for file in result.broken}
        event = state.DeploymentEnded(
            request,
            result,
            milliseconds,
            sources=self._deployer.sources,
            existing=[file for file in request.files or () if file.exists()],
            unreadable=frozenset(self._deployer.broken),
            covered=frozenset(filter(self._deployer.kept, broken)),
            has_state=self._deployer.kept(),
            without_destinations=without_destinations,
            written=written,
        )
        self._handle(event)

    def _take_written(self) -> Stamps:
        if self._builder is None:
            return {}
        return self._builder.take_written()

    def _make_destinations(self) -> str:
        """Make the queues and topics of destinations; return why that failed, "" if it did not."""
        try:
            ask(self._client, admin.create_destinations())
        except FcAsyncError as error:
            return _reason(error)
        return ""

    def _show_urls(self, functions: Collection[str]) -> None:
        """Say where functions answer that have HTTP triggers."""
        if not functions:
            return
        try:
            triggers = ask(self._client, admin.list_triggers()).triggers
        except FcAsyncError:
            return  # the console has them, too
        for trigger in triggers:
            if trigger.http_trigger is None or trigger.function not in functions:
                continue
            url = trigger.http_trigger.url_internet
            text = f"{trigger.function} answers at {url}"
            self._say(Message("url", text, facts={"function": trigger.function, "url": url}))

    def _start_debugger(self, target: Target) -> None:
        """Debug a function that was deployed; one that is debugged gets its new code."""
        body = models.Debug(folder=str(target.folder.resolve()), port=target.port)
        try:
            ask(self._client, admin.start_debugger(target.function, body))
        except FcAsyncError as error:
            self._say(messages.problem(f"{target.function}: {_reason(error)}"))
        else:
            self._handle(state.DebuggerReady(target))

    def _stop_debugging(self) -> None:
        """Leave a runtime that goes on as it was."""
        if not self._running.attached:
            return
        for function in self._state.debugged:
            with suppress(FcAsyncError):
                self._client.send(admin.stop_debugger(function))

    def _find_import(self, action: state.FindImport) -> None:
        source = action.source
        text = imports.failed(source.function, source.runtime, action.step.result, source.code)
        self._handle(state.Noticed(text))

    def _invoke(self, step: Step) -> None:
        body = models.Invoke(
            payload=msgspec.to_builtins(step.payload),
            payload_encoding="base64",
            qualifier=step.qualifier,
        )
        ask(self._client, admin.invoke(step.function, body))

    def _open_console(self) -> None:
        url = console_of(self._running.addresses)
        if not webbrowser.open(url):
            self._say(Message("console", f"no browser was found; the console is {url}"))

    def _move_time(self) -> None:
        clock = ask(self._client, admin.get_clock())
        if not clock.virtual:
            self._say(messages.note("time is real: start with --clock virtual"))
            return
        due = ask(self._client, admin.get_stats()).oldest_due_at
        seconds = state.seconds_ahead(clock.now, due)
        say = self._later(self._say)

        def move() -> None:
            # Returns when everything is done that became due: not while a debugger stops it.
            try:
                with client_of(self._running.addresses.fc) as client:
                    now = ask(client, admin.advance_clock(seconds)).now
                say(Message("clock", f"time is now {moments.clock_time(now)}", "wait"))
            except FcAsyncError as error:
                say(messages.problem(_reason(error)))

        threading.Thread(target=move, name="time", daemon=True).start()


def _reason(error: FcAsyncError) -> str:
    """Return why the runtime refuses, or that none answers."""
    return error.message if isinstance(error, ServiceError) else str(error)


def _is_output(file: Path) -> bool:
    """Return whether this process writes its output to a file: it would deploy each line of it."""
    try:
        status = file.stat()
        return any(os.path.samestat(status, os.fstat(output)) for output in (1, 2))
    except OSError:
        return False


def shown(path: Path) -> str:
    """Return a path as the user would write it: relative to this folder if it is below."""
    return messages.shown(path, Path.cwd())
