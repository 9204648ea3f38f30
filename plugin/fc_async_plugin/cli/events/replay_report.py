# SPDX-License-Identifier: MIT
"""Prints what ``fc-async events replay`` would send, leaves out, and has sent."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

import click

from fc_async_plugin.report import DONE, Format, moments, terminal
from fc_async_plugin.report.moments import plural
from fc_async_plugin.report.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fc_async_plugin.operate.events.selection import Choice, EventGroup
    from fc_async_plugin.operate.redrives.telling import Ran
    from fc_async_sdk.events import DestinationEvent

_COLUMNS: Final = (
    Column("function"),
    Column("condition"),
    Column("events", right=True),
    Column("oldest", optional=2),
    Column("newest", optional=1),
    Column("request id of the newest"),
)
_LEFT_OUT: Final = {
    "succeeded": "of invocations that succeeded",
    "filtered": "that the filters leave out",
    "unreadable": "without a destination event",
}


def tell_choice(choice: Choice, now: int, output: Format) -> None:
    """Print what would be sent and what would not; with JSON only what is an error.

    Args:
        choice: The events.
        now: Milliseconds since the epoch.
        output: Format of the output.
    """
    if output == "text":
        _show(choice, now)
    for function, events, reason in choice.refused:
        terminal.error(
            f"{plural(events, 'event')} of {function} not sent: {reason}. To call it all the same:"
            f" --function {shlex.quote(function)}"
        )


def _show(choice: Choice, now: int) -> None:
    """Print what would be sent, and on stderr what is left out."""
    if choice.chosen:
        rows = (
            [*group[:3], _age(group.oldest, now), _age(group.newest, now), group.example]
            for group in _groups(choice)
        )
        terminal.print_table(_COLUMNS, rows)
    else:
        terminal.note("There is no failed event to send.")
    for reason, count in choice.left_out.items():
        if count:
            terminal.note(f"Left out: {plural(count, 'message')} {_LEFT_OUT[reason]}.")
    if not choice.ended:
        terminal.note(f"There are more: --max {len(choice.chosen)} ends here.")


def _groups(choice: Choice) -> list[EventGroup]:
    from fc_async_plugin.operate.events.selection import groups

    return groups(event for _, event in choice.chosen)


def advise(choice: Choice, output: Format, *, name_functions: bool) -> None:
    """Write which options send what was shown.

    Args:
        choice: The events.
        output: Format of the output; JSON has no advice.
        name_functions: Whether the functions have to be named.
    """
    if output == "json" or not choice.chosen:
        return
    options_to_send = "-y"
    # A file has no destination that says which functions its events are of.
    if name_functions:
        functions = {event.function for _, event in choice.chosen if event.function}
        names = [f"--function {shlex.quote(name)}" for name in sorted(functions)]
        options_to_send = " ".join([*names, "-y"])
    terminal.note(f"Nothing was sent: this was a dry run. Send them with {options_to_send}.")


def _age(at: int | None, now: int) -> str | None:
    if at is None:
        return None
    shown = moments.duration(max(now - at, 0) // 1_000 * 1_000)
    return f"{' '.join(shown.split()[:2])} ago"  # the largest unit


def of_dry_run(choice: Choice) -> Ran:
    """Return what is known of events that were not sent."""
    from fc_async_plugin.operate.redrives.record import Counts
    from fc_async_plugin.operate.redrives.sources import chosen_events
    from fc_async_plugin.operate.redrives.telling import Ran

    # A queue may deliver an event twice: it is one failure.
    chosen = sum(len(failures.ids) for failures in chosen_events(choice))
    return Ran(None, Counts(chosen=chosen), {})


def tell_result(ran: Ran, choice: Choice, failed: list[dict[str, Any]], output: Format) -> None:
    """Print the result; write what failed in this run into a file."""
    from fc_async_plugin.operate.redrives import telling

    file = _write(failed) if failed else None
    more = {
        "groups": [group._asdict() for group in _groups(choice)],
        "leftOut": choice.left_out,
        "refusals": [refusal._asdict() for refusal in choice.refused],
        "failedEvents": failed,
        "failedFile": file and str(file),
    }
    telling.tell(ran, output, more)
    if file is not None:
        terminal.note(f"What failed is in {file}: a source for another replay.")


def as_lines(failed: Iterable[tuple[str, DestinationEvent, str]]) -> list[dict[str, Any]]:
    """Return the events that were not accepted, as lines of a source, with their errors."""
    from fc_async_plugin.operate.events.lines import Shown, as_data

    return [
        {**as_data(Shown(message_id, event)), "error": error} for message_id, event, error in failed
    ]


def _write(failed: list[dict[str, Any]]) -> Path:
    """Write events as lines of JSON into a new private file; return its path."""
    import time

    import msgspec

    from fc_async_sdk import _project_folder

    _project_folder.make_private(_project_folder.EVENTS)
    file = _project_folder.EVENTS / f"failed-{time.time_ns() // 1_000_000}.jsonl"
    with _project_folder.replacing(file) as unfinished:
        unfinished.write_bytes(msgspec.json.Encoder().encode_lines(failed))
    return file


def show_newest(choice: Choice, output: Format) -> int:
    """Print the newest event that would be sent, whole; return the exit code.

    Raises:
        click.ClickException: No event would be sent.
    """
    from fc_async_plugin.deploy import printed
    from fc_async_plugin.operate.events.lines import Shown, as_data

    if not choice.chosen:
        raise click.ClickException("there is no failed event to show")
    message_id, event = max(choice.chosen, key=lambda chosen_event: chosen_event[1].timestamp or 0)
    if output == "json":
        terminal.print_json(as_data(Shown(message_id, event)))
    else:
        printed.print_event(event)
    return DONE
