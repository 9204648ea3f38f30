# SPDX-License-Identifier: MIT
"""``fc-async invoke``: calls a function, asynchronously by default; once, or for each line."""

from __future__ import annotations

import sys
import zlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from fc_async_plugin.cli import invoke_http, options
from fc_async_plugin.report import DONE, FAILED, Format, bulk, terminal
from fc_async_plugin.report.moments import summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.cli.invoke_http import HttpOptions
    from fc_async_plugin.operate.tasks import FunctionTasks
    from fc_async_sdk import AcceptedInvocation, InvokeResult
    from fc_async_sdk.fanout import Outcome
    from fc_async_sdk.pacing import Pace
    from fc_async_sdk.payloads import DefaultStore

    Check = Callable[[str, bytes], None]
    """Raises InvalidParameter for a payload that does not fit."""


class Choices(NamedTuple):
    """The options that say how the function is called."""

    asynchronous: bool
    delay: int | None
    task_id: str | None
    wait: bool
    batch: str | None
    rate: str | None
    max_hops: int
    failed: str | None
    concurrency: int
    large: bool
    http: HttpOptions
    raw: bool
    output: Format

    @property
    def needs_async(self) -> bool:
        """True if an option was given that only an asynchronous call has."""
        given = (self.delay, self.task_id, self.batch, self.rate)
        return self.wait or self.large or any(one is not None for one in given)

    def store(self, target: FunctionTasks) -> DefaultStore | None:
        """Return the store of large payloads, None if there is none."""
        from fc_async_sdk.payloads import DefaultStore

        return DefaultStore(target.client.endpoint_url) if self.large else None


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
@invoke_http.http_options
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
    **options_of_call: Any,
) -> int:
    """Call FUNCTION with PAYLOAD.

    FUNCTION is a resource of the template or the name of a function.

    \b
    Examples:
      fc-async invoke orders '{"id": 7}'
      fc-async invoke orders -f event.json --delay 60 --task-id order-7
      echo hello | fc-async invoke orders -f - --sync
      fc-async invoke orders --batch orders.jsonl --schema order.schema.json
      fc-async invoke orders --batch orders.jsonl --task-id monday --rate 5/s
      fc-async invoke orders --http --sync --path '/orders?dry=1' '{"id": 7}'
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.operate.tasks import tasks_of
    from fc_async_sdk.pacing import Pace

    choices = Choices(**options_of_call)
    given = [one for one in (options.text_payload(payload), event) if one is not None]
    _refuse_contradictions(choices, payloads=len(given))
    data = b"".join(given)
    check = _checker(schema)
    if check is not None and choices.batch is None:
        check("payload", data)
    with tasks_of(function, where) as target:
        if choices.batch is not None:
            rate = choices.rate
            pace = None if rate is None else Pace(function, rate, max_hops=choices.max_hops)
            return _call_for_each_line(target, choices.batch, choices, check, pace)
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
            "--delay, --task-id, --wait, --batch, --rate and --large go with --async only"
        )
    if choices.large and choices.http.on:
        raise click.UsageError("--large goes without --http: the function gets a claim")
    if choices.rate is not None and (choices.batch is None or choices.delay is not None):
        raise click.UsageError("--rate goes with --batch, and without --delay")
    if choices.failed is not None and choices.batch is None:
        raise click.UsageError("--failed goes with --batch")
    if choices.max_hops and choices.rate is None:
        raise click.UsageError("--max-hops goes with --rate")
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
            large=choices.store(target),
        )
    if choices.output == "text" or not choices.wait:
        _tell_accepted(accepted, choices.output)
    if not choices.wait:
        return DONE
    from fc_async_plugin.deploy.printed import noting_a_stopped_clock, print_task

    with noting_a_stopped_clock():
        task = target.wait(accepted.task_id)
    print_task(task, choices.output, target.times(task.task_id))
    return DONE if task.succeeded else FAILED


def _checker(file: str | None) -> Check | None:
    """Return the check of payloads against the schema in a file; None without a file.

    Raises:
        click.ClickException: The file is not JSON.
    """
    if file is None:
        return None
    from fc_async_sdk._payload_schema import PayloadSchema

    return PayloadSchema(options.read_json(file)).check


def _tell_accepted(accepted: AcceptedInvocation, output: Format) -> None:
    data = {"requestId": accepted.request_id, "taskId": accepted.task_id or None}
    shown = f", task {accepted.task_id}" if accepted.task_id else ""
    terminal.answer(output, data, f"Accepted: request {accepted.request_id}{shown}")


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


# --- --batch ------------------------------------------------------------------------------------


def _call_for_each_line(
    target: FunctionTasks, file: str, choices: Choices, check: Check | None, pace: Pace | None
) -> int:
    """Call a function once for every line of a file that is not empty, and print the result.

    Args:
        target: The function.
        file: Path of the file; - is stdin.
        choices: Options of the command; the task id is the prefix of ids, which makes it safe to
            repeat a run.
        check: Checks all payloads before the first one is sent; None: they are not checked.
        pace: How fast the calls start; None: at once.
    """
    ids = _ids(choices.task_id)
    if ids is not None:
        options.note_task_mode(target.client, [target.function], target.qualifier)
    run = target.client.fan_out(
        target.function,
        _looked_at((line for _, line in options.lines_of(file)), check, pace, target.function),
        task_ids=ids,
        concurrency=choices.concurrency,
        delay=choices.delay,
        qualifier=target.qualifier,
        progress=sys.stderr.isatty(),
        pace=pace,
        large=choices.store(target),
    )
    try:
        outcomes = list(run)
    except KeyboardInterrupt:
        resumed = "run the same command again to go on; it sends nothing twice"
        if ids is None:
            resumed = "without --task-id they cannot be resumed"
        terminal.note(f"interrupted after {run.progress.done:,} calls: {resumed}")
        raise
    failures = sorted(run.failures, key=lambda one: one.index)
    if choices.output == "json":
        outcomes.sort(key=lambda one: one.index)
        terminal.print_json({"invocations": [_as_data(one) for one in outcomes]})
    else:
        accepted = len(outcomes) - len(failures)
        terminal.tell(summary(len(outcomes), accepted, run.duplicates))
        messages = [f"payload {one.index}: {one.error}" for one in failures]
        bulk.print_errors(messages, terminal.note)
    if choices.failed is not None:
        refused = b"".join(one.payload + b"\n" for one in failures)
        Path(choices.failed).write_bytes(refused)
        if failures and choices.task_id is not None:
            terminal.note(
                f"{len(failures):,} lines are in {choices.failed}: send them with another --task-id"
                f" than {choices.task_id}, whose ids belong to the lines of {file}"
            )
    return FAILED if failures else DONE


def _looked_at(
    lines: Iterable[bytes], check: Check | None, pace: Pace | None, function: str
) -> Iterable[bytes]:
    """Check all payloads and say when the last call will start, before anything is sent."""
    if check is None and pace is None:
        return lines
    payloads = list(lines)
    if check is not None:
        for index, payload in enumerate(payloads):
            check(f"payload {index}", payload)
    if pace is not None and payloads:
        seen = pace.forecast(len(payloads))
        hops = f"; {seen.extra_invocations:,} short invocations more" if seen.hops else ""
        last = f"{seen.last.astimezone():%Y-%m-%d %H:%M:%S}"
        text = f"{len(payloads):,} calls of {function}: the last one starts"
        terminal.note(f"{text} in {timedelta(seconds=round(seen.seconds))}, at {last}{hops}")
    return payloads


def _ids(prefix: str | None) -> Callable[[int, bytes], str] | None:
    """Return what makes the id of a line, of its number and its content; None without a prefix.

    Raises:
        InvalidParameter: No task id can begin so.
    """
    from fc_async_sdk.fanout.plan import check_prefix

    if prefix is None:
        return None
    check_prefix("task_id", prefix)
    check_prefix("task_id", f"{prefix}-{0:08x}")
    return lambda index, line: f"{prefix}-{zlib.crc32(line):08x}-{index}"


def _as_data(outcome: Outcome) -> dict[str, Any]:
    accepted = outcome.accepted
    return {
        "index": outcome.index,
        "taskId": outcome.task_id or None,
        "requestId": accepted.request_id if accepted else None,
        "duplicate": accepted.duplicate if accepted else False,
        "error": str(outcome.error) if outcome.error else None,
    }
