# SPDX-License-Identifier: MIT
"""``fc-async invoke --batch``: calls a function once for every line of a file."""

from __future__ import annotations

import sys
import zlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fc_async_plugin.report import DONE, FAILED, bulk, feeds, terminal
from fc_async_plugin.report.moments import summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fc_async_plugin.cli.invoke.call_options import CallOptions
    from fc_async_plugin.operate.tasks import FunctionTasks
    from fc_async_sdk.fanout import Outcome
    from fc_async_sdk.pacing import Pace

    Check = Callable[[str, bytes], None]


def call_for_each_line(
    target: FunctionTasks,
    file: str,
    call_options: CallOptions,
    check: Check | None,
    pace: Pace | None,
) -> int:
    """Call a function once for every line of a file that is not empty, and print the result.

    Args:
        target: The function.
        file: Path of the file; - is stdin.
        call_options: Options of the command; the task id is the prefix of ids, which makes it safe
            to repeat a run.
        check: Checks all payloads before the first one is sent; None: they are not checked.
        pace: How fast the calls start; None: at once.
    """
    from fc_async_plugin.operate import task_mode
    from fc_async_plugin.operate.input_lines import lines_of

    ids = _ids(call_options.task_id)
    if ids is not None:
        task_mode.note_if_off(target.client, [target.function], target.qualifier)
    lines = (line for _, line in lines_of(file))
    run = target.client.fan_out(
        target.function,
        _checked(lines, check, pace, target.function),
        task_ids=ids,
        concurrency=call_options.concurrency,
        delay=call_options.delay,
        qualifier=target.qualifier,
        progress=sys.stderr.isatty(),
        pace=pace,
        large=call_options.store(target),
        feed=call_options.feeding(target),
    )
    try:
        outcomes = list(run)
    except KeyboardInterrupt:
        resumed = "run the same command again to go on; it sends nothing twice"
        if ids is None:
            resumed = "without --task-id they cannot be resumed"
        # Nothing is sent before the whole batch is stored.
        sent = "" if call_options.feed else f" after {run.progress.done:,} calls"
        terminal.note(f"interrupted{sent}: {resumed}")
        raise
    failures = sorted(run.failures, key=lambda outcome: outcome.index)
    if call_options.feed is not None:
        _tell_fed(target, call_options, len(outcomes), failures)
    elif call_options.output == "json":
        outcomes.sort(key=lambda outcome: outcome.index)
        terminal.print_json({"invocations": [_as_data(outcome) for outcome in outcomes]})
    else:
        accepted = len(outcomes) - len(failures)
        terminal.print_text(summary(len(outcomes), accepted, run.duplicates))
        _note_failures(failures)
    if call_options.failed is not None:
        _write_failures(failures, call_options.failed, file, call_options.task_id)
    return FAILED if failures else DONE


def _tell_fed(
    target: FunctionTasks, call_options: CallOptions, total: int, failures: Sequence[Outcome]
) -> None:
    """Say how many lines were stored, and when the last one starts."""
    assert call_options.task_id is not None
    handle = target.client.function(target.function, qualifier=target.qualifier)
    status = handle.feed(call_options.task_id).status()
    if call_options.output == "json":
        terminal.print_json(
            {"feed": feeds.as_data(status), "invocations": [_as_data(each) for each in failures]}
        )
        return
    stored = total - len(failures)
    terminal.print_text(f"Stored: {stored:,} of {total:,}; {target.function} sends them to itself.")
    feeds.tell(status)
    _note_failures(failures)


def _note_failures(failures: Sequence[Outcome]) -> None:
    messages = [f"payload {failure.index}: {failure.error}" for failure in failures]
    bulk.print_errors(messages, terminal.note)


def _write_failures(
    failures: Sequence[Outcome], target: str, source: str, task_prefix: str | None
) -> None:
    """Write the lines that were not accepted into a file, also if there is none.

    Args:
        failures: The lines, in the order of the source.
        target: The file that is written.
        source: The file that the lines are from.
        task_prefix: Prefix of the ids of their tasks, if any.
    """
    lines = b"".join(failure.payload + b"\n" for failure in failures)
    Path(target).write_bytes(lines)
    if failures and task_prefix is not None:
        # An id has the number of its line, so a line of this file would get an id of another line.
        terminal.note(
            f"{len(failures):,} lines are in {target}: send them with another --task-id"
            f" than {task_prefix}, whose ids belong to the lines of {source}"
        )


def _checked(
    lines: Iterable[bytes], check: Check | None, pace: Pace | None, function: str
) -> Iterable[bytes]:
    """Check all payloads and say when the last call will start, before anything is sent."""
    if check is None and pace is None:
        return lines
    # All before the first call: a payload in the middle that does not fit must not end a run whose
    # first half was sent.
    payloads = list(lines)
    if check is not None:
        for index, payload in enumerate(payloads):
            check(f"payload {index}", payload)
    if pace is not None and payloads:
        _note_forecast(pace, len(payloads), function)
    return payloads


def _note_forecast(pace: Pace, calls: int, function: str) -> None:
    """Say when the last call will start."""
    forecast = pace.forecast(calls)
    hops = ""
    if forecast.hops:
        hops = f"; {forecast.extra_invocations:,} short invocations more"
    seconds = timedelta(seconds=round(forecast.seconds))
    last = f"{forecast.last.astimezone():%Y-%m-%d %H:%M:%S}"
    terminal.note(
        f"{calls:,} calls of {function}: the last one starts in {seconds}, at {last}{hops}"
    )


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
