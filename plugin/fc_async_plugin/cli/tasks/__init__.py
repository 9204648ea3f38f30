# SPDX-License-Identifier: MIT
"""``fc-async tasks``: lists, shows, stops, awaits and replays tasks; logs are beside it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

import click

from fc_async_plugin.account import suggestions
from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.tasks import logs
from fc_async_plugin.report import DONE, FAILED, Format, bulk, terminal
from fc_async_plugin.report.moments import plural, summary
from fc_async_sdk.models import FAILED_STATUSES, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.operate.tasks import Chosen, FunctionTasks, Replayed
    from fc_async_sdk import AsyncTask


@click.group(cls=options.Group)
def command() -> None:
    """List, show, stop, await and replay tasks (asynchronous invocations in task mode).

    \b
    Examples:
      fc-async tasks list orders --status Failed
      fc-async tasks get orders T1
      fc-async tasks wait orders T1 --timeout 60
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


_SHOWN_REPLAYS: Final = 10
_STOPPED: Final[tuple[TaskStatus, ...]] = ("Running", "Retrying", "Enqueued")
"""Statuses of tasks that can be stopped."""

_task = click.argument("task_id", metavar="TASK")


class _Filters(NamedTuple):
    """The options that choose tasks."""

    status: TaskStatus | None
    prefix: str | None
    since: str | None
    until: str | None
    condition: str | None
    error: str | None

    def choose(
        self,
        tasks: FunctionTasks,
        statuses: Sequence[TaskStatus | None],
        limit: int | None,
        *,
        replays: bool = True,
    ) -> Chosen:
        """Return the tasks that are chosen, in one of some statuses unless one is named."""
        from fc_async_plugin.operate import metrics

        since, until = self.since, self.until
        now = metrics.now_of(tasks.client) if since or until else 0
        end, ends = None if until is None else options.moment(until, now), ("--until", until)
        begin = None if since is None else options.beginning("--since", since, now, end=ends)
        return tasks.choose(
            [self.status] if self.status else statuses,
            limit,
            condition=self.condition,
            error=self.error,
            replays=replays,
            prefix=self.prefix,
            started_time_begin=begin,
            started_time_end=end,
        )


_filters = options.gathered(
    "filters",
    _Filters,
    click.option(
        "--status",
        type=options.Choice(get_args(TaskStatus), case_sensitive=False),
        metavar="STATUS",
        help=f"Only tasks in this status: {', '.join(get_args(TaskStatus))}.",
    ),
    click.option("--prefix", help="Only tasks whose id has this prefix."),
    click.option(
        "--since",
        metavar="TIME",
        help="Only tasks that started then or later: 90m, 7d, 2026-01-31T09:00.",
    ),
    click.option("--until", metavar="TIME", help="Only tasks that started then or earlier."),
    click.option("--condition", metavar="NAME", help="Only tasks with this error."),
    click.option("--error", metavar="TEXT", help="Only tasks whose error has this text."),
)


@command.command("list")
@options.optional_function_argument
@_filters
@options.tasks_limit(100)
@options.where_options
@options.format_option
def list_command(
    function: str | None, filters: _Filters, limit: int, where: Where, output: Format
) -> None:
    """List tasks of FUNCTION, the newest first; without it, of all functions.

    All functions are those of the template, or all that a local runtime or a region without a
    template has.
    """
    from fc_async_plugin.operate.tasks import UNRECORDED, listed, newest, times_of
    from fc_async_plugin.report import tasks as report

    with listed(function, where) as tasks:
        recorded = newest(
            tasks,
            limit,
            lambda function_tasks: filters.choose(function_tasks, (None,), limit).tasks,
        )
        without_task_mode = []
        status, prefix, *of_tasks_only = filters
        if not any(of_tasks_only):
            without_task_mode = newest(
                tasks,
                limit,
                lambda function_tasks: function_tasks.unrecorded(
                    limit, status=status, prefix=prefix
                ),
            )
        times = times_of(tasks[0].client, function and tasks[0].function) if tasks else None
        if (
            not recorded
            and not without_task_mode
            and function is not None
            and (why := tasks[0].why_none())
        ):
            terminal.note(why)
    if output == "json":
        unrecorded = [{**task.to_dict(), "taskMode": False} for task in without_task_mode]
        terminal.print_json({"tasks": [*(task.to_dict() for task in recorded), *unrecorded]})
        return
    if times is None:
        return
    for rows in filter(None, (recorded, without_task_mode)) if without_task_mode else (recorded,):
        if rows is without_task_mode:
            terminal.tell(f"{UNRECORDED.capitalize()}")
        width, every = terminal.width(), function is None
        lines = report.table(rows, times, width=width, functions=every)
        terminal.print_lines(lines)


