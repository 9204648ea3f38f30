# SPDX-License-Identifier: MIT
"""``fc-async triggers``: shows the triggers of a local runtime, and fires one now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import Format, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account

_NOT_SHOWN: Final = (
    "consecutiveErrors",
    "description",
    "httpTrigger",
    "sourceArn",
    "triggerConfig",
)


@click.group()
def command() -> None:
    """Show the triggers of a local runtime, and fire one now.

    \b
    Examples:
      fc-async triggers list
      fc-async triggers fire report nightly
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


@command.command("list")
@click.argument("function", required=False)
@options.account_options
@options.format_option
def list_command(function: str | None, account: Account, output: Format) -> None:
    """List the triggers of all functions, or of FUNCTION, with the next firings of timers."""
    from fc_async_plugin.account import connection, runtime
    from fc_async_plugin.report import moments, tables
    from fc_async_sdk.admin import operations as admin

    runtime.local_endpoint(account.endpoint)
    with connection.client(account, account.region or "") as client:
        found = runtime.ask(client, admin.list_triggers(function))
    if output == "json":
        shown = [
            {
                "qualifier": "",
                **{name: x for name, x in one.to_dict().items() if name not in _NOT_SHOWN},
            }
            for one in found.triggers
        ]
        terminal.print_json({"triggers": shown})
        return
    if not found.triggers:
        terminal.note(f"{function or 'the runtime'} has no triggers")
        return
    columns = (
        tables.Column("function"),
        tables.Column("trigger"),
        tables.Column("type", optional=1),
        tables.Column("next", optional=2),
        tables.Column("fired", optional=3, right=True),
        tables.Column("state"),
        tables.Column("source", least=30),
    )
    rows = (
        [
            one.function,
            one.trigger_name,
            one.trigger_type,
            moments.short_time(next(iter(one.next_firings), None), found.now),
            one.fired,
            "failing" if one.last_error and one.state == "active" else one.state,
            f"{one.source}: {one.last_error}" if one.last_error else one.source,
        ]
        for one in found.triggers
    )
    terminal.print_table(columns, rows)


@command.command("fire")
@options.function_argument
@click.argument("trigger")
@click.option(
    "-e",
    "--event",
    "event",
    metavar="TEXT",
    default=None,
    help="What the function gets.  [default: the event that the trigger would make]",
)
@click.option(
    "-f",
    "--event-file",
    metavar="FILE",
    default=None,
    help="Read it from a file; - is stdin.",
)
@options.account_options
@options.format_option
def fire_command(
    function: str,
    trigger: str,
    event: str | None,
    event_file: str | None,
    account: Account,
    output: Format,
) -> None:
    """Fire TRIGGER of FUNCTION now, also if it is switched off. The schedule of a timer stays."""
    from fc_async_plugin.account import connection, runtime
    from fc_async_sdk.admin import operations as admin

    if event is not None and event_file is not None:
        raise click.UsageError("use --event or --event-file, not both")
    runtime.local_endpoint(account.endpoint)
    call = admin.fire_trigger(function, trigger, options.read_payload(event, event_file))
    with connection.client(account, account.region or "") as client:
        fired = runtime.ask(client, call)
    if output == "json":
        terminal.print_json({"requestId": fired.request_id})
    else:
        terminal.tell(f"fired {function}/{trigger}: request {fired.request_id}")
