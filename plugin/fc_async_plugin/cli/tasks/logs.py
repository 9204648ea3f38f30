# SPDX-License-Identifier: MIT
"""``fc-async tasks logs``: shows what functions printed, also as it happens."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.dev.screen import TextScreen
    from fc_async_plugin.operate.tasks import FunctionTasks
    from fc_async_plugin.report.tasks import Printed
    from fc_async_sdk import AsyncTask, Client
    from fc_async_sdk.admin.models import Step, Steps

_POLL_SECONDS = 1.0
_NEWEST = 100
"""Tasks that one poll looks at."""


@click.command("logs")
@options.optional_function_argument
@click.argument(
    "task_id", metavar="[TASK]", required=False, shell_complete=options.completion.tasks
)
@options.flag("-f", "--follow", help="Go on until Ctrl-C, or until TASK has ended.")
@options.tasks_limit(20)
@options.raw_option
@options.where_options
@options.format_option
def command(
    function: str | None,
    task_id: str | None,
    follow: bool,
    limit: int,
    raw: bool,
    where: Where,
    output: Format,
) -> None:
    """Show the last lines that the attempts of FUNCTION's tasks printed, the oldest task first.

    They are part of a task's steps, so this needs task mode. -f goes on with what tasks print: at
    a local runtime line by line while they run, without task mode, too, and FUNCTION may be left
    out for all; in the cloud when a task ends. The whole log of the service is in SLS, under the
    function's logConfig. Control characters are shown as escapes such as \\x1b. JSON is one object
    a line, one for each attempt; with -f at a local runtime, one for each part of its output. With
    TASK, -f ends when the task has ended.

    \b
    Examples:
      fc-async tasks logs orders
      fc-async tasks logs orders T1
      fc-async tasks logs orders T1 -f
      fc-async tasks logs -f
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate.tasks import tasks_of

    # Only a local runtime tells of output before a task has ended.
    is_live = follow and connection.is_here(where.account)
    if function is None and not is_live:
        raise click.UsageError("name a function; all are shown with -f at a local runtime only")
    if raw and output == "json":
        raise click.UsageError("--raw goes with -o text only")
    form = _Form(output, raw)
    if function is None:
        _follow_runtime(where, form)
        return
    with tasks_of(function, where) as tasks:
        if task_id is not None:
            _show_one(tasks, task_id, where, form, follow=follow, is_live=is_live)
            return
        newest = list(islice(filter(_ran, tasks.all()), limit))
        if not newest and not is_live:
            _note_none(tasks)
        # What runs and has printed already comes from the runtime when it is followed.
        form.show(tasks.with_steps(newest), {} if is_live else tasks.printed())
        if is_live:
            _follow_runtime(where, form, tasks)
        elif follow:
            _follow(tasks, {task.task_id for task in newest if task.finished}, form)


def _show_one(
    tasks: FunctionTasks, task_id: str, where: Where, form: _Form, *, follow: bool, is_live: bool
) -> None:
    """Show the output of one task; with ``follow``, until it has ended."""
    from fc_async_plugin.account import suggestions

    with suggestions.for_task(task_id, tasks.all()):
        if is_live:
            _follow_runtime(where, form, tasks, task_id)
            return
        task = tasks.wait(task_id) if follow else tasks.find(task_id)
        form.show([task], tasks.printed())


def _note_none(tasks: FunctionTasks) -> None:
    """Say that no task has run.

    Raises:
        click.ClickException: The function cannot have tasks.
    """
    if reason := tasks.why_none():
        raise click.ClickException(reason)
    terminal.note("No task has run.")


