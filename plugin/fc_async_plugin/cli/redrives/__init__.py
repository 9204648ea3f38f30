# SPDX-License-Identifier: MIT
"""``fc-async redrives``: lists, shows, pauses, resumes and stops redrives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, Format, moments, terminal
from fc_async_plugin.report.tables import Column

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.redrives.record import Head, RedriveState
    from fc_async_plugin.operate.redrives.telling import Ran

_redrive_argument = click.argument(
    "redrive", metavar="[ID]", required=False, callback=options.refuse_empty_names
)
_WATCH_SECONDS = 2


@click.group(cls=options.Group)
def command() -> None:
    """List, show, pause, resume and stop redrives: failures that are sent again.

    fc-async replay and events replay begin them. Their records are in this folder, or in the store
    that --store names. Without ID, a command is about the newest one.

    \b
    Examples:
      fc-async redrives list
      fc-async redrives resume -y
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


@command.command("list")
@options.record_options
@options.format_option
def list_command(records: options.RecordOptions, output: Format) -> None:
    """List redrives, the newest first.

    \b
    Examples:
      fc-async redrives list
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    ledger, _ = records.opened()
    heads = [head for redrive in ledger.ids() if (head := ledger.find(redrive)) is not None]
    if output == "json":
        terminal.print_json({"redrives": [_as_data(head) for head in heads]})
        return
    if not heads:
        terminal.note("There is no redrive here: fc-async replay begins one.")
        return
    terminal.print_table(_COLUMNS, [_row(head) for head in heads])


_COLUMNS = (
    Column("redrive"),
    Column("state"),
    Column("began", optional=1),
    Column("chosen", right=True),
    Column("accepted", right=True),
    Column("failed", right=True),
    Column("refused", right=True),
    Column("left", right=True),
    Column("at", optional=2),
)


def _row(head: Head) -> list[object]:
    counts = head.counts
    return [
        head.redrive,
        head.state,
        moments.short_time(head.created, _now()),
        counts.chosen,
        counts.accepted,
        counts.failed,
        counts.refused,
        counts.left,
        head.target,
    ]


def _now() -> int:
    return time.time_ns() // 1_000_000


def _as_data(head: Head) -> dict[str, Any]:
    import msgspec

    return {
        "redrive": head.redrive,
        "state": head.state,
        "target": head.target,
        "created": head.created,
        "lastSeen": head.written,
        **msgspec.to_builtins(head.counts),
    }


@command.command("show")
@_redrive_argument
@options.flag("--watch", help="Look again every two seconds, until all has ended.")
@options.record_options
@options.place_options
@options.format_option
def show_command(
    *,
    redrive: str | None,
    watch: bool,
    records: options.RecordOptions,
    where: Where,
    output: Format,
) -> int:
    """Show what became of the failures of a redrive: also whether they succeeded this time.

    Exit code 1 means that something failed, failed again or was refused, 3 that some are left.

    \b
    Examples:
      fc-async redrives show
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate.redrives import outcomes

    ledger, _ = records.opened()
    head = ledger.head(redrive)
    _check_target(head, where)
    with connection.regions_of(where) as (_, regions):
        while True:
            ran = outcomes.look(ledger, head, regions)
            if not watch or outcomes.is_over(ran):
                break
            if output == "text":
                terminal.print_text(_sentence(ran))
            time.sleep(_WATCH_SECONDS)
            head = ledger.head(head.redrive)
    return _show(ran, output)


def _sentence(ran: Ran) -> str:
    from fc_async_plugin.operate.redrives import telling

    return f"{telling.summary(ran.counts)} {telling.ends(ran.counts)}"


def _show(ran: Ran, output: Format) -> int:
    from fc_async_plugin.operate.redrives import telling

    head = ran.head
    if head is None:
        return DONE
    if output == "json":
        terminal.print_json({**_as_data(head), **telling.as_data(ran)})
        return ran.exit_code
    began = moments.full_time(head.created)
    seen = moments.full_time(head.written)
    terminal.print_text(f"{head.redrive}: {head.state}, began {began}, last sign {seen}", bold=True)
    terminal.print_text(telling.summary(ran.counts))
    if ran.counts.accepted:
        terminal.print_text(telling.ends(ran.counts))
    telling.tell_problems(ran)
    return ran.exit_code


def _check_target(head: Head, where: Where) -> None:
    """Refuse to use keys for a redrive of another account or runtime.

    Raises:
        click.ClickException: It is of another place.
    """
    from fc_async_plugin.account import connection

    target = connection.target_of(where.account)
    if head.target != target:
        raise click.ClickException(
            f"{head.redrive} is of {head.target}, and this command goes to {target}\n"
            "Name the same place: --endpoint, or -a, --region, --account-id."
        )


def _changed(redrive: str | None, records: options.RecordOptions, state: RedriveState) -> Head:
    ledger, _ = records.opened()
    return ledger.change(ledger.head(redrive).redrive, state)


@command.command("pause")
@_redrive_argument
@options.record_options
@options.format_option
def pause_command(redrive: str | None, records: options.RecordOptions, output: Format) -> None:
    """Pause a redrive: its process ends after the failures that it is sending.

    \b
    Examples:
      fc-async redrives pause
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    head = _changed(redrive, records, "paused")
    text = f"Paused: {head.redrive}. Go on with: fc-async redrives resume"
    terminal.print_json_or_text(output, _as_data(head), text)


@command.command("stop")
@_redrive_argument
@options.record_options
@options.format_option
def stop_command(redrive: str | None, records: options.RecordOptions, output: Format) -> None:
    """Stop a redrive for good: what is left is not sent.

    \b
    Examples:
      fc-async redrives stop
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    head = _changed(redrive, records, "stopped")
    text = f"Stopped: {head.redrive}."
    terminal.print_json_or_text(output, _as_data(head), text)


@command.command("resume")
@_redrive_argument
@options.sending_options
@options.place_options
@options.yes_option
@options.format_option
def resume_command(
    *,
    redrive: str | None,
    sending: options.SendingOptions,
    where: Where,
    yes: bool,
    output: Format,
) -> int:
    """Go on with a redrive: send what is left, was refused or was not accepted.

    A process that is sending ends: this one takes the redrive over. --rate and --pace change how
    fast it goes on. What was sent in a run that was killed is recognised.

    \b
    Examples:
      fc-async redrives resume -y
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate.redrives import asking, operation, telling

    ledger, _ = options.RecordOptions(sending.store, sending.store_file).opened()
    head = ledger.head(redrive)
    if head.state == "stopped":
        raise click.ClickException(f"{head.redrive} was stopped: begin another one")
    if sending.most is not None:
        raise click.UsageError("--max is for the beginning of a redrive")
    _check_target(head, where)
    sending = sending.as_begun(head)
    with connection.regions_of(where) as (account, regions):
        chosen = operation.chosen_of(head, ledger)
        target = connection.target_of(account)
        recognised = asking.confirm(chosen, head.sources, regions, target=target, yes=yes)
        head = ledger.change(head.redrive, "running")
        resumed = sending.operation(account, regions, begins=False)
        ran, _ = resumed.run(head, recognised)
    telling.tell(ran, output, {})
    return ran.exit_code
