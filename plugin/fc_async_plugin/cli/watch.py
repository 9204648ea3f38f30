# SPDX-License-Identifier: MIT
"""``fc-async watch``: evaluates conditions again and again, and tells a webhook of changes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, Format, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.watching import AlarmChange, Webhook


@click.command()
@options.resources_argument
@click.option(
    "--webhook",
    metavar="URL",
    envvar="FC_ASYNC_WEBHOOK",
    help="Where changes are sent.  [env: FC_ASYNC_WEBHOOK]",
)
@click.option(
    "--form",
    type=click.Choice(["json", "dingtalk", "feishu"]),
    help="Form of the messages; WeCom takes that of DingTalk, Slack json.  [default: by the host]",
)
@click.option(
    "--every",
    type=click.IntRange(min=10, max=3_600),
    default=60,
    metavar="SECONDS",
    help="Time between two rounds.",
)
@options.flag(
    "--once", help="One round; exit code 1 if a condition holds or metrics cannot be read."
)
@options.place_options
@options.format_option
def command(
    *,
    resources: tuple[str, ...],
    webhook: str | None,
    form: str | None,
    every: int,
    once: bool,
    where: Where,
    output: Format,
) -> int:
    """Watch the functions of a template until Ctrl-C, and tell of each change once.

    The conditions are those of fc-async alarms. A message is sent when one begins to hold and when
    it ends. JSON is one document per line.

    \b
    Examples:
      fc-async watch --webhook http://127.0.0.1:18080/hook
      fc-async watch orders --endpoint http://127.0.0.1:9900
      fc-async watch --once
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate import watching

    hook = watching.Webhook(webhook, form) if webhook else None
    reached, rules = connection.rules_of_template(resources, where)
    with ExitStack() as opened:
        clients = {
            region: opened.enter_context(connection.client(reached, region))
            for region in {rule.region for rule in rules}
        }
        watch = watching.RuleWatch(
            rules,
            watching.reader(clients, reached),
            lambda change: _tell(change, hook, output),
            terminal.note,
        )
        if not once:
            watched = ", ".join(dict.fromkeys(rule.function for rule in rules))
            terminal.note(f"Watching {watched} every {every} s; Ctrl-C ends it.")
        while True:
            watch.look()
            if once:
                # A condition that holds counts also if the webhook did not take the message: cron
                # reads nothing but the exit code.
                return FAILED if watch.broken or watch.unread else DONE
            time.sleep(every)


def _tell(change: AlarmChange, hook: Webhook | None, output: Format) -> None:
    if hook is not None:
        hook(change)
    if output == "json":
        terminal.print_json_line(change.as_data())
    else:
        terminal.print_text(change.text, colour="red" if change.broken else "green")
