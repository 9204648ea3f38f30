# SPDX-License-Identifier: MIT
"""``fc-async tasks``: lists, shows, stops, awaits and replays asynchronous tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import DONE, FAILED, Format, terminal
from fc_async_sdk.models import TaskStatus

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.tasks import FunctionTasks, Replayed


@click.group()
def command() -> None:
    """List, show, stop, await and replay tasks (asynchronous invocations in task mode).

    \b
    Examples:
      fc-async tasks list orders --status Failed
      fc-async tasks get orders T1
      fc-async tasks wait orders T1 --timeout 60
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


_SHOWN_REPLAYS: Final = 10

_task = click.argument("task_id", metavar="TASK")


@command.command("list")
@options.function_argument
@click.option(
    "--status",
    type=click.Choice(get_args(TaskStatus), case_sensitive=False),
    default=None,
    help="Only tasks in this status.",
)
@click.option("--prefix", default=None, help="Only tasks whose id has this prefix.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Largest number of tasks, newest first.",
)
@options.where_options
@options.format_option
def list_command(
    function: str,
    status: TaskStatus | None,
    prefix: str | None,
    limit: int,
    where: Where,
    output: Format,
) -> None:
    """List tasks of FUNCTION, the newest first."""
    from itertools import islice

    from fc_async_plugin.report import tasks as report
    from fc_async_plugin.tasks import tasks_of

    with tasks_of(function, where) as tasks:
        found = list(islice(tasks.all(status=status, prefix=prefix), limit))
        times = tasks.times()
        if not found and (why := tasks.why_none()):
            terminal.note(why)
    if output == "json":
        terminal.print_json({"tasks": [task.to_dict() for task in found]})
        return
    terminal.print_lines(report.table(found, now=times.now, due=times.due, width=terminal.width()))


@command.command("get")
@options.function_argument
@_task
@options.where_options
@options.format_option
def get_command(
    function: str,
    task_id: str,
    where: Where,
    output: Format,
) -> None:
    """Show one TASK of FUNCTION with its steps."""
    from fc_async_plugin.account import suggestions
    from fc_async_plugin.report.printed import print_task
    from fc_async_plugin.tasks import tasks_of

    with tasks_of(function, where) as tasks:
        with suggestions.for_task(task_id, tasks.all()):
            task = tasks.get(task_id)
        times = tasks.times(task_id)
    print_task(task, output, now=times.now, due=times.due.get(task_id))


@command.command("stop")
@options.function_argument
@click.argument("task_ids", metavar="TASK...", nargs=-1, required=True)
@options.where_options
@options.yes_option
@options.format_option
def stop_command(
    function: str,
    task_ids: tuple[str, ...],
    where: Where,
    yes: bool,
    output: Format,
) -> int:
    """Stop tasks of FUNCTION. They end as Stopped.

    A task that cannot be stopped does not keep the others from being stopped; the exit code is 1.
    """
    from fc_async_plugin.tasks import tasks_of

    options.confirm_target(where.account, f"Stop {', '.join(task_ids)}", yes=yes)
    with tasks_of(function, where) as tasks:
        errors = {one: _stop(tasks, one) for one in task_ids}
    for task_id, error in errors.items():
        if error is not None:
            terminal.error(f"task {task_id} was not stopped: {error}")
        elif output == "text":
            terminal.tell(f"Stopping: task {task_id}")
    if output == "json":
        stopped = [{"taskId": task_id, "error": error} for task_id, error in errors.items()]
        terminal.print_json({"tasks": stopped})
    return FAILED if any(errors.values()) else DONE


def _stop(tasks: FunctionTasks, task_id: str) -> str | None:
    """Stop a task; return why the service refused, None if it did not."""
    from fc_async_plugin.account import suggestions
    from fc_async_sdk.errors import AsyncTaskNotFound, FcAsyncError

    try:
        tasks.stop(task_id)
    except AsyncTaskNotFound as error:
        return str(suggestions.with_task(error, task_id, tasks.all()))
    except FcAsyncError as error:
        return str(error)
    return None


