# SPDX-License-Identifier: MIT
"""``fc-async invoke``: calls a function, asynchronously by default; once, or for each line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.invoke import over_http
from fc_async_plugin.cli.invoke.batch import call_for_each_line
from fc_async_plugin.cli.invoke.call_options import CallOptions
from fc_async_plugin.report import DONE, FAILED, Format, terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.tasks import FunctionTasks
    from fc_async_sdk import AcceptedInvocation, InvokeResult

    Check = Callable[[str, bytes], None]
    """Raises InvalidParameter for a payload that does not fit."""


@click.command()
@options.function_argument
@click.argument("payload", required=False)
@options.event_options
@click.option(
    "--async/--sync",
    "asynchronous",
    default=True,
    help="Return when the call is accepted, or wait for the result.",
)
@click.option("--delay", type=int, metavar="SECONDS", help="Call it later: 1 to 3599 seconds.")
@click.option(
    "--task-id",
    "--async-task-id",
    "--task-prefix",
    "task_id",
    metavar="ID",
    help="Id of the task; the same id is never accepted twice.",
)
@options.flag("--wait", help="Wait until the task has ended. Needs task mode.")
@click.option(
    "--batch",
    "--lines",
    "batch",
    metavar="FILE",
    help="Call it once for every line of FILE (- is stdin); --task-id is the prefix of the ids.",
)
@click.option(
    "--rate",
    metavar="RATE",
    help="With --batch: how fast the calls start, such as 5/s or 1/10s.",
)
@click.option(
    "--max-hops",
    type=click.IntRange(0, 168),
    default=0,
    metavar="N",
    help="With --rate: how often the function sends a message again that waits for over an hour.",
)
@click.option(
    "--feed",
    metavar="STORE",
    help="With --batch and --task-id: write all lines to STORE, from which the function sends "
    "them to itself at the pace of its handler. STORE is oss://BUCKET, a folder, or default: the "
    "store that --large uses.",
)
@click.option(
    "--failed",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="With --batch: write the lines that were not accepted to FILE.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=32,
    help="With --batch: number of requests at the same time.",
)
@options.flag(
    "--large",
    help="Put a payload of over 100 KiB into the store that FCASYNC_PAYLOADS names, or into that "
    "of the local runtime, and send a claim.",
)
@options.existing_file(
    "--schema", help="JSON Schema that the payload must fit; otherwise nothing is sent."
)
@over_http.http_options
@options.raw_option
@options.where_options
@options.format_option
def command(
    *,
    function: str,
    payload: str | None,
    event: bytes | None,
    schema: str | None,
    where: Where,
    **parameters: Any,
) -> int:
    """Call FUNCTION with PAYLOAD.

    FUNCTION is a resource of the template or the name of a function. PAYLOAD is what the function
    gets, or @FILE, the content of a file (- is stdin).

    \b
    Examples:
      fc-async invoke orders '{"id": 7}'
      fc-async invoke orders @event.json --delay 60 --task-id order-7
      echo hello | fc-async invoke orders @- --sync
      fc-async invoke orders --batch orders.jsonl --schema order.schema.json
      fc-async invoke orders --batch orders.jsonl --task-id monday --rate 5/s
      fc-async invoke contacts --batch contacts.jsonl --task-id may --feed batches
      fc-async invoke orders --http --sync --path '/orders?dry=1' '{"id": 7}'
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.operate.tasks import tasks_of
    from fc_async_sdk.pacing import Pace

    call_options = CallOptions(**parameters)
    typed = options.text_payload(payload)
    payloads = [content for content in (typed, event) if content is not None]
    call_options.check(payloads=len(payloads))
    data = b"".join(payloads)
    # The body of a request to an HTTP trigger may be of any kind.
    if not call_options.http.on:
        text = click.get_current_context().params["event"] if payload is None else payload
        options.note_if_not_json(text, data)
    check = _checker(schema)
    is_batch = call_options.batch is not None
    if check is not None and not is_batch:
        check("payload", data)
    with tasks_of(function, where) as target:
        if call_options.batch is not None:
            pace = None
            if call_options.rate is not None:
                pace = Pace(function, call_options.rate, max_hops=call_options.max_hops)
            return call_for_each_line(target, call_options.batch, call_options, check, pace)
        request = over_http.Request(target, call_options.http, data, where.account)
        if call_options.asynchronous:
            return _call_asynchronously(request, call_options)
        if call_options.http.on:
            return over_http.call(request, raw=call_options.raw, output=call_options.output)
        result = target.client.invoke(
            target.function, data, qualifier=target.qualifier, log_type="Tail"
        )
        return _tell_result(result, call_options.output, raw=call_options.raw)


