# SPDX-License-Identifier: MIT
"""``fc-async tasks``: lists, shows, stops, awaits and replays asynchronous tasks."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, get_args

import click

from fc_async_plugin.cli import options
from fc_async_plugin.cli.group import DONE, FAILED
from fc_async_sdk.models import TaskStatus

if TYPE_CHECKING:
    from fc_async_plugin.cli.options import Format, Where
    from fc_async_plugin.tasks import FunctionTasks
    from fc_async_sdk import AsyncTask
    from fc_async_sdk.models import AsyncTaskEvent

_SECOND = 1000


@click.group()
def command() -> None:
    """List, show, stop, await and replay tasks (asynchronous invocations in task mode).

    \b
    Examples:
      fc-async tasks list orders --status Failed
      fc-async tasks get orders T1
      fc-async tasks wait orders T1 --timeout 60
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


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

    from fc_async_plugin.cli import connection, terminal

    with connection.tasks_of(function, where) as tasks:
        found = list(islice(tasks.all(status=status, prefix=prefix), limit))
    if output == "json":
        terminal.print_json([task.to_dict() for task in found])
        return
    terminal.print_table(
        ["task", "status", "started", "duration", "attempts", "destination", "error"],
        (
            [
                task.task_id,
                task.status,
                shown_time(task.started_time, short=True),
                shown_duration(task.duration_ms),
                _attempts(task),
                task.destination_status,
                _first_line(task.task_error_message),
            ]
            for task in found
        ),
    )


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
    from fc_async_plugin.cli import connection

    with connection.tasks_of(function, where) as tasks:
        task = tasks.get(task_id)
    show_task(task, output)


@command.command("stop")
@options.function_argument
@click.argument("task_ids", metavar="TASK...", nargs=-1, required=True)
@options.where_options
def stop_command(
    function: str,
    task_ids: tuple[str, ...],
    where: Where,
) -> int:
    """Stop tasks of FUNCTION. They end as Stopped.

    A task that cannot be stopped does not keep the others from being stopped; the exit code is 1.
    """
    from fc_async_plugin.cli import connection

    with connection.tasks_of(function, where) as tasks:
        stopped = [_stop(tasks, one) for one in task_ids]
    return DONE if all(stopped) else FAILED


def _stop(tasks: FunctionTasks, task_id: str) -> bool:
    """Stop a task and print the result; return whether the service accepted the request."""
    from fc_async_plugin.cli import terminal
    from fc_async_sdk.errors import FcAsyncError

    try:
        tasks.stop(task_id)
    except FcAsyncError as error:
        terminal.error(f"task {task_id} was not stopped: {error}")
        return False
    terminal.tell(f"Stopping: task {task_id}")
    return True


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
    from fc_async_plugin.cli import connection

    with connection.tasks_of(function, where) as tasks:
        task = tasks.wait(task_id, timeout=timeout)
    show_task(task, output)
    return DONE if task.succeeded else FAILED


@command.command("replay")
@options.function_argument
@click.argument("task_ids", metavar="[TASK]...", nargs=-1)
@click.option("--failed", is_flag=True, help="All tasks that failed, instead of naming them.")
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
    replay by accident is refused.
    """
    from fc_async_plugin.cli import connection, terminal

    if bool(task_ids) == failed:
        raise click.UsageError("name tasks, or give --failed")
    with connection.tasks_of(function, where) as tasks:
        if failed:
            task_ids = tasks.failed(limit)
            if not task_ids:
                terminal.note("No task failed.")
                return DONE
            terminal.confirm(f"Replay {len(task_ids)} tasks?", yes=yes)
        outcomes = [tasks.replay(one) for one in task_ids]
    if output == "json":
        terminal.print_json([one._asdict() for one in outcomes])
    else:
        for one in outcomes:
            terminal.tell(f"{one.task_id}: {one.error or f'accepted as {one.replayed_as}'}")
    return FAILED if any(one.error for one in outcomes) else DONE


def show_task(task: AsyncTask, output: Format) -> None:
    """Print one task."""
    from fc_async_plugin.cli import terminal

    if output == "json":
        terminal.print_json(task.to_dict())
        return
    rows: list[tuple[str, object]] = [
        ("task", task.task_id),
        ("status", task.status),
        ("request", task.request_id),
        ("started", shown_time(task.started_time)),
        ("ended", shown_time(task.end_time)),
        ("duration", shown_duration(task.duration_ms)),
        ("attempts", _attempts(task)),
        ("destination", task.destination_status),
        ("error", task.task_error_message),
        ("payload", _shown_payload(task.task_payload, task.task_payload_bytes)),
        ("result", _shown_payload(task.return_payload, task.return_payload_bytes)),
    ]
    terminal.print_fields(rows)
    for event in task.events or ():
        line = f"  {shown_time(event.timestamp)}  {event.status or '':<10} {_detail(event)}"
        terminal.tell(line.rstrip())


def _shown_payload(text: str | None, payload: bytes | None) -> str | None:
    """Return a payload as text, or as marked base64 if it is not UTF-8."""
    if text is None or payload is None or text.encode() == payload:
        return text
    return f"base64, {len(payload)} bytes: {text}"


def _attempts(task: AsyncTask) -> int | None:
    """Return how often the function was called; None if it was not, or that is not known."""
    if task.started_time is None or task.already_retried_times is None:
        return None
    return task.already_retried_times + 1


def _detail(event: AsyncTaskEvent) -> str:
    """Return the details of a step on one line, with readable times."""
    from fc_async_plugin.report.safe_text import safe

    parts = []
    for name, value in event.details().items():
        if name == "logTail":
            continue  # many lines, which fc-async logs shows
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if name.endswith("At") and isinstance(value, int):
            shown = shown_time(value) or ""
        elif name.endswith("Ms") and isinstance(value, int):
            shown = shown_duration(value) or ""
        parts.append(f"{name}={safe(shown, line=True)}")
    return ", ".join(parts)


def shown_time(milliseconds: int | None, *, short: bool = False) -> str | None:
    """Return a moment in this machine's time zone.

    Args:
        milliseconds: Time since the epoch; None or 0: unknown.
        short: Seconds without the zone's offset, instead of milliseconds with it.
    """
    if not milliseconds:
        return None
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc).astimezone()
    if short:
        return f"{moment:%Y-%m-%d %H:%M:%S}"
    return moment.isoformat(sep=" ", timespec="milliseconds")


def shown_duration(milliseconds: int | None) -> str | None:
    """Return a duration such as ``83 ms`` or ``12.3 s``."""
    if milliseconds is None:
        return None
    if milliseconds < 10 * _SECOND:
        return f"{milliseconds} ms"
    return f"{milliseconds / _SECOND:.1f} s"


def _first_line(text: str | None) -> str | None:
    return text.splitlines()[0] if text else None
