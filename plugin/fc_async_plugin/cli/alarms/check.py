# SPDX-License-Identifier: MIT
"""``fc-async alarms check``: one round over the conditions, for a scheduler."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, Format, moments, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.rounds import Round
    from fc_async_plugin.operate.webhooks import AlarmChange, Webhook

_LAST: Final = "last"


@click.command("check")
@options.resources_argument
@click.option(
    "--since",
    metavar="TIME",
    default=_LAST,
    help="Where the round begins: where the one before has ended (last), or a time such as 3h.",
)
@click.option(
    "--webhook",
    metavar="URL",
    envvar="FC_ASYNC_WEBHOOK",
    help="Where changes are sent.  [env: FC_ASYNC_WEBHOOK]",
)
@click.option(
    "--webhook-form",
    "form",
    type=click.Choice(["json", "dingtalk", "feishu"]),
    help="Form of the messages; WeCom takes that of DingTalk, Slack json.  [default: by the host]",
)
@options.place_options
@options.format_option
def command(
    *,
    resources: tuple[str, ...],
    since: str,
    webhook: str | None,
    form: str | None,
    where: Where,
    output: Format,
) -> int:
    """Check the rules of fc-async alarms once, and tell of each change: for a scheduler.

    Every minute since the round before is looked at, however late this one is, so that nothing
    between two rounds is missed. A change is told when a condition begins to hold and when it ends.
    What a round knows is kept in this folder.

    Exit code 1 means that a condition holds, or held since the round before, that metrics or a
    queue cannot be read, or that the webhook did not take a change.

    \b
    Examples:
      fc-async alarms check
      fc-async alarms check orders --since 3h
      fc-async alarms check --webhook http://127.0.0.1:18080/hook
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate import metrics, rounds, webhooks

    hook = webhooks.Webhook(webhook, form) if webhook else None
    account, functions = connection.watched_functions(resources, where)
    target = connection.target_of(account)
    with rounds.clients_of(functions, account) as clients, rounds.kept(target) as known:
        is_first = not known.ends
        begin = None
        if since.lower() != _LAST:
            now = metrics.now_of(next(iter(clients.values())))
            begin = options.beginning("--since", since, now)
        rules = rounds.rules_with_history(functions, clients, account, known)
        checked = rounds.Round(rules, known, rounds.Reader(clients, account), begin)
        checked.look()
        send = functools.partial(_send, hook=hook, output=output)
        told = rounds.tell(known, checked.changes, send, terminal.note)
    if output == "json":
        terminal.print_json(
            {
                "from": checked.begin or None,
                "to": checked.end or None,
                "changes": [change.as_data() for change in told],
                "holding": checked.holding,
                "untold": len(known.untold),
                "unread": checked.unread,
            }
        )
    _tell_extent(checked, is_first=is_first)
    return FAILED if checked.holding or checked.unread or known.untold else DONE


def _send(change: AlarmChange, hook: Webhook | None, output: Format) -> None:
    if hook is not None:
        hook(change)
    if output == "text":
        terminal.print_text(change.text, colour="red" if change.alarm else "green")


def _tell_extent(checked: Round, *, is_first: bool) -> None:
    """Say what was looked at if that is not what lies between two rounds."""
    for sentence in checked.unread:
        terminal.note(sentence)
    if checked.skipped:
        names = ", ".join(checked.skipped)
        begin = moments.full_time(checked.begin)
        terminal.note(f"The round before was over a week ago: {names} looked at since {begin}.")
    if is_first and checked.end:
        span = moments.duration(checked.end - checked.begin)
        until = moments.full_time(checked.end)
        terminal.note(
            f"First round in this folder: looked at the {span} before {until}. The next one goes on"
            " from there."
        )