def _call_asynchronously(request: over_http.Request, call_options: CallOptions) -> int:
    target = request.target
    delay = call_options.delay
    task_id = call_options.task_id
    if call_options.wait:
        _check_task_mode(target)
    if call_options.http.on:
        accepted = over_http.accept(request, delay=delay, task_id=task_id)
    else:
        accepted = target.client.invoke_async(
            target.function,
            request.body,
            delay=delay,
            task_id=task_id,
            qualifier=target.qualifier,
            large=call_options.store(target),
        )
    # With --wait, the JSON on stdout is that of the task alone.
    if call_options.output == "text" or not call_options.wait:
        _tell_accepted(accepted, call_options.output)
    if not call_options.wait:
        return DONE
    from fc_async_plugin.deploy.printed import noting_a_stopped_clock, print_task

    with noting_a_stopped_clock():
        task = target.wait(accepted.task_id)
    print_task(task, call_options.output, target.times(task.task_id))
    return DONE if task.succeeded else FAILED


def _checker(file: str | None) -> Check | None:
    """Return the check of payloads against the schema in a file; None without a file.

    Raises:
        click.ClickException: The file is not JSON.
    """
    if file is None:
        return None
    from fc_async_sdk._payloads.schema import PayloadSchema

    return PayloadSchema(options.read_json(file)).check


def _tell_accepted(accepted: AcceptedInvocation, output: Format) -> None:
    data = {"requestId": accepted.request_id, "taskId": accepted.task_id or None}
    shown = f", task {accepted.task_id}" if accepted.task_id else ""
    terminal.print_json_or_text(output, data, f"Accepted: request {accepted.request_id}{shown}")


def _tell_result(result: InvokeResult, output: Format, *, raw: bool) -> int:
    from fc_async_sdk._pacing import hop

    next_message = hop.sent(result.payload)
    if output == "json":
        terminal.print_json(
            {
                "requestId": result.request_id,
                "errorType": result.error_type or None,
                "payload": result.text(),
                "log": result.log or None,
                "durationMs": result.duration_ms,
                "deferredTo": None if next_message is None else next_message.next,
            }
        )
    else:
        if result.log:
            terminal.note(result.log.rstrip("\n"))
        if sys.stdout.isatty() and not raw:
            terminal.print_text(result.text())
        else:  # a program gets exactly the bytes that the function returned
            sys.stdout.buffer.write(result.payload)
            sys.stdout.flush()
        if result.error_type:
            terminal.error(
                f"the function failed with {result.error_type} [request {result.request_id}]"
            )
        if next_message is not None:
            why = f": {next_message.reason}" if next_message.reason else ""
            terminal.note(
                f"No result yet: the function goes on in {next_message.seconds} s, as task "
                f"{next_message.next}{why}"
            )
    return DONE if result.succeeded else FAILED


def _check_task_mode(target: FunctionTasks) -> None:
    """Refuse to wait for a function that has no tasks, before anything is sent.

    Raises:
        click.ClickException: The function's configuration has task mode off.
    """
    from fc_async_sdk.errors import AccessDenied, AsyncConfigNotExists

    try:
        config = target.client.get_async_invoke_config(target.function, qualifier=target.qualifier)
    except AsyncConfigNotExists:
        config = None
    except AccessDenied:
        return  # these keys may invoke and not read: the wait fails if there is no task
    if config is None or not config.async_task:
        suffix = f":{target.qualifier}" if target.qualifier else ""
        raise click.ClickException(
            f"{target.function}{suffix} has task mode off, so its end cannot be waited for; "
            "nothing was sent.\n"
            "Set asyncInvokeConfig.asyncTask: true and deploy, or invoke without --wait."
        )
