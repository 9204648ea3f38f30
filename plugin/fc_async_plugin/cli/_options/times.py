# SPDX-License-Identifier: MIT
"""Options that name moments, and how fast calls start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fc_async_sdk.pacing import Pace


def moment(text: str, now: int) -> int:
    """Return the moment that a person names, in milliseconds since the epoch.

    Raises:
        click.UsageError: It is neither a time nor a duration back from now.
    """
    from fc_async_plugin.operate import metrics

    try:
        return metrics.time_of(text, now)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def beginning(option: str, text: str, now: int, *, end: tuple[str, str | None] = ("", None)) -> int:
    """Return the moment that an option names as the beginning of a time, in milliseconds.

    Args:
        option: Name of the option.
        text: Its value.
        now: The present, milliseconds since the epoch.
        end: Name and value of the option for the end; without a value the time ends now.

    Raises:
        click.UsageError: A value is not a time, or the time ends before it begins.
    """
    begin = moment(text, now)
    name, last = end
    # The service does not say what its API does with such a range, and an empty table would look
    # as if nothing had happened.
    if begin > (now if last is None else moment(last, now)):
        raise click.UsageError(
            f"{option} {text} is later than {'now' if last is None else f'{name} {last}'}: "
            f"use an earlier {option} (5m is 5 minutes ago)"
        )
    return begin


def _pace(_: click.Context, __: click.Parameter, rate: str | None) -> Pace | None:
    from fc_async_sdk.pacing import Pace

    return None if rate is None else Pace("replay", rate)


rate_option = click.option(
    "--rate",
    "pace",
    metavar="RATE",
    callback=_pace,
    help="How fast the calls start, such as 25/s or 1/10s; the last one within an hour.",
)
