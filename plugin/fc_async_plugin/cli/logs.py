# SPDX-License-Identifier: MIT
"""``fc-async logs``: shows the output of a function's tasks."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import Format, terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_plugin.account.connection import Where
    from fc_async_sdk import AsyncTask

_POLL_SECONDS = 1.0
_NEWEST = 100
"""Tasks that one poll looks at."""


@click.command()
@options.function_argument
@click.argument("task_id", metavar="[TASK]", required=False)
@click.option("-F", "--follow", is_flag=True, help="Also show tasks that end from now on.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Largest number of tasks, newest first.",
)
@options.raw_option
@options.where_options
@options.format_option
def command(
    function: str,
    task_id: str | None,
    follow: bool,
    limit: int,
    raw: bool,
    where: Where,
    output: Format,
) -> None:
    """Show the last lines that the attempts of FUNCTION's tasks printed, the oldest task first.

    They are part of a task's steps, so this needs task mode. The whole log of the service is in
    SLS, under the function's logConfig. Control characters are shown as escapes such as \\x1b.
    JSON is one object a line, one for each attempt.

    \b
    Examples:
      fc-async logs orders
      fc-async logs orders T1
      fc-async logs orders -F
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import suggestions
    from fc_async_plugin.tasks import tasks_of

    if raw and output == "json":
        raise click.UsageError("--raw goes with -o text only")

    def show(tasks: Iterable[AsyncTask]) -> None:
        _print_json(tasks) if output == "json" else _show(tasks, raw=raw)

    with tasks_of(function, where) as tasks:
        if task_id is not None:
            with suggestions.for_task(task_id, tasks.all()):
                task = tasks.get(task_id)
            show([task])
            return
        newest = list(islice(filter(_ran, tasks.all()), limit))
        if not newest:
            if why := tasks.why_none():
                raise click.ClickException(why)
            terminal.note("No task has run.")
        shown = {task.task_id for task in newest if task.finished}
        show(tasks.with_steps(newest))
        while follow:
            time.sleep(_POLL_SECONDS)
            ended = [
                task
                for task in islice(tasks.all(), _NEWEST)
                if task.finished and _ran(task) and task.task_id not in shown
            ]
            shown.update(task.task_id for task in ended)
            show(tasks.with_steps(ended))


def _ran(task: AsyncTask) -> bool:
    """Return whether an attempt of a task was started: the others have printed nothing."""
    return task.started_time is not None


def _print_json(tasks: Iterable[AsyncTask]) -> None:
    from fc_async_plugin.report import tasks as report

    for task in tasks:
        for number, text in report.logs(task):
            line = {"taskId": task.task_id, "status": task.status, "attempt": number, "log": text}
            terminal.print_json_line(line)


def _show(tasks: Iterable[AsyncTask], *, raw: bool) -> None:
    from fc_async_plugin.report import tasks as report

    for task in tasks:
        terminal.tell(f"--- {task.task_id} {task.status}", bold=True)
        texts = report.logs(task)
        for number, text in texts:
            if len(texts) > 1:
                terminal.tell(f"-- attempt {number}", bold=True)
            terminal.print_text(text.rstrip("\n"), raw=raw)
        if not texts and task.task_error_message:
            terminal.print_text(task.task_error_message.rstrip("\n"), raw=raw)