class _Form(NamedTuple):
    """The form in which output of functions is shown.

    Attributes:
        output: Text, or JSON lines.
        raw: Whether control characters of text are left as they are.
    """

    output: Format
    raw: bool

    def show(self, tasks: Iterable[AsyncTask], printed: Printed) -> None:
        """Print the output of the attempts of tasks."""
        from fc_async_plugin.report import tasks as report

        for task in tasks:
            attempts = report.logs(task, printed)
            if self.output == "json":
                self._print_lines(task, attempts)
            else:
                self._print_text(task, attempts)

    def _print_lines(self, task: AsyncTask, attempts: list[tuple[int, str]]) -> None:
        for number, text in attempts:
            line = {
                "taskId": task.task_id,
                "status": task.status,
                "attempt": number,
                "log": text,
            }
            terminal.print_json_line(line)

    def _print_text(self, task: AsyncTask, attempts: list[tuple[int, str]]) -> None:
        terminal.print_text(f"--- {task.task_id} {task.status}", bold=True)
        for number, text in attempts:
            if len(attempts) > 1:
                terminal.print_text(f"-- attempt {number}", bold=True)
            terminal.print_text(text.rstrip("\n"), raw=self.raw)
        # An attempt that was never started, or was killed, has printed nothing.
        if not attempts and task.task_error_message:
            terminal.print_text(task.task_error_message.rstrip("\n"), raw=self.raw)

    def show_step(self, step: Step, screen: TextScreen) -> None:
        """Print what an attempt has printed since its last step; as text in a form of ``dev``."""
        log = step.output[step.told :]
        if self.raw:
            terminal.print_text(log.rstrip("\n"), raw=True)
        elif self.output == "text":
            screen.step(step)
        else:
            line = {
                "function": step.function,
                "taskId": step.task_id or step.request_id,
                "status": step.status or "Running",
                "attempt": step.attempt,
                "log": log,
            }
            terminal.print_json_line(line)


def _follow(tasks: FunctionTasks, shown: set[str], form: _Form) -> None:
    """Show the tasks that end from now on, without an end."""
    while True:
        time.sleep(_POLL_SECONDS)
        # Only the newest: a busy function has thousands of tasks, and this asks each second.
        ended = []
        for task in islice(tasks.all(), _NEWEST):
            has_output = task.finished and _ran(task)
            if has_output and task.task_id not in shown:
                ended.append(task)
                shown.add(task.task_id)
        form.show(tasks.with_steps(ended), {})


def _follow_runtime(
    where: Where, form: _Form, tasks: FunctionTasks | None = None, task_id: str | None = None
) -> None:
    """Show what a runtime's functions print from now on, as ``dev`` does.

    What runs already has its output so far.

    Args:
        where: The runtime.
        form: Form of the output.
        tasks: The tasks of a function; None: all functions.
        task_id: One task, until it has ended; None: all tasks, without an end.
    """
    from fc_async_plugin.account import runtime
    from fc_async_plugin.dev.screen import TextScreen
    from fc_async_plugin.report import tasks as report
    from fc_async_sdk.admin import operations as admin

    function = tasks.function if tasks else None
    shown_attempts = 0
    screen = TextScreen(terminal.console())
    screen.functions([function] if function else [], lambda _: None)
    with runtime.client_of(str(where.account.endpoint)) as client:
        begin = runtime.ask(client, admin.get_steps())
        if tasks and task_id:
            task = tasks.find(task_id)
            form.show([task], {})
            if task.finished:
                return
            shown_attempts = max((number for number, _ in report.logs(task)), default=0)
        terminal.note(f"Following {task_id or function or 'all functions'}; Ctrl-C ends it.")
        for step in _followed(client, begin, function, task_id):
            # The feed tells of these attempts once more. A step of no attempt has the number 0.
            is_shown = 0 < step.attempt <= shown_attempts
            if not is_shown:
                form.show_step(step, screen)


def _followed(
    client: Client, begin: Steps, function: str | None, task_id: str | None
) -> Iterator[Step]:
    """Yield the steps that have output: of all functions, of one, or of a task until its end."""
    from fc_async_plugin.dev import feed

    for page in feed.pages(client, begin):
        if page.missed:
            terminal.note(f"{page.missed} steps were missed")
        for step in page.steps:
            if not _is_followed(step, function, task_id):
                continue
            yield step
            is_last = step.kind == "ended" and step.status != "Retrying"
            if task_id and is_last:
                return


def _is_followed(step: Step, function: str | None, task_id: str | None) -> bool:
    """Return whether a step has output of what is followed; None: all functions, all tasks."""
    if step.kind not in {"printed", "ended"}:
        return False
    if function not in {None, step.function}:
        return False
    own_id = step.task_id or step.request_id
    return task_id in {None, own_id}


def _ran(task: AsyncTask) -> bool:
    """Return whether an attempt of a task was started: the others have printed nothing."""
    return task.started_time is not None