@command.command("wait")
@options.function_argument
@_task
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=None,
    metavar="SECONDS",
    help="Longest wait.  [default: no limit]",
)
@options.where_options
@options.format_option
def wait_command(
    function: str,
    task_id: str,
    timeout: float | None,
    where: Where,
    output: Format,
) -> int:
    """Wait until TASK of FUNCTION has ended. Exits 0 if it succeeded, otherwise 1."""
    from fc_async_plugin.account import suggestions
    from fc_async_plugin.report.printed import noting_a_stopped_clock, print_task
    from fc_async_plugin.tasks import tasks_of

    with tasks_of(function, where) as tasks:
        with suggestions.for_task(task_id, tasks.all()), noting_a_stopped_clock():
            task = tasks.wait(task_id, timeout=timeout)
        times = tasks.times(task_id)
    print_task(task, output, now=times.now, due=times.due.get(task_id))
    return DONE if task.succeeded else FAILED


@command.command("replay")
@options.function_argument
@click.argument("task_ids", metavar="[TASK]...", nargs=-1)
@click.option(
    "--failed",
    is_flag=True,
    help="All tasks that failed and are not replays themselves, instead of naming them.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="With --failed: largest number of tasks, newest first.",
)
@options.where_options
@options.yes_option
@options.format_option
def replay_command(
    function: str,
    task_ids: tuple[str, ...],
    failed: bool,
    limit: int,
    where: Where,
    yes: bool,
    output: Format,
) -> int:
    """Invoke FUNCTION again with the payloads of TASKs that have ended, byte for byte.

    The id of the new task is that of the first one with the suffix -replay-N, so that a second
    replay by accident is refused. Replays that failed are replayed when they are named.
    """
    from fc_async_plugin.account import connection
    from fc_async_plugin.tasks import tasks_of

    if bool(task_ids) == failed:
        raise click.UsageError("name tasks, or give --failed")
    if not failed:
        options.confirm_target(where.account, f"Replay {', '.join(task_ids)}", yes=yes)
    with tasks_of(function, where) as tasks:
        if failed:
            task_ids = _failed(tasks, limit)
            if not task_ids:
                return DONE
            target = connection.target_of(where.account)
            terminal.confirm(f"Replay {len(task_ids)} tasks at {target}?", yes=yes)
        outcomes = [tasks.replay(one) for one in task_ids]
    if output == "json":
        terminal.print_json({"tasks": [_as_data(one) for one in outcomes]})
    else:
        for one in outcomes:
            again = f"replayed before as {one.before}" if failed and one.before else one.error
            terminal.tell(f"{one.task_id}: {again or f'accepted as {one.replayed_as}'}")
    refused = [one for one in outcomes if one.error and not (failed and one.before)]
    return FAILED if refused else DONE


def _failed(tasks: FunctionTasks, limit: int) -> tuple[str, ...]:
    """Return the tasks that --failed means; say on stderr what it leaves out.

    Raises:
        click.ClickException: The function is not in task mode.
    """
    from fc_async_plugin.report.findings import plural

    found = tasks.failed(limit)
    if found.replays:
        shown = ", ".join(found.replays[:_SHOWN_REPLAYS])
        more = ", …" if len(found.replays) > _SHOWN_REPLAYS else ""
        left_out = plural(len(found.replays), "replay")
        terminal.note(f"Left out {left_out} that failed; name them to replay them: {shown}{more}")
    elif not found.tasks:
        if why := tasks.why_none():
            raise click.ClickException(why)
        terminal.note("No task failed.")
    return found.tasks


def _as_data(replayed: Replayed) -> dict[str, str | None]:
    return {
        "taskId": replayed.task_id,
        "replayedAs": replayed.replayed_as or None,
        "error": replayed.error or None,
    }
