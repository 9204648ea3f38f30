# SPDX-License-Identifier: MIT
"""``fc-async tasks stop``: stops tasks that are named or chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.account import suggestions
from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.tasks.selection import selection_options
from fc_async_plugin.report import DONE, FAILED, bulk, terminal
from fc_async_plugin.report.moments import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_plugin.cli.tasks.selection import TaskArguments
    from fc_async_plugin.operate.tasks import FunctionTasks
    from fc_async_sdk.models import TaskStatus

_STOPPABLE: Final[tuple[TaskStatus, ...]] = ("Running", "Retrying", "Enqueued")
"""Statuses of tasks that can be stopped."""


@click.command("stop")
@options.function_argument
@selection_options
def command(function: str, selection: TaskArguments) -> int:
    """Stop tasks of FUNCTION: those that are named (- reads ids from stdin), or chosen by options.

    They end as Stopped. A task that cannot be stopped does not keep the others from being stopped;
    the exit code is 1. Options choose among the tasks that have not ended; those that end before
    they are stopped are only counted.

    \b
    Examples:
      fc-async tasks stop orders --prefix nightly- --dry-run
      fc-async tasks stop orders --prefix nightly- -y
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.operate.tasks import each, tasks_of

    ended: set[str] = set()
    with tasks_of(function, selection.where) as tasks:
        ids = selection.members(tasks, "stop", _STOPPABLE)
        answers = each(lambda task_id: _stop(tasks, task_id, ended), ids)
    errors = dict(zip(ids, answers, strict=True))
    # Options choose what had not ended a moment ago: ending meanwhile is not a failure. The name
    # of a task that has ended is a mistake of the user.
    counted_only: set[str] = set()
    if not selection.task_ids:
        counted_only = ended
    failed: set[str] = set()
    refused: dict[str, str] = {}
    for task_id, error in errors.items():
        if error is None:
            continue
        failed.add(task_id)
        if task_id not in counted_only:
            refused[task_id] = error
    messages = [f"task {task_id} was not stopped: {error}" for task_id, error in refused.items()]
    bulk.print_errors(messages)
    if selection.output == "text":
        stopped = [task_id for task_id in errors if task_id not in failed]
        _tell_stopped(stopped, len(errors))
    if selection.output == "json" and not selection.dry_run:
        _print_json(errors)
    elif len(errors) > 1:
        stopping = len(errors) - len(failed)
        _tell_numbers(stopping, len(errors), len(counted_only))
    return FAILED if refused else DONE


def _tell_stopped(stopped: list[str], number: int) -> None:
    """Print a line for each task, unless the command is about many."""
    if bulk.has_rows(range(number)):
        for task_id in stopped:
            terminal.print_text(f"Stopping: task {task_id}")


def _print_json(errors: Mapping[str, str | None]) -> None:
    tasks = [{"taskId": task_id, "error": error} for task_id, error in errors.items()]
    terminal.print_json({"tasks": tasks})


def _tell_numbers(stopping: int, tasks: int, ended: int) -> None:
    before = f"; {ended:,} had ended" if ended else ""
    terminal.print_text(f"Stopping: {stopping:,} of {plural(tasks, 'task')}{before}.")


def _stop(tasks: FunctionTasks, task_id: str, ended: set[str]) -> str | None:
    """Stop a task; return why the service refused, None if it did not.

    Args:
        tasks: The tasks of the function.
        task_id: The task.
        ended: Gets the id of a task that had ended.
    """
    from fc_async_sdk.errors import AsyncInvocationStopped, AsyncTaskNotFound, FcAsyncError

    try:
        tasks.client.stop_async_task(tasks.function, task_id, qualifier=tasks.qualifier)
    except AsyncTaskNotFound as error:
        return str(suggestions.with_task(error, task_id, tasks.all()))
    except FcAsyncError as error:
        if isinstance(error, AsyncInvocationStopped):
            ended.add(task_id)
        return str(error)
    return None
