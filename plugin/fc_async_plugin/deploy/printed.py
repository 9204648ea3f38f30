# SPDX-License-Identifier: MIT
"""Prints what several commands print: a plan, a task, a destination event."""

from __future__ import annotations

import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.deploy.plan import report as plan_report
from fc_async_plugin.report import moments, payloads, tasks, terminal
from fc_async_sdk.waiters import VirtualClockStopped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fc_async_plugin.deploy.plan import Plan
    from fc_async_plugin.report import Format
    from fc_async_sdk import AsyncTask
    from fc_async_sdk.events import DestinationEvent


def print_plan(
    plan: Plan,
    output: Format,
    *,
    holder: str,
    nothing: str | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Print a plan to stdout, and its obstacles to stderr.

    Args:
        plan: The plan.
        output: Format of the output.
        holder: What has the functions, in words: ``the account``.
        nothing: What an empty plan means; None: the holder has what the plan covers.
        more: Further members of the JSON object.
    """
    if output == "json":
        terminal.print_json({**plan_report.as_data(plan), **(more or {})})
    else:
        terminal.print_changes(plan_report.lines(plan, holder))
        if plan.changes:
            click.echo(f"\n{plan_report.summary(plan.steps)}.")
        elif not plan.obstacles:
            click.echo(nothing or plan_report.nothing_to_do(plan, holder))
    for obstacle in plan.obstacles:
        terminal.error(obstacle)


def print_task(
    task: AsyncTask, output: Format, times: tasks.Times, printed: tasks.Printed | None = None
) -> None:
    """Print one task, as text with what its attempt that runs has printed."""
    if output == "json":
        terminal.print_json(task.to_dict())
        return
    for line, heading in tasks.detail(task, times, width=terminal.width(), printed=printed or {}):
        terminal.print_text(line, bold=heading)


@contextmanager
def noting_a_stopped_clock() -> Iterator[None]:
    """Say on stderr that a wait lasts until the virtual clock of the runtime is moved."""

    def note(*_: object, **__: object) -> None:
        terminal.note(
            "The clock of this runtime is virtual and stands still: a task that is due later ends "
            f"when it is moved {VirtualClockStopped.moving}."
        )

    with warnings.catch_warnings():
        warnings.simplefilter("always", VirtualClockStopped)
        warnings.showwarning = note
        yield


def print_event(event: DestinationEvent) -> None:
    """Print a destination event with its payloads, and an empty line after it."""
    mark, colour = ("✔", "green") if event.succeeded else ("✘", "red")
    why = "" if event.succeeded else f" {payloads.outcome_of(event)}"
    tries = f", {event.attempts} attempts" if event.retried else ""
    when = moments.short_time(event.timestamp, time.time_ns() // 1_000_000)
    terminal.print_text(f"{mark} {event.function}{why}{tries}", colour=colour)
    terminal.print_text(f"  {'time':<11}{when or '-'}")
    terminal.print_text(f"  {'request id':<11}{event.request_id}")
    for line in payloads.event_lines(event, terminal.width()):
        terminal.print_text(line)
    terminal.print_text("")
