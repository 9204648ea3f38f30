# SPDX-License-Identifier: MIT
"""``fc-async pause``: lets no asynchronous call of a function begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, moments, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.pausing import Paused


@click.command()
@options.function_argument
@options.yes_option
@options.place_options
@options.format_option
def command(*, function: str, yes: bool, where: Where, output: Format) -> None:
    """Let no asynchronous call of FUNCTION begin until it is resumed. What runs goes on.

    In a local runtime calls are accepted and wait; one that reaches its maximum age is expired.
    Synchronous calls are not held. The pause is kept over restarts and deployments.

    In an account the reserved concurrency becomes 0, and a tag of the function keeps the value
    before. Waiting calls are throttled and retried by the service until five hours or their
    maximum age have passed; synchronous calls are refused. It asks first, unless -y is given.

    \b
    Examples:
      fc-async pause orders
      fc-async pause orders --endpoint http://127.0.0.1:9900
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    import msgspec

    from fc_async_plugin.account import connection, suggestions
    from fc_async_plugin.operate import metrics, pausing

    with connection.named_functions((function,), where) as (account, [(client, [name])]):
        with suggestions.for_function(function, (), client):
            paused = pausing.pause(
                name, client, account, lambda text: terminal.confirm(text, yes=yes)
            )
        now = metrics.now_of(client)
    terminal.print_json_or_text(output, msgspec.to_builtins(paused), _text(paused, now))


def _text(paused: Paused, now: int) -> str:
    since = moments.short_time(paused.since, now)
    if paused.before:
        text = f"{paused.function} is paused since {since} already"
    else:
        text = f"{paused.function} is paused"
    if paused.waiting is not None:
        text += f"; {moments.plural(paused.waiting, 'call')} due"
    return f"{text}. It goes on with: fc-async resume {paused.function}"
