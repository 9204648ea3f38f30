# SPDX-License-Identifier: MIT
"""``fc-async events``: shows destination events as they arrive."""

from __future__ import annotations

import base64
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.cli import options

if TYPE_CHECKING:
    from fc_async_plugin.cli.options import Account, Format
    from fc_async_plugin.events import Shown
    from fc_async_sdk.events.schema import Payload
    from fc_async_sdk.spec.arn import MnsQueueArn


@click.group()
def command() -> None:
    """Watch destination events.

    \b
    Examples:
      fc-async events tail failed-orders
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

    Reading hides messages from other readers for the queue's visibility timeout. JSON is one
    document per line.
    """
    from fc_async_plugin import events
    from fc_async_plugin.cli import connection, terminal

    named = _queue(queue, account)
    credentials = connection.credentials(account)
    address = mns_endpoint or events.mns_endpoint(
        account.endpoint,
        account_id=named.account_id or credentials.account_id,
        region=named.region,
    )
    with events.QueueTail(address, named.queue, credentials, consume=consume) as reader:
        for message in islice(reader.messages(follow=not once), limit):
            if output == "json":
                terminal.print_json_line(_as_data(message))
            else:
                _show(message)


def _queue(text: str, account: Account) -> MnsQueueArn:
    from fc_async_sdk.spec import arn

    if not text.startswith("acs:"):
        text = str(arn.MnsQueueArn(queue=text))
    parsed = arn.parse(text)
    if not isinstance(parsed, arn.MnsQueueArn):
        raise click.UsageError(f"{text} is not an MNS queue; other destinations have no tail")
    return parsed.resolve(region=account.region or "", account_id=account.account_id or "")


def _show(message: Shown) -> None:
    from fc_async_plugin.cli import terminal

    event = message.event
    if event is None:
        terminal.tell(f"? {message.message_id}: {message.problem}", fg="yellow")
        return
    when = event.time.astimezone().isoformat(sep=" ", timespec="seconds") if event.time else "-"
    mark, colour = ("✔", "green") if event.succeeded else ("✘", "red")
    why = "" if event.succeeded else f" {event.condition or event.function_error}"
    tries = f", {event.attempts} attempts" if event.retried else ""
    terminal.tell(f"{mark} {event.function}{why}{tries}", fg=colour)
    terminal.print_fields(
        [
            ("  time", when),
            ("  request id", event.request_id),
            ("  request", _text(event.request)),
            ("  response", _text(event.response)),
        ]
    )


def _text(payload: Payload) -> str:
    """Return a payload as text, or its size if it is not text."""
    from fc_async_sdk.errors import InvalidEvent

    try:
        return payload.text()
    except InvalidEvent:
        return f"({len(_bytes(payload))} bytes that are not text; -o json shows them in base64)"


def _bytes(payload: Payload) -> bytes:
    """Return the bytes of a payload that is not text."""
    from fc_async_sdk.errors import InvalidEvent

    try:
        return payload.bytes()
    except InvalidEvent:
        return payload.raw  # marked as base64, but not valid base64


def _as_data(message: Shown) -> dict[str, Any]:
    event = message.event
    if event is None:
        return {"message_id": message.message_id, "problem": message.problem}
    return {
        "message_id": message.message_id,
        "time": event.time.isoformat() if event.time else None,
        "function_arn": event.function_arn,
        "succeeded": event.succeeded,
        "condition": event.condition,
        "function_error": event.function_error,
        "status_code": event.status_code,
        "attempts": event.attempts,
        "request_id": event.request_id,
        **_payload_data("request", event.request),
        **_payload_data("response", event.response),
    }


def _payload_data(name: str, payload: Payload) -> dict[str, str]:
    """Return a payload as text, or as base64 with a second field that says so."""
    from fc_async_sdk.errors import InvalidEvent

    try:
        return {f"{name}_payload": payload.text()}
    except InvalidEvent:
        encoded = base64.b64encode(_bytes(payload)).decode()
        return {f"{name}_payload": encoded, f"{name}_payload_encoding": "base64"}
