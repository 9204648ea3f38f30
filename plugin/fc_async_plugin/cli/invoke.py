# SPDX-License-Identifier: MIT
"""``fc-async invoke``: calls a function, asynchronously by default."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.cli import invoke_batch, invoke_http, options
from fc_async_plugin.cli.invoke_batch import Choices
from fc_async_plugin.report import DONE, FAILED, Format, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.tasks import FunctionTasks
    from fc_async_sdk import AcceptedInvocation, InvokeResult


@click.command()
@options.function_argument
@click.argument("payload", required=False)
@click.option("-e", "--event", "event", metavar="TEXT", help="The payload.")
@click.option(
    "-f",
    "--event-file",
    metavar="FILE",
    help="Read the payload from a file; - is stdin.",
)
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
@click.option("--wait", is_flag=True, help="Wait until the task has ended. Needs task mode.")
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
@click.option(
    "--schema",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="JSON Schema that the payload must fit; otherwise nothing is sent.",
)
@invoke_http.http_options
@options.raw_option
@options.where_options
@options.format_option
def command(
    *,
    function: str,
    payload: str | None,
    event: str | None,
    event_file: str | None,
    schema: str | None,
    where: Where,
    **options_of_call: Any,
) -> int:
    """Call FUNCTION with PAYLOAD.

    FUNCTION is a resource of the template or the name of a function.

    \b
    Examples:
      fc-async invoke orders '{"id": 7}'
      fc-async invoke orders -f event.json --delay 60 --task-id order-7
      echo hello | fc-async invoke orders -f - --sync
      fc-async invoke orders --batch orders.jsonl --task-id monday --schema order.schema.json
      fc-async invoke orders --batch orders.jsonl --task-id monday --rate 5/s --failed failed.jsonl
      fc-async invoke orders --http --sync --path '/orders?dry=1' '{"id": 7}'
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.tasks import tasks_of
    from fc_async_sdk.pacing import Pace

    choices = Choices(**options_of_call)
    given = [one for one in (payload, event, event_file) if one is not None]
    _refuse_contradictions(choices, payloads=len(given))
    data = options.read_payload(payload or event, event_file) or b""
    check = _checker(schema)
    if check is not None and choices.batch is None:
        check("payload", data)
    with tasks_of(function, where) as target:
        if choices.batch is not None:
            rate = choices.rate
            pace = None if rate is None else Pace(function, rate, max_hops=choices.max_hops)
            return invoke_batch.send(target, choices.batch, choices, check, pace)
        request = invoke_http.Request(target, choices.http, data, where.account)
        if choices.asynchronous:
            return _call_asynchronously(request, choices)
        if choices.http.on:
            return invoke_http.call(request, raw=choices.raw, output=choices.output)
        result = target.client.invoke(
            target.function, data, qualifier=target.qualifier, log_type="Tail"
        )
        return _tell_result(result, choices.output, raw=choices.raw)


def _refuse_contradictions(choices: Choices, *, payloads: int) -> None:
    """Refuse options that exclude each other.

    Raises:
        click.UsageError: There are such options.
    """
    if choices.raw and (choices.asynchronous or choices.output == "json"):
        raise click.UsageError("--raw goes with --sync and without --format json only")
    if not choices.asynchronous and choices.needs_async:
        raise click.UsageError(
            "--delay, --task-id, --wait, --batch and --rate go with --async only"
        )
    if choices.rate is not None and (choices.batch is None or choices.delay is not None):
        raise click.UsageError("--rate goes with --batch, and without --delay")
    if choices.batch is not None and (choices.wait or payloads or choices.http.on):
        raise click.UsageError("--batch goes without another payload, --wait and --http")
    if payloads > 1:
        raise click.UsageError("give the payload once: as an argument, with -e or with -f")


def _call_asynchronously(request: invoke_http.Request, choices: Choices) -> int:
    target, delay, task_id = request.target, choices.delay, choices.task_id
    if choices.wait:
        _check_task_mode(target)
    if choices.http.on:
        accepted = invoke_http.accept(request, delay=delay, task_id=task_id)
    else:
        accepted = target.client.invoke_async(
            target.function,
            request.body,
            delay=delay,
            task_id=task_id,
            qualifier=target.qualifier,
        )
    if choices.output == "text" or not choices.wait:
        _tell_accepted(accepted, choices.output)
    if not choices.wait:
        return DONE
    from fc_async_plugin.report.printed import noting_a_stopped_clock, print_task

    with noting_a_stopped_clock():
        task = target.wait(accepted.task_id)
    times = target.times(task.task_id)
    print_task(task, choices.output, now=times.now, due=times.due.get(task.task_id))
    return DONE if task.succeeded else FAILED


def _checker(file: str | None) -> invoke_batch.Check | None:
    """Return the check of payloads against the schema in a file; None without a file.

    Raises:
        click.ClickException: The file is not JSON.
    """
    if file is None:
        return None
    from fc_async_sdk._payload_schema import PayloadSchema

    return PayloadSchema(options.read_json(file)).check


def _tell_accepted(accepted: AcceptedInvocation, output: Format) -> None:
    if output == "json":
        data = {"requestId": accepted.request_id, "taskId": accepted.task_id or None}
        terminal.print_json(data)
    else:
        shown = f", task {accepted.task_id}" if accepted.task_id else ""
        terminal.tell(f"Accepted: request {accepted.request_id}{shown}")


def _tell_result(result: InvokeResult, output: Format, *, raw: bool) -> int:
    if output == "json":
        terminal.print_json(
            {
                "requestId": result.request_id,
                "errorType": result.error_type or None,
                "payload": result.text(),
                "log": result.log or None,
                "durationMs": result.duration_ms,
            }
        )
    else:
        if result.log:
            terminal.note(result.log.rstrip("\n"))
        if sys.stdout.isatty() and not raw:
            terminal.tell(result.text())
        else:  # a program gets exactly the bytes that the function returned
            sys.stdout.buffer.write(result.payload)
            sys.stdout.flush()
        if result.error_type:
            terminal.error(
                f"the function failed with {result.error_type} [request {result.request_id}]"
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
