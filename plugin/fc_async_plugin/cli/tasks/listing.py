# SPDX-License-Identifier: MIT
"""``fc-async tasks list``, ``get`` and ``wait``: read tasks and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fc_async_plugin.account import suggestions
from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.tasks.selection import filter_options
from fc_async_plugin.report import DONE, FAILED, Format, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.cli.tasks.selection import TaskFilters
    from fc_async_plugin.operate.tasks import FunctionTasks
    from fc_async_sdk import AsyncTask


@click.command("list")
@options.optional_function_argument
@filter_options
@options.tasks_limit(100)
@options.where_options
@options.format_option
def list_command(
    function: str | None, filters: TaskFilters, limit: int, where: Where, output: Format
) -> None:
    """List tasks of FUNCTION, the newest first; without it, of all functions.

    All functions are those of the template, or all that a local runtime or a region without a
    template has.

    \b
    Examples:
      fc-async tasks list
      fc-async tasks list orders --status failed --since 12h
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.operate.tasks import (
        UNRECORDED,
        error_fields,
        listed,
        newest,
        times_of,
        with_errors,
    )
    from fc_async_plugin.report import tasks as report

    with listed(function, where) as tasks:
        recorded = newest(
            tasks, limit, lambda tasks_of_one: filters.choose(tasks_of_one, (None,), limit).tasks
        )
        unrecorded = _unrecorded(tasks, filters, limit)
        whole = with_errors(tasks, recorded)
        times = None
        if tasks:
            _note_pauses(tasks, function, where, output)
            times = times_of(tasks[0].client, function and tasks[0].function)
        if function is not None and not recorded and not unrecorded:
            reason = tasks[0].why_none()
            if reason:
                terminal.note(reason)
    if output == "json":
        rows = [
            {**task.to_dict(), **error_fields(read)}
            for task, read in zip(recorded, whole, strict=True)
        ]
        rows += [{**task.to_dict(), "taskMode": False} for task in unrecorded]
        terminal.print_json({"tasks": rows})
        return
    if times is None:
        return

    def show(rows: Sequence[AsyncTask]) -> None:
        lines = report.table(rows, times, width=terminal.width(), functions=function is None)
        terminal.print_table_lines(lines)

    if recorded or not unrecorded:
        show(whole)
    if unrecorded:
        terminal.print_text(UNRECORDED.capitalize())
        show(unrecorded)


def _note_pauses(
    tasks: Sequence[FunctionTasks], function: str | None, where: Where, output: Format
) -> None:
    """Say which functions are paused: their tasks wait for nothing else."""
    if output == "json":
        return
    from fc_async_plugin.operate import metrics, pausing

    client = tasks[0].client
    names = None if function is None else {tasks[0].function}
    for sentence in pausing.notes(client, where.account, names, metrics.now_of(client)):
        terminal.note(sentence)


def _unrecorded(
    tasks: Sequence[FunctionTasks], filters: TaskFilters, limit: int
) -> list[AsyncTask]:
    """Return invocations without task mode; filters that only tasks can fit leave them all out."""
    from fc_async_plugin.operate.tasks import newest

    status, prefix, *of_tasks_only = filters
    if any(of_tasks_only):
        return []
    return newest(
        tasks,
        limit,
        lambda tasks_of_one: tasks_of_one.unrecorded(limit, status=status, prefix=prefix),
    )


@click.command("get")
@options.function_argument
@options.task_argument
@options.where_options
@options.format_option
def get_command(function: str, task_id: str, where: Where, output: Format) -> None:
    """Show one TASK of FUNCTION with its steps.

    \b
    Example:
      fc-async tasks get orders T1
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.deploy.printed import print_task
    from fc_async_plugin.operate.tasks import tasks_of

    with tasks_of(function, where) as tasks:
        with suggestions.for_task(task_id, tasks.all()):
            task = tasks.find(task_id)
        times = tasks.times(task_id)
        print_task(task, output, times, tasks.printed())
        if output == "text" and task.finished and task.status != "Succeeded":
            _tell_replay(tasks, task, times.now)


def _tell_replay(tasks: FunctionTasks, task: AsyncTask, now: int) -> None:
    """Print the last replay of a task that failed, if there is one."""
    from fc_async_plugin.operate.replays import last_replay
    from fc_async_plugin.report import moments

    replay = last_replay(tasks, [task.task_id, task.request_id or ""])
    if replay is not None:
        when = moments.sent_again(replay.time, replay.status, now)
        terminal.print_text(f"sent again   {when}  {replay.task_id}")


@click.command("wait")
@options.function_argument
@options.task_argument
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Longest wait.  [default: no limit]",
)
@options.where_options
@options.format_option
def wait_command(
    function: str, task_id: str, timeout: float | None, where: Where, output: Format
) -> int:
    """Wait until TASK of FUNCTION has ended. Exits 0 if it succeeded, otherwise 1.

    Its result goes to the destination after that: until then, its destination is Pending.

    \b
    Examples:
      fc-async tasks wait orders T1
      fc-async tasks wait orders T1 --timeout 60
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.deploy.printed import noting_a_stopped_clock, print_task
    from fc_async_plugin.operate.tasks import tasks_of

    with tasks_of(function, where) as tasks:
        with suggestions.for_task(task_id, tasks.all()), noting_a_stopped_clock():
            task = tasks.wait(task_id, timeout=timeout)
        print_task(task, output, tasks.times(task_id))
    return DONE if task.succeeded else FAILED
