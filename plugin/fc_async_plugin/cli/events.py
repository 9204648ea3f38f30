# SPDX-License-Identifier: MIT
"""``fc-async events``: shows destination events, replays failed ones, sends events of sources."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.cli import events_replay, options
from fc_async_plugin.report import DONE, FAILED, Format, terminal
from fc_async_sdk.spec import oss

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.events.lines import Shown
    from fc_async_sdk.spec.arn import MnsQueueArn


@click.group()
def command() -> None:
    """Watch destination events, replay failed ones, and send events of sources to triggers.

    \b
    Examples:
      fc-async events tail failed-orders
      fc-async events replay failed-orders --dry-run
      fc-async events send oss --bucket uploads --key in/a.zip
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


@command.command("tail")
@click.argument("queue")
@click.option(
    "--mns-endpoint",
    metavar="URL",
    envvar="FC_ASYNC_MNS_ENDPOINT",
    default=None,
    help="URL of MNS.  [default: that of the local runtime, or the service's]",
)
@click.option(
    "--consume",
    is_flag=True,
    help="Delete each message after it was shown; otherwise it becomes visible again.",
)
@click.option("--once", is_flag=True, help="Stop when the queue is empty.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=None, help="Stop after this number of messages."
)
@options.account_options
@options.format_option
def tail_command(
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
    """
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.service_urls import service_url
    from fc_async_plugin.events import lines
    from fc_async_plugin.events.queues import Queue

    named = _queue(queue, account)
    credentials = connection.credentials(account)
    address = mns_endpoint or service_url(
        "mns",
        account.endpoint,
        account_id=named.account_id or credentials.account_id,
        region=named.region,
        otherwise="pass --mns-endpoint",
    )
    with Queue(address, named.queue, credentials) as reader:
        for message in islice(reader.look() if once else reader.follow(), limit):
            if output == "json":
                terminal.print_json_line(lines.as_data(message))
            else:
                _show(message)
            if consume:
                reader.accepted(message.message_id)
                reader.finish()
        for sentence in reader.notes:
            terminal.note(f"Note: {sentence}.")


command.add_command(events_replay.command)


@command.group("send")
def send_group() -> None:
    """Send an event of a source to the triggers of a local runtime."""


@send_group.command("oss")
@click.option("--bucket", metavar="NAME", required=True, help="Bucket of the object.")
@click.option("--key", metavar="KEY", required=True, help="Key of the object.")
@click.option(
    "--event",
    metavar="NAME",
    default=oss.CREATED,
    show_default=True,
    help="What happened to the object.",
)
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False),
    default=None,
    help="Take size and checksum of the object from this file.",
)
@options.account_options
@options.format_option
def send_oss_command(
    bucket: str, key: str, event: str, file: str | None, account: Account, output: Format
) -> int:
    """Fire the OSS triggers that match an event of an object.

    No object is needed: the function gets the event document of the service. Exit code 1 means
    that no trigger matches, or that an invocation was refused.
    """
    from fc_async_plugin.account import connection, runtime
    from fc_async_plugin.report import tables
    from fc_async_sdk.admin import models
    from fc_async_sdk.admin import operations as admin

    runtime.local_endpoint(account.endpoint, "fires triggers by events of objects")
    described = _described(file) if file else {}
    wanted = models.ObjectEvent(bucket=bucket, key=key, event=event, **described)
    with connection.client(account, account.region or "") as client:
        fired = runtime.ask(client, admin.send_object_event(wanted)).fired
    if output == "json":
        terminal.print_json({"fired": [one.to_dict() for one in fired]})
    elif not fired:
        terminal.error(f"no OSS trigger matches {event} of {key} in bucket {bucket}")
    else:
        columns = [tables.Column(name) for name in ("function", "trigger", "request id", "error")]
        rows = ([one.function, one.trigger, one.request_id, one.error] for one in fired)
        terminal.print_table(columns, rows)
    return DONE if fired and not any(one.error for one in fired) else FAILED


def _described(file: str) -> dict[str, Any]:
    """Return size, ``etag`` and type of a file as OSS has them of an object."""
    import hashlib
    import mimetypes
    from pathlib import Path

    content = Path(file).read_bytes()
    return {
        "size": len(content),
        "etag": hashlib.md5(content, usedforsecurity=False).hexdigest().upper(),
        "content_type": mimetypes.guess_type(file)[0] or "application/octet-stream",
    }


def _queue(text: str, account: Account) -> MnsQueueArn:
    from fc_async_sdk.spec import arn

    if not text.startswith("acs:"):
        text = str(arn.MnsQueueArn(queue=text))
    parsed = arn.parse(text)
    if not isinstance(parsed, arn.MnsQueueArn):
        raise click.UsageError(f"{text} is not an MNS queue; other destinations have no tail")
    return parsed.resolve(region=account.region or "", account_id=account.account_id or "")


def _show(message: Shown) -> None:
    from fc_async_plugin.report import printed

    event = message.event
    if event is None:
        terminal.tell(f"? {message.message_id}: {message.problem}", fg="yellow")
        return
    printed.print_event(event)
