# SPDX-License-Identifier: MIT
"""Prints the numbers of a redrive, for all commands that send failures again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from fc_async_plugin.report import DONE, FAILED, PARTLY, bulk, moments, terminal
from fc_async_plugin.report.moments import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_plugin.operate.redrives.record import Counts, Head
    from fc_async_plugin.report import Format


class Ran(NamedTuple):
    """A redrive after a run of it, or what a dry run knows.

    Attributes:
        head: Its row; None in a dry run.
        counts: Its numbers.
        errors: Why the service did not accept some failures, by id.
        beyond: Number of failures beyond the limit, which were not chosen.
        not_kept: Number of failures without a payload, which cannot be chosen.
    """

    head: Head | None
    counts: Counts
    errors: Mapping[str, str]
    beyond: int = 0
    not_kept: int = 0

    @property
    def exit_code(self) -> int:
        """0: all was accepted; 1: something failed or was refused; 3: something is left."""
        if self.counts.failed or self.counts.refused:
            return FAILED
        return PARTLY if self.counts.left or self.beyond else DONE


def tell(ran: Ran, output: Format, more: Mapping[str, Any]) -> None:
    """Print what became of the failures of a redrive.

    Args:
        ran: The redrive.
        output: Format of the output.
        more: Further fields of the JSON object.
    """
    if output == "json":
        terminal.print_json({**as_data(ran), **more})
    elif ran.counts.chosen and ran.head is not None:
        terminal.print_text(summary(ran.counts))
    tell_problems(ran)
    if ran.head is not None and output == "text":
        redrive = ran.head.redrive
        terminal.note(f"This was redrive {redrive}; what became of it: fc-async redrives show")


def tell_problems(ran: Ran) -> None:
    """Print on stderr what was not sent, and why."""
    _tell_left(ran)
    if ran.beyond:
        terminal.note(f"There are more: {plural(ran.beyond, 'failure')} beyond --max.")
    if ran.not_kept:
        terminal.note(f"Not possible: {plural(ran.not_kept, 'failure')} without a payload.")
    bulk.print_errors([f"{failure}: {text}" for failure, text in ran.errors.items()])


def _tell_left(ran: Ran) -> None:
    if not ran.counts.left:
        return
    left = plural(ran.counts.left, "failure")
    if ran.head is None or ran.head.state == "ended":
        terminal.note(f"Left: {left}, sent again or removed before, or held by another reader.")
        return
    resume = f"fc-async redrives resume {ran.head.redrive}"
    states = {
        "paused": f"it was paused. Go on with: {resume}",
        "stopped": "it was stopped",
        "running": "another process has taken it over",
    }
    terminal.note(f"Left: {left}; {states[ran.head.state]}")


def as_data(ran: Ran) -> dict[str, Any]:
    """Return a redrive as a JSON object."""
    return {
        "dryRun": ran.head is None,
        "redrive": ran.head.redrive if ran.head else None,
        **msgspec.to_builtins(ran.counts),
        "beyond": ran.beyond,
        "notKept": ran.not_kept,
        "errors": [{"id": failure, "error": text} for failure, text in ran.errors.items()],
    }


def summary(counts: Counts) -> str:
    """Return the numbers of what was sent as a sentence."""
    text = moments.summary(counts.chosen, counts.accepted, counts.accepted_before, counts.failed)
    if counts.refused:
        text = f"{text[:-1]}; {counts.refused:,} refused."
    return text


def ends(counts: Counts) -> str:
    """Return what became of what was sent as a sentence."""
    unknown = counts.accepted - counts.succeeded_again - counts.failed_again
    text = f"Of these: {counts.succeeded_again:,} succeeded, {counts.failed_again:,} failed again"
    return f"{text}, {unknown:,} not ended or not known."
