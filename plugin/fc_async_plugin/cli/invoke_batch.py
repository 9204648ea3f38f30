# SPDX-License-Identifier: MIT
"""One call for every line of a file: ``--batch`` and ``--rate`` of ``fc-async invoke``."""

from __future__ import annotations

import contextlib
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fc_async_plugin.report import DONE, FAILED, replays, terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fc_async_plugin.cli.invoke_http import HttpOptions
    from fc_async_plugin.report import Format
    from fc_async_plugin.tasks import FunctionTasks
    from fc_async_sdk.fanout import Outcome
    from fc_async_sdk.pacing import Pace

    Check = Callable[[str, bytes], None]
    """Raises InvalidParameter for a payload that does not fit."""


class Choices(NamedTuple):
    """The options of ``fc-async invoke`` that say how the function is called."""

    asynchronous: bool
    delay: int | None
    task_id: str | None
    wait: bool
    batch: str | None
    rate: str | None
    max_hops: int
    failed: str | None
    concurrency: int
    http: HttpOptions
    raw: bool
    output: Format

    @property
    def needs_async(self) -> bool:
        """True if an option was given that only an asynchronous call has."""
        return (
            self.delay is not None
            or self.task_id is not None
            or self.wait
            or self.batch is not None
            or self.rate is not None
        )


def send(
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
    outcomes: list[Outcome] = []
    with _lines(file) as lines:
        run = target.client.fan_out(
            target.function,
            _looked_at(lines, check, pace, target.function),
            task_ids=choices.task_id,
            concurrency=choices.concurrency,
            delay=choices.delay,
            qualifier=target.qualifier,
            progress=sys.stderr.isatty(),
            pace=pace,
        )
        try:
            outcomes = list(run)
        except KeyboardInterrupt:
            resumed = "the same command goes on, and sends nothing twice"
            if choices.task_id is None:
                resumed = "without --task-id they cannot be resumed"
            terminal.note(f"interrupted after {run.progress.done:,} calls: {resumed}")
            raise
    failures = sorted(run.failures, key=lambda one: one.index)
    if choices.output == "json":
        outcomes.sort(key=lambda one: one.index)
        terminal.print_json({"invocations": [_as_data(one) for one in outcomes]})
    else:
        accepted = len(outcomes) - len(failures)
        terminal.tell(replays.summary(len(outcomes), accepted, run.duplicates))
        for one in failures:
            terminal.note(f"payload {one.index}: {one.error}")
    if choices.failed is not None:
        refused = [one.payload for one in failures]
        Path(choices.failed).write_text("".join(f"{one}\n" for one in refused), encoding="utf-8")
        if refused and choices.task_id is not None:
            terminal.note(
                f"{len(refused):,} lines are in {choices.failed}: send them with another --task-id "
                f"than {choices.task_id}, whose ids belong to the lines of {file}"
            )
    return FAILED if failures else DONE


def _looked_at(
    lines: Iterable[str], check: Check | None, pace: Pace | None, function: str
) -> Iterable[str]:
    """Check all payloads and say when the last call will start, before anything is sent."""
    if check is None and pace is None:
        return lines
    payloads = list(lines)
    if check is not None:
        for index, payload in enumerate(payloads):
            check(f"payload {index}", payload.encode())
    if pace is not None and payloads:
        seen = pace.forecast(len(payloads))
        hops = f"; {seen.extra_invocations:,} short invocations more" if seen.hops else ""
        last = f"{seen.last.astimezone():%Y-%m-%d %H:%M:%S}"
        text = f"{len(payloads):,} calls of {function}: the last one starts"
        terminal.note(f"{text} in {timedelta(seconds=round(seen.seconds))}, at {last}{hops}")
    return payloads


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
