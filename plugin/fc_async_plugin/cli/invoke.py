# SPDX-License-Identifier: MIT
"""``fc-async invoke``: calls a function, asynchronously unless told otherwise."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import options
from fc_async_plugin.cli.group import DONE, FAILED

if TYPE_CHECKING:
    from fc_async_plugin.cli.options import Format, Where
    from fc_async_sdk import AcceptedInvocation, Client, InvokeResult


@click.command()
@options.function_argument
@click.argument("payload", required=False)
@click.option("-e", "--event", "event", metavar="TEXT", default=None, help="The payload.")
@click.option(
    "-f",
    "--event-file",
    metavar="FILE",
    default=None,
    help="Read the payload from a file; - is stdin.",
)
@click.option(
    "--async/--sync",
    "asynchronous",
    default=True,
    show_default=True,
    help="Have it called and return at once, or wait for the result.",
)
@click.option(
    "--delay", type=int, metavar="SECONDS", default=None, help="Call it later: 1 to 3599 seconds."
)
@click.option(
    "--task-id",
    "--async-task-id",
    "task_id",
    metavar="ID",
    default=None,
    help="Id of the task; the same id is never accepted twice.",
)
@click.option("--wait", is_flag=True, help="Wait until the task has ended. Needs task mode.")
@click.option(
    "--batch",
    metavar="FILE",
    default=None,
    help="Call it once for every line of FILE (- is stdin); --task-id is then the ids' prefix.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=32,
    show_default=True,
    help="With --batch: how many are on the wire at a time.",
)
@options.raw_option
@options.where_options
@options.format_option
def command(  # noqa: PLR0917 -- click passes options by name
    function: str,
    payload: str | None,
    event: str | None,
    event_file: str | None,
    asynchronous: bool,
    delay: int | None,
    task_id: str | None,
    wait: bool,
    batch: str | None,
    concurrency: int,
    raw: bool,
    where: Where,
    output: Format,
) -> int:
    """Call FUNCTION with PAYLOAD.

    FUNCTION is a resource of the template or the name of a function.

    \b
    Examples:
      fc-async invoke orders '{"id": 7}'
      fc-async invoke orders -f event.json --delay 60 --task-id order-7
      echo hello | fc-async invoke orders -f - --sync
      fc-async invoke orders --batch orders.jsonl --task-id monday
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.cli import connection

    if raw and (asynchronous or output == "json"):
        raise click.UsageError("--raw goes with --sync and without --format json only")
    if not asynchronous and (delay is not None or task_id is not None or wait or batch):
        raise click.UsageError("--delay, --task-id, --wait and --batch go with --async only")
    if batch is not None and (wait or payload or event or event_file):
        raise click.UsageError("--batch goes without another payload and without --wait")
    data = read_payload(payload, event, event_file)
    target = connection.Target(function, where)
    with target.client as client:
        if batch is not None:
            from fc_async_plugin.cli.batch import Batch, send

            lines = Batch(batch, task_id, concurrency, delay, where.qualifier)
            return send(client, target.function, lines, output)
        if not asynchronous:
            return _tell_result(
                client.invoke(target.function, data, qualifier=where.qualifier, log_type="Tail"),
                output,
                raw=raw,
            )
        if wait:
            _check_task_mode(client, target.function, where.qualifier)
        accepted = client.invoke_async(
            target.function, data, delay=delay, task_id=task_id, qualifier=where.qualifier
        )
        if output == "text" or not wait:
            _tell_accepted(accepted, output)
        if not wait:
            return DONE
        return _wait(client, target.function, accepted.task_id, where.qualifier, output)


def read_payload(payload: str | None, event: str | None, event_file: str | None) -> bytes:
    """The payload, from wherever it was given; none is empty.

    Raises:
        click.UsageError: It was given twice.
    """
    if sum(one is not None for one in (payload, event, event_file)) > 1:
        raise click.UsageError("give the payload once: as an argument, with -e or with -f")
    if event_file == "-":
        return sys.stdin.buffer.read()
    if event_file is not None:
        return Path(event_file).read_bytes()
    return (payload or event or "").encode()


def _tell_accepted(accepted: AcceptedInvocation, output: Format) -> None:
    if output == "json":
        from fc_async_plugin.cli.terminal import print_json

        print_json({"request_id": accepted.request_id, "task_id": accepted.task_id or None})
    else:
        from fc_async_plugin.cli.terminal import tell

        shown = f", task {accepted.task_id}" if accepted.task_id else ""
        tell(f"Accepted: request {accepted.request_id}{shown}")


def _tell_result(result: InvokeResult, output: Format, *, raw: bool) -> int:
    from fc_async_plugin.cli import terminal

    if output == "json":
        terminal.print_json(
            {
                "request_id": result.request_id,
                "error_type": result.error_type or None,
                "payload": result.text(),
                "log": result.log or None,
                "duration_ms": result.duration_ms,
            }
        )
    else:
        if result.log:
            terminal.note(result.log.rstrip("\n"))
        if sys.stdout.isatty() and not raw:
            terminal.tell(result.text())
        else:  # a program gets the bytes that the function returned, and no others
            sys.stdout.buffer.write(result.payload)
            sys.stdout.flush()
        if result.error_type:
            terminal.error(
                f"the function failed with {result.error_type} [request {result.request_id}]"
            )
    return DONE if result.succeeded else FAILED


def _check_task_mode(client: Client, function: str, qualifier: str | None) -> None:
    """Refuse to wait for what cannot be seen, before anything is sent.

    Raises:
        click.ClickException: The function's configuration has task mode off.
    """
    from fc_async_sdk.errors import AccessDenied, AsyncConfigNotExists

    try:
        config = client.get_async_invoke_config(function, qualifier=qualifier)
    except AsyncConfigNotExists:
        config = None
    except AccessDenied:
        return  # these keys may invoke and not read: waiting will tell
    if config is None or not config.async_task:
        shown = f"{function}:{qualifier}" if qualifier else function
        raise click.ClickException(
            f"{shown} has task mode off, so its end cannot be waited for; nothing was sent.\n"
            "Set asyncInvokeConfig.asyncTask: true and deploy, or invoke without --wait."
        )


def _wait(
    client: Client, function: str, task_id: str, qualifier: str | None, output: Format
) -> int:
    from fc_async_plugin.cli.tasks import show_task, wait_for

    task = wait_for(client, function, task_id, qualifier)
    show_task(task, output)
    return DONE if task.succeeded else FAILED