@command.command("get")
@options.function_argument
@_task
@options.where_options
@options.format_option
def get_command(function: str, task_id: str, where: Where, output: Format) -> None:
    """Show one TASK of FUNCTION with its steps."""
    from fc_async_plugin.deploy.printed import print_task
    from fc_async_plugin.operate.tasks import tasks_of

    with tasks_of(function, where) as tasks:
        with suggestions.for_task(task_id, tasks.all()):
            task = tasks.find(task_id)
        print_task(task, output, tasks.times(task_id), tasks.printed())


class _Set(NamedTuple):
    """Tasks that a command names or chooses, and the options that are about all of them.

    Attributes:
        task_ids: Those that are named; ``-`` stands for the ids on stdin, one a line.
        limit: Largest number of chosen tasks; None: all.
    """

    task_ids: tuple[str, ...]
    filters: _Filters
    limit: int | None
    dry_run: bool
    where: Where
    yes: bool
    output: Format

    def members(
        self,
        tasks: FunctionTasks,
        verb: Literal["stop", "replay"],
        statuses: Sequence[TaskStatus],
    ) -> list[str]:
        """Return the ids of tasks, chosen ones after a question; none in a dry run.

        Args:
            tasks: The tasks of the function.
            verb: What is done with them.
            statuses: Statuses of chosen tasks, unless one is named.

        Raises:
            click.ClickException: Tasks are neither named nor chosen, or the answer was no.
        """
        from fc_async_plugin.account import connection

        chosen = any(value is not None for value in self.filters)
        names = [f"--{name}" for name, value in self.filters._asdict().items() if value == ""]
        if names:
            raise click.UsageError(f"{', '.join(names)} must not be empty")
        if bool(self.task_ids) == chosen or (self.task_ids and self.dry_run):
            raise click.UsageError(_how_to_choose(verb))
        if self.task_ids:
            typed = [
                sys.stdin.read().split() if typed_id == "-" else [typed_id]
                for typed_id in self.task_ids
            ]
            ids = [task_id for each in typed for task_id in each]
            named = ", ".join(ids) if bulk.has_rows(ids) else plural(len(ids), "task")
            doing = f"{verb.capitalize()} {named}"
            _confirm_local(self.where.account, doing, yes=self.yes)
            return ids
        selection = self.filters.choose(tasks, statuses, self.limit, replays=verb != "replay")
        if selection.replays:
            _note_replays(selection.replays)
        elif not selection.tasks:
            if why := tasks.why_none():
                raise click.ClickException(why)
            terminal.note(f"There is no task to {verb}.")
        if self.dry_run and (selection.tasks or self.output == "json"):
            _show_chosen(tasks, selection.tasks, self.output)
        if selection.more:
            terminal.note(f"There are more: --limit {self.limit} ends here.")
        if self.dry_run or not selection.tasks:
            return []
        target = connection.target_of(self.where.account)
        number = plural(len(selection.tasks), "task")
        terminal.confirm(f"{verb.capitalize()} {number} at {target}?", yes=self.yes)
        return [task.task_id for task in selection.tasks]


_set = options.gathered(
    "selected",
    _Set,
    click.argument("task_ids", metavar="[TASK]...", nargs=-1),
    _filters,
    options.tasks_limit(None),
    options.flag("--dry-run", help="Show the chosen tasks, change nothing."),
    options.where_options,
    options.yes_option,
    options.format_option,
)


def _confirm_local(account: Account, doing: str, *, yes: bool) -> None:
    """Ask before a write to a runtime that was found, if the write could go to an account, too.

    Raises:
        click.ClickException: The answer was no, or stdin is not a terminal.
    """
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.target import DecidedBy

    if account.by is DecidedBy.FOLDER and connection.has_keys():
        where = f"at {account.endpoint}, the local runtime of this folder, not in an account"
        terminal.confirm(f"{doing} {where}?", yes=yes)


def _how_to_choose(verb: Literal["stop", "replay"]) -> str:
    """Return how the tasks of a command are named or chosen, the usual way first."""
    names = [f"--{name}" for name in _Filters._fields]
    if verb == "replay":
        names.insert(0, "--failed")
    return f"name tasks, or choose them: {', '.join(names)}"


def _show_chosen(tasks: FunctionTasks, chosen: list[AsyncTask], output: Format) -> None:
    from fc_async_plugin.report import tasks as report

    if output == "json":
        shown = [{"taskId": task.task_id, "error": None} for task in chosen]
        terminal.print_json({"tasks": shown, "dryRun": True})
    elif bulk.has_rows(chosen):
        terminal.print_lines(report.table(chosen, tasks.times(), width=terminal.width()))
    else:
        bulk.print_counts("status", "tasks", (str(task.status) for task in chosen))
    terminal.note("Nothing was changed: this was a dry run.")


