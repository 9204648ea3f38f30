# SPDX-License-Identifier: MIT
"""``fc-async resume``: ends the pause of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, moments, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.pausing import Resumed


@click.command()
@options.function_argument
@click.option(
    "--at",
    "rate",
    metavar="RATE",
    help="How fast the calls start that waited, such as 25/s or 1/10s.  [default: at once]",
)
@options.place_options
@options.format_option
def command(*, function: str, rate: str | None, where: Where, output: Format) -> None:
    """End the pause of FUNCTION: what waited starts, at once or at a rate.

    The rate is that of the calls that waited: new calls start beside them. A second resume
    changes it. A pause stops it, and what is left waits again.

    In an account the reserved concurrency becomes what it was before the pause. --at is refused
    there: the service starts each waiting call at its next retry.

    \b
    Examples:
      fc-async resume orders
      fc-async resume orders --at 25/s
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    import msgspec

    from fc_async_plugin.account import connection, suggestions
    from fc_async_plugin.operate import pausing
    from fc_async_sdk._pacing import gcra

    interval_us = gcra.interval_of(rate) if rate is not None else 0
    with (
        connection.named_functions((function,), where) as (account, [(client, [name])]),
        suggestions.for_function(function, (), client),
    ):
        resumed = pausing.resume(name, client, account, interval_us)
    text = _text(resumed, rate)
    terminal.print_json_or_text(output, msgspec.to_builtins(resumed), text)


def _text(resumed: Resumed, rate: str | None) -> str:
    if not resumed.was_paused:
        return f"{resumed.function} is not paused."
    if resumed.waiting is None:
        reserved = resumed.reserved_concurrency
        was = "deleted" if reserved is None else f"{reserved} again"
        return f"{resumed.function} goes on; its reserved concurrency is {was}."
    how = "at once" if rate is None else f"at {rate}"
    waited = moments.plural(resumed.waiting, "call")
    return f"{resumed.function} goes on; {waited} that waited start {how}."
