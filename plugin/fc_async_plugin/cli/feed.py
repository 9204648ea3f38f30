# SPDX-License-Identifier: MIT
"""``fc-async feed``: shows how far a batch is that a function sends to itself, and changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, Format, feeds, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where

    Change = Literal["pause", "resume", "stop"]


@click.command()
@options.function_argument
@click.argument("name")
@click.option("--pause", "change", flag_value="pause", help="Send nothing more until --resume.")
@click.option(
    "--resume", "change", flag_value="resume", help="Go on after --pause, or after a failure."
)
@click.option(
    "--stop", "change", flag_value="stop", help="End it. What was sent starts in its slots."
)
@options.flag("--wait", help="Wait until all messages are sent.")
@options.where_options
@options.format_option
def command(
    *,
    function: str,
    name: str,
    change: Change | None,
    wait: bool,
    where: Where,
    output: Format,
) -> int:
    """Show how far the feed NAME of FUNCTION is, or change it.

    A feed is a batch that a function sends to itself: NAME is the --task-id of fc-async invoke
    --lines FILE --feed STORE, or the task_ids of map(…, feed=store). Each look is a short call of
    the function.

    \b
    Examples:
      fc-async feed contacts nightly
      fc-async feed contacts nightly --pause
      fc-async feed contacts nightly --resume
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.operate.tasks import tasks_of

    if wait and change in {"pause", "stop"}:
        raise click.UsageError(f"--wait goes without --{change}: nothing more is sent")
    with tasks_of(function, where) as target:
        feed = target.client.function(target.function, qualifier=target.qualifier).feed(name)
        verbs = {
            None: feed.status,
            "pause": feed.pause,
            "resume": feed.resume,
            "stop": feed.stop,
        }
        status = verbs[change]()
        if wait:
            status = feed.wait()
    if output == "json":
        terminal.print_json(feeds.as_data(status))
    else:
        feeds.tell(status)
    # After --wait, a feed that was stopped meanwhile has not sent all.
    return FAILED if wait and status.left else DONE
