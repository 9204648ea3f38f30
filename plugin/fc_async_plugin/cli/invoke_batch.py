# SPDX-License-Identifier: MIT
"""One call for every line of a file: ``--batch`` and ``--rate`` of ``fc-async invoke``."""

from __future__ import annotations

import contextlib
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from fc_async_plugin.report import DONE, FAILED, Format, terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fc_async_plugin.tasks import FunctionTasks
    from fc_async_sdk.fanout import Outcome
    from fc_async_sdk.pacing import Pace

    Check = Callable[[str, bytes], None]
    """Raises InvalidParameter for a payload that does not fit."""


class Batch(NamedTuple):
    """One call for every line of a file.

    Attributes:
        file: One payload per line; - is stdin. Empty lines are skipped.
        task_ids: Prefix of the task ids, which makes it safe to repeat a run; None: no ids.
        concurrency: Number of requests at the same time.
        delay: Seconds, or None.
        check: Checks all payloads before the first one is sent; None: they are not checked.
        pace: How fast the calls start; None: at once.
        failed: File for the lines that were not accepted; None: none is written.
    """

    file: str
    task_ids: str | None
    concurrency: int
    delay: int | None
    check: Check | None = None
    pace: Pace | None = None
    failed: str | None = None


def send(target: FunctionTasks, batch: Batch, output: Format) -> int:
    """Call a function once for every line, and print the result."""
    outcomes: list[Outcome] = []
    with _lines(batch.file) as lines:
        payloads: Iterable[str] = lines
        if batch.check is not None or batch.pace is not None:
            payloads = _checked(lines, batch.check)
            _tell_forecast(batch.pace, payloads, target)
        run = target.client.fan_out(
            target.function,
            payloads,
            task_ids=batch.task_ids,
            concurrency=batch.concurrency,
            delay=batch.delay,
            qualifier=target.qualifier,
            progress=sys.stderr.isatty(),
            pace=batch.pace,
        )
        try:
            outcomes = list(run)
        except KeyboardInterrupt:
            _tell_interruption(run.progress.done, batch)
            raise
    failures = sorted(run.failures, key=lambda one: one.index)
    if output == "json":
        outcomes.sort(key=lambda one: one.index)
        terminal.print_json({"invocations": [_as_data(one) for one in outcomes]})
    else:
        again = f", {run.duplicates} of them before" if run.duplicates else ""
        click.echo(f"Accepted: {len(outcomes) - len(failures)} of {len(outcomes)}{again}.")
        for one in failures:
            terminal.note(f"payload {one.index}: {one.error}")
    if batch.failed is not None:
        _write_failed(batch, [one.payload for one in failures])
    return FAILED if failures else DONE


def _checked(lines: Iterable[str], check: Check | None) -> list[str]:
    payloads = list(lines)
    for index, payload in enumerate(payloads if check is not None else ()):
        assert check is not None
        check(f"payload {index}", payload.encode())
    return payloads


def _tell_forecast(pace: Pace | None, payloads: list[str], target: FunctionTasks) -> None:
    """Say when the last call will start, before anything is sent."""
    if pace is None or not payloads:
        return
    seen = pace.forecast(len(payloads))
    hops = f"; {seen.extra_invocations:,} short invocations more" if seen.hops else ""
    last = f"{seen.last.astimezone():%Y-%m-%d %H:%M:%S}"
    text = f"{len(payloads):,} calls of {target.function}: the last one starts"
    terminal.note(f"{text} in {timedelta(seconds=round(seen.seconds))}, at {last}{hops}")


def _tell_interruption(done: int, batch: Batch) -> None:
    if batch.task_ids is None:
        terminal.note(f"interrupted after {done:,} calls; without --task-id they cannot be resumed")
    else:
        terminal.note(
            f"interrupted after {done:,} calls: the same command goes on, and sends nothing twice"
        )


def _write_failed(batch: Batch, lines: list[str]) -> None:
    """Write the lines that were not accepted; an empty file if all were."""
    assert batch.failed is not None
    Path(batch.failed).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if lines and batch.task_ids is not None:
        text = f"{len(lines):,} lines are in {batch.failed}: send them with another --task-id"
        terminal.note(
            f"{text} than {batch.task_ids}, whose ids belong to the lines of {batch.file}"
        )


@contextlib.contextmanager
def _lines(file: str) -> Iterator[Iterator[str]]:
    source: contextlib.AbstractContextManager[Any] = (
        contextlib.nullcontext(sys.stdin) if file == "-" else Path(file).open(encoding="utf-8")  # noqa: SIM115 -- closed by the with below
    )
    with source as opened:
        yield (line.rstrip("\r\n") for line in opened if line.strip())


def _as_data(outcome: Outcome) -> dict[str, Any]:
    accepted = outcome.accepted
    return {
        "index": outcome.index,
        "taskId": outcome.task_id or None,
        "requestId": accepted.request_id if accepted else None,
        "duplicate": accepted.duplicate if accepted else False,
        "error": str(outcome.error) if outcome.error else None,
    }
