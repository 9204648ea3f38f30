# SPDX-License-Identifier: MIT
"""The tasks that ``stop`` and ``replay`` are about: named ones, or those that options choose."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, bulk, terminal
from fc_async_plugin.report.moments import plural
from fc_async_sdk.models import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.operate.tasks import Chosen, FunctionTasks
    from fc_async_sdk import AsyncTask

    Verb = Literal["stop", "replay"]

_SHOWN_REPLAYS: Final = 10
_STDIN: Final = "-"


class TaskFilters(NamedTuple):
    """The options that choose tasks."""

    status: TaskStatus | None
    prefix: str | None
    since: str | None
    until: str | None
    condition: str | None
    error: str | None
    error_text: str | None

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
        from fc_async_plugin.operate.selection import Selection

        now = 0
        if self.since or self.until:
            now = metrics.now_of(tasks.client)
        end = None
        if self.until is not None:
            end = options.moment(self.until, now)
        begin = None
        if self.since is not None:
            begin = options.beginning("--since", self.since, now, end=("--until", self.until))
        selection = Selection(
            conditions=() if self.condition is None else (self.condition,),
            error=self.error,
            error_text=self.error_text,
        )
        return tasks.choose(
            [self.status] if self.status else statuses,
            limit,
            selection,
            replays=replays,
            prefix=self.prefix,
            started_time_begin=begin,
            started_time_end=end,
        )


filter_options: Final = options.gathered(
    "filters",
    TaskFilters,
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
    click.option("--condition", metavar="NAME", help="Only tasks that failed with this condition."),
    options.error_option,
    options.error_text_option,
)
"""Adds the options that choose tasks; the command gets ``filters: TaskFilters``."""


class TaskArguments(NamedTuple):
    """Tasks that a command names or chooses, and the options that are about all of them.

    Attributes:
        task_ids: Those that are named; ``-`` stands for the ids on stdin, one a line.
        limit: Largest number of chosen tasks; None: all.
    """

    task_ids: tuple[str, ...]
    filters: TaskFilters
    limit: int | None
    dry_run: bool
    where: Where
    yes: bool
    output: Format

    def members(
        self, tasks: FunctionTasks, verb: Verb, statuses: Sequence[TaskStatus]
    ) -> list[str]:
        """Return the ids of tasks, chosen ones after a question; none in a dry run.

        Args:
            tasks: The tasks of the function.
            verb: What is done with them.
            statuses: Statuses of chosen tasks, unless one is named.

        Raises:
            click.ClickException: Tasks are neither named nor chosen, or the answer was no.
        """
        self._check_options(verb)
        if self.task_ids:
            return self._named(verb)
        return self._chosen(tasks, verb, statuses)

    def _check_options(self, verb: Verb) -> None:
        """Refuse a command that neither names nor chooses tasks, or does both.

        Raises:
            click.UsageError: The options do not fit.
        """
        # A script whose variable is not set types an empty value, which would choose all tasks.
        empty = [_option(name) for name, value in self.filters._asdict().items() if value == ""]
        if empty:
            raise click.UsageError(f"{', '.join(empty)} must not be empty")
        has_names = bool(self.task_ids)
        has_filters = any(value is not None for value in self.filters)
        if has_names == has_filters:
            raise click.UsageError(_how_to_choose(verb))
        if has_names and self.dry_run:
            raise click.UsageError(_how_to_choose(verb))

    def _named(self, verb: Verb) -> list[str]:
        """Return the ids that were typed, and those on standard input."""
        ids: list[str] = []
        for typed_id in self.task_ids:
            if typed_id == _STDIN:
                ids.extend(sys.stdin.read().split())
            else:
                ids.append(typed_id)
        listed = ", ".join(ids) if bulk.has_rows(ids) else plural(len(ids), "task")
        _confirm_local(self.where.account, f"{verb.capitalize()} {listed}", yes=self.yes)
        return ids

    def _chosen(
        self, tasks: FunctionTasks, verb: Verb, statuses: Sequence[TaskStatus]
    ) -> list[str]:
        """Return the ids of the tasks that options choose, after a question."""
        from fc_async_plugin.account import connection

        # A replay of a replay would run the first payload once more: it has to be named.
        chosen = self.filters.choose(tasks, statuses, self.limit, replays=verb != "replay")
        _tell_left_out(tasks, chosen, verb)
        if self.dry_run and (chosen.tasks or self.output == "json"):
            _show_chosen(tasks, chosen.tasks, self.output)
        if chosen.more:
            terminal.note(f"There are more: --limit {self.limit} ends here.")
        if self.dry_run or not chosen.tasks:
            return []
        target = connection.target_of(self.where.account)
        number = plural(len(chosen.tasks), "task")
        terminal.confirm(f"{verb.capitalize()} {number} at {target}?", yes=self.yes)
        return [task.task_id for task in chosen.tasks]


selection_options: Final = options.gathered(
    "selection",
    TaskArguments,
    click.argument(
        "task_ids", metavar="[TASK]...", nargs=-1, shell_complete=options.completion.tasks
    ),
    filter_options,
    options.tasks_limit(None),
    options.flag("--dry-run", help="Show the chosen tasks, change nothing."),
    options.where_options,
    options.yes_option,
    options.format_option,
)
"""Adds ``TASK...`` and the options that choose tasks; the command gets ``selection``."""


def _confirm_local(account: Account, doing: str, *, yes: bool) -> None:
    """Ask before a write to a runtime that was found, if the write could go to an account, too.

    Raises:
        click.ClickException: The answer was no, or stdin is not a terminal.
    """
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.target import DecidedBy

    # With keys at hand, the write may have been meant for the account, while the runtime was
    # found because it runs on this folder.
    if account.by is DecidedBy.FOLDER and connection.has_keys():
        where = f"at {account.endpoint}, the local runtime of this folder, not in an account"
        terminal.confirm(f"{doing} {where}?", yes=yes)


def _option(field: str) -> str:
    """Return the option that sets a field of :class:`TaskFilters`."""
    return f"--{field.replace('_', '-')}"


def _how_to_choose(verb: Verb) -> str:
    """Return how the tasks of a command are named or chosen, the usual way first."""
    names = [_option(name) for name in TaskFilters._fields]
    if verb == "replay":
        names.insert(0, "--failed")
    return f"name tasks, or choose them: {', '.join(names)}"


def _tell_left_out(tasks: FunctionTasks, chosen: Chosen, verb: Verb) -> None:
    """Say which replays are left out, or why nothing was chosen.

    Raises:
        click.ClickException: The function cannot have tasks.
    """
    if chosen.replays:
        _note_replays(chosen.replays)
        return
    if chosen.tasks:
        return
    if why := tasks.why_none():
        raise click.ClickException(why)
    terminal.note(f"There is no task to {verb}.")


def _show_chosen(tasks: FunctionTasks, chosen: list[AsyncTask], output: Format) -> None:
    from fc_async_plugin.report import tasks as report

    if output == "json":
        shown = [{"taskId": task.task_id, "error": None} for task in chosen]
        terminal.print_json({"tasks": shown, "dryRun": True})
    elif bulk.has_rows(chosen):
        terminal.print_table_lines(report.table(chosen, tasks.times(), width=terminal.width()))
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