def _note_replays(replays: list[str]) -> None:
    """Print on stderr what is not replayed; ids of messages that waited on are alike."""
    shown = ", ".join(replays[:_SHOWN_REPLAYS])
    more = ", …" if len(replays) > _SHOWN_REPLAYS else ""
    left_out = plural(len(replays), "task")
    terminal.note(
        f"Left out {left_out} with ids of replays; name them to replay them: {shown}{more}"
    )


@command.command("stop")
@options.function_argument
@_set
def stop_command(function: str, selected: _Set) -> int:
    """Stop tasks of FUNCTION: those that are named (- reads ids from stdin), or chosen by options.

    They end as Stopped. A task that cannot be stopped does not keep the others from being stopped;
    the exit code is 1. Options choose among the tasks that have not ended; those that end before
    they are stopped are only counted.
    """
    from fc_async_plugin.operate.tasks import each, tasks_of

    output, ended = selected.output, set[str]()
    with tasks_of(function, selected.where) as tasks:
        ids = selected.members(tasks, "stop", _STOPPED)
        errors = dict(
            zip(ids, each(lambda task_id: _stop(tasks, task_id, ended), ids), strict=True)
        )
    if selected.task_ids:
        ended.clear()
    failed = {task_id for task_id, error in errors.items() if error is not None}
    refused = [task_id for task_id in errors if task_id in failed and task_id not in ended]
    bulk.print_errors([f"task {task_id} was not stopped: {errors[task_id]}" for task_id in refused])
    if output == "text" and bulk.has_rows(errors):
        for task_id in errors:
            if task_id not in failed:
                terminal.tell(f"Stopping: task {task_id}")
    if output == "json" and not selected.dry_run:
        stopped = [{"taskId": task_id, "error": error} for task_id, error in errors.items()]
        terminal.print_json({"tasks": stopped})
    elif len(errors) > 1:
        before = f"; {len(ended):,} had ended" if ended else ""
        stopping = len(errors) - len(failed)
        terminal.tell(f"Stopping: {stopping:,} of {plural(len(errors), 'task')}{before}.")
    return FAILED if refused else DONE


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


@command.command("wait")
@options.function_argument
@_task
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
    """
    from fc_async_plugin.deploy.printed import noting_a_stopped_clock, print_task
    from fc_async_plugin.operate.tasks import tasks_of

    with tasks_of(function, where) as tasks:
        with suggestions.for_task(task_id, tasks.all()), noting_a_stopped_clock():
            task = tasks.wait(task_id, timeout=timeout)
        print_task(task, output, tasks.times(task_id))
    return DONE if task.succeeded else FAILED


@command.command("replay")
@options.function_argument
@options.flag("--failed", help="The same as --status Failed.")
@_set
def replay_command(function: str, failed: bool, selected: _Set) -> int:
    """Invoke FUNCTION again with the payloads of tasks that have ended, byte for byte.

    TASKs are named (- reads ids from stdin), or chosen by options, which choose among the tasks
    that failed, expired or became invalid. The id of the new task is that of the first one with the
    suffix -replay-N, so that a second replay by accident is refused. Replays are replayed only when
    they are named.
    """
    from fc_async_plugin.operate.tasks import each, tasks_of

    if failed and selected.filters.status is None:
        selected = selected._replace(filters=selected.filters._replace(status="Failed"))
    with tasks_of(function, selected.where) as tasks:
        outcomes = each(tasks.replay, selected.members(tasks, "replay", FAILED_STATUSES))
    before = {outcome.task_id for outcome in outcomes if outcome.before and not selected.task_ids}
    refused = [outcome for outcome in outcomes if outcome.error and outcome.task_id not in before]
    if selected.output == "json" and not selected.dry_run:
        terminal.print_json({"tasks": [_as_data(outcome) for outcome in outcomes]})
    elif selected.output == "text":
        if bulk.has_rows(outcomes):
            for outcome in outcomes:
                again = (
                    f"replayed before as {outcome.before}"
                    if outcome.task_id in before
                    else outcome.error
                )
                terminal.tell(f"{outcome.task_id}: {again or f'accepted as {outcome.replayed_as}'}")
        else:
            bulk.print_errors([f"{outcome.task_id}: {outcome.error}" for outcome in refused])
        if len(outcomes) > 1:
            accepted = len(outcomes) - len(refused)
            terminal.tell(summary(plural(len(outcomes), "task"), accepted, len(before)))
    return FAILED if refused else DONE


def _as_data(replayed: Replayed) -> dict[str, str | None]:
    return {
        "taskId": replayed.task_id,
        "replayedAs": replayed.replayed_as or None,
        "error": replayed.error or None,
    }


command.add_command(logs.command)
