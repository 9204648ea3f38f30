# SPDX-License-Identifier: MIT
"""``fc-async pace``: shows, holds, releases and resets a pace in its store."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, moments, terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fc_async_sdk.pacing import Pace

_SECOND = 1_000_000
"""Microseconds."""


@click.group(cls=options.Group)
def command() -> None:
    """Show, hold, release or reset a pace.

    \b
    Examples:
      fc-async pace show crm --store sqlite:///paces.db
      fc-async pace hold crm --seconds 600 --store sqlite:///paces.db
      fc-async pace release crm --store sqlite:///paces.db
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


def _pace_options(function: Callable[..., Any]) -> Callable[..., Any]:
    decorators = (
        click.argument("name"),
        click.option(
            "--store",
            metavar="URL",
            required=True,
            envvar="FC_ASYNC_PACE_STORE",
            help="Where the pace is: sqlite:///FILE, redis://HOST, postgresql://USER@HOST/NAME, "
            "mysql://USER@HOST/NAME.  [env: FC_ASYNC_PACE_STORE]",
        ),
        click.option("--key", metavar="KEY", help="Of a pace with keys: which one."),
        click.option(
            "--table",
            metavar="NAME",
            help="Table of the store, or prefix of its keys in Redis.  [default: that of the SDK]",
        ),
        options.format_option,
    )
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


@command.command("show")
@_pace_options
def show_command(name: str, store: str, key: str | None, table: str | None, output: Format) -> None:
    """Show when a message of NAME that is sent now starts, and until when NAME is held.

    \b
    Examples:
      fc-async pace show crm --store sqlite:///paces.db
      fc-async pace show shop --key shop-7 --store sqlite:///paces.db -o json
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    with _opened(name, store, table) as pace:
        _show(pace, key, output)


@command.command("hold")
@_pace_options
@click.option(
    "--seconds",
    type=click.FloatRange(min=1, max=604_800),
    required=True,
    metavar="N",
    help="From now: 1 to 604800.",
)
def hold_command(
    name: str, store: str, key: str | None, table: str | None, output: Format, seconds: float
) -> None:
    """Start no message of NAME for some seconds.

    What was sent before is held, too, if the handler has the pace.

    \b
    Example:
      fc-async pace hold crm --seconds 600 --store sqlite:///paces.db
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    with _opened(name, store, table) as pace:
        pace.hold(seconds=seconds, key=key)
        _show(pace, key, output)


@command.command("release")
@_pace_options
def release_command(
    name: str, store: str, key: str | None, table: str | None, output: Format
) -> None:
    """End the hold of NAME.

    Messages that were moved behind the hold keep their slots.

    \b
    Example:
      fc-async pace release crm --store sqlite:///paces.db
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    with _opened(name, store, table) as pace:
        pace.resume(key=key)
        _show(pace, key, output)


@command.command("reset")
@_pace_options
def reset_command(
    name: str, store: str, key: str | None, table: str | None, output: Format
) -> None:
    """Forget all bookings and holds of NAME.

    Messages that were sent keep their slots, so more may start than the rate allows until the last
    of them has.

    \b
    Example:
      fc-async pace reset crm --store sqlite:///paces.db
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    with _opened(name, store, table) as pace:
        pace.reset(key=key)
        _show(pace, key, output)


@contextmanager
def _opened(name: str, url: str, table: str | None) -> Iterator[Pace]:
    from fc_async_plugin.operate import pace_stores
    from fc_async_sdk.pacing import Pace

    with pace_stores.opened(url, table) as store:
        # The rate is not in the store, and nothing is booked here.
        yield Pace(name, 1, store=store)


def _show(pace: Pace, key: str | None, output: Format) -> None:
    now = pace.now()
    next_start = round(pace.forecast(1, key=key, now=now).first.timestamp() * 1_000)
    held_until = pace.held_until(key=key, now=now)
    is_held = held_until > now
    waits = next_start - now // 1_000
    data = {
        "pace": pace.name,
        "key": key,
        "nextStart": moments.full_time(next_start),
        "waitSeconds": max(0, waits) / 1_000,
        "heldUntil": moments.full_time(held_until // 1_000) if is_held else None,
    }
    shown = pace.name if key is None else f"{pace.name} of {key}"
    if is_held:
        end = moments.short_time(held_until // 1_000, round(time.time() * 1_000))
        text = f"{shown} is held until {end}."
    else:
        text = f"{shown} is not held."
    wait = "now" if waits <= 0 else f"in {moments.duration(waits)}"
    terminal.print_json_or_text(output, data, f"{text} A message that is sent now starts {wait}.")
