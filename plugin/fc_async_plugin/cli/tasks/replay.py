# SPDX-License-Identifier: MIT
"""``fc-async tasks replay``: invokes a function again with the payloads of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.tasks.selection import selection_options
from fc_async_plugin.report import DONE, FAILED, bulk, terminal
from fc_async_plugin.report.moments import plural, summary
from fc_async_sdk.models import FAILED_STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.cli.tasks.selection import TaskArguments
    from fc_async_plugin.operate.tasks import Replayed


@click.command("replay")
@options.function_argument
@options.flag("--failed", help="The same as --status Failed.")
@selection_options
def command(function: str, failed: bool, selection: TaskArguments) -> int:
    """Invoke FUNCTION again with the payloads of tasks that have ended, byte for byte.

    TASKs are named (- reads ids from stdin), or chosen by options, which choose among the tasks
    that failed, expired or became invalid. The id of the new task is that of the first one with the
    suffix -replay-N, so that a second replay by accident is refused. Replays are replayed only when
    they are named.

    \b
    Examples:
      fc-async tasks replay orders T2 -y
      fc-async tasks replay orders --failed --since 12h --dry-run
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.operate.tasks import each, tasks_of

    filters = selection.filters
    if failed and filters.status is None:
        selection = selection._replace(filters=filters._replace(status="Failed"))
    with tasks_of(function, selection.where) as tasks:
        ids = selection.members(tasks, "replay", FAILED_STATUSES)
        outcomes = each(tasks.replay, ids)
    # Options choose a failed task again after its replay was accepted: a second run of the same
    # command goes on with the others. A task that is named is refused.
    repeated = set[str]()
    if not selection.task_ids:
        repeated = {outcome.task_id for outcome in outcomes if outcome.before}
    failed_outcomes = [outcome for outcome in outcomes if outcome.error]
    refused = [outcome for outcome in failed_outcomes if outcome.task_id not in repeated]
    if selection.output == "json" and not selection.dry_run:
        terminal.print_json({"tasks": [_as_data(outcome) for outcome in outcomes]})
    elif selection.output == "text":
        _tell(outcomes, refused, repeated)
    return FAILED if refused else DONE


def _tell(outcomes: Sequence[Replayed], refused: Sequence[Replayed], repeated: set[str]) -> None:
    """Print what became of each task, or of many what was refused, and the numbers."""
    if bulk.has_rows(outcomes):
        for outcome in outcomes:
            result = _result(outcome, is_repeated=outcome.task_id in repeated)
            terminal.print_text(f"{outcome.task_id}: {result}")
    else:
        bulk.print_errors([f"{outcome.task_id}: {outcome.error}" for outcome in refused])
    if len(outcomes) > 1:
        accepted = len(outcomes) - len(refused)
        terminal.print_text(summary(plural(len(outcomes), "task"), accepted, len(repeated)))


def _result(outcome: Replayed, *, is_repeated: bool) -> str:
    if is_repeated:
        return f"replayed before as {outcome.before}"
    return outcome.error or f"accepted as {outcome.replayed_as}"


def _as_data(replayed: Replayed) -> dict[str, str | None]:
    return {
        "taskId": replayed.task_id,
        "replayedAs": replayed.replayed_as or None,
        "error": replayed.error or None,
    }
