# SPDX-License-Identifier: MIT
"""``fc-async events tail``: shows the events in a queue."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.operate.events.lines import Shown
    from fc_async_sdk.spec.arn import MnsQueueArn


@click.command("tail")
@click.argument("queue")
@click.option(
    "--mns-endpoint",
    metavar="URL",
    help="URL of MNS.  [env: FC_ASYNC_MNS_ENDPOINT; default: that of the local runtime, or the "
    "service's]",
)
@options.flag(
    "--consume", help="Delete each message after it was shown; otherwise it becomes visible again."
)
@options.flag("--once", help="Stop when the queue is empty.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after this number of messages.")
@options.account_options
@options.format_option
def command(
    queue: str,
    mns_endpoint: str | None,
    consume: bool,
    once: bool,
    limit: int | None,
    account: Account,
    output: Format,
) -> None:
    """Show the events in an MNS QUEUE (a name or an ARN) until Ctrl-C.

    Reading hides messages from other readers: with --once until a second after the end, otherwise
    for the queue's visibility timeout. JSON is one document per line.

    \b
    Examples:
      fc-async events tail failed-orders --once
      fc-async events tail failed-orders --once -o json
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.runtime import service_url
    from fc_async_plugin.operate.events import lines
    from fc_async_plugin.operate.events.argument import tell_notes
    from fc_async_plugin.operate.events.queues import Queue

    named = _queue(queue, account)
    credentials = connection.credentials(account)
    own_address = mns_endpoint or _variable(account)
    address = own_address or service_url(
        "mns",
        account.endpoint,
        account_id=named.account_id or credentials.account_id,
        region=named.region,
        otherwise="pass --mns-endpoint",
    )
    # The endpoint of the account, if any, has been named when the options were read.
    if own_address or account.endpoint is None:
        terminal.note(f"Reading queue {named.queue} at {address}")
    with Queue(address, named.queue, credentials) as reader:
        messages = reader.look() if once else reader.follow()
        for message in islice(messages, limit):
            if output == "json":
                terminal.print_json_line(lines.as_data(message))
            else:
                _show(message)
            if consume:
                reader.accepted(message.message_id)
                # At once: what was shown before Ctrl-C is not shown again by the next run.
                reader.finish()
        tell_notes(reader)


def _variable(account: Account) -> str:
    """Return the URL of MNS that the environment names; "" if it has none, or --endpoint is given.

    Raises:
        TargetConflict: An option names an account, and the URL is on this machine.
    """
    import os

    from fc_async_plugin.account import target

    url = os.environ.get(target.MNS_VARIABLE, "")
    if not url or account.by is target.DecidedBy.OPTION:
        return ""
    typed = target.Typed(None, account.region, account.account_id, account.access)
    target.check_variable(target.MNS_VARIABLE, url, typed)
    return url


def _queue(text: str, account: Account) -> MnsQueueArn:
    from fc_async_sdk.spec import arn

    if not text.startswith("acs:"):
        text = str(arn.MnsQueueArn(queue=text))
    parsed = arn.parse(text)
    if not isinstance(parsed, arn.MnsQueueArn):
        raise click.UsageError(f"{text} is not an MNS queue; other destinations have no tail")
    return parsed.resolve(region=account.region or "", account_id=account.account_id or "")


def _show(message: Shown) -> None:
    from fc_async_plugin.deploy import printed

    event = message.event
    if event is None:
        terminal.print_text(f"? {message.message_id}: {message.problem}", colour="yellow")
        return
    printed.print_event(event)
