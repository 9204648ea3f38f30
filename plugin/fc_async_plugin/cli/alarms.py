# SPDX-License-Identifier: MIT
"""``fc-async alarms``: prints alarm rules for the functions of a template."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import tables, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.check.conditions import Rule


@click.command()
@options.resources_argument
@click.option(
    "--contact-group",
    "groups",
    metavar="NAME",
    multiple=True,
    help="Contact group of CloudMonitor that gets the alarms; may be given several times.",
)
@options.typed_place_options
@click.option(
    "--format",
    "-o",
    "output",
    type=click.Choice(["text", "json", "terraform", "ros"]),
    default="text",
    help="json: requests of CloudMonitor's API. terraform: a file alarms.tf.json. ros: a template.",
)
def command(
    *, resources: tuple[str, ...], groups: tuple[str, ...], where: Where, output: str
) -> None:
    """Print alarm rules for backlog, age, expired, errors and destination errors.

    Thresholds follow from the numbers of the template, and each rule says how. Sends no request.

    \b
    Examples:
      fc-async alarms
      fc-async alarms --contact-group oncall -o terraform > alarms.tf.json
      fc-async alarms orders --contact-group oncall -o ros
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.account.connection import rules_of_template
    from fc_async_plugin.operate import alarms

    if output != "text" and not groups:
        raise click.UsageError(f"-o {output} needs a --contact-group NAME, which gets the alarms")
    _, rules = rules_of_template(resources, where)
    if output == "text":
        width = terminal.width()
        room = None if width is None else width - 2
        for function, rules_of_function in groupby(rules, key=lambda rule: rule.function):
            terminal.print_text(function, bold=True)
            for rule in rules_of_function:
                text = f"{_shown(rule)}: {rule.reason}"
                for line in tables.wrapped(text, room, whole=False):
                    terminal.print_text(f"  {line}")
        return
    write = {"json": alarms.requests, "terraform": alarms.terraform, "ros": alarms.ros}[output]
    terminal.print_json(write(rules, groups))


def _shown(rule: Rule) -> str:
    """Return a condition in words, such as ``errors: 3 or more in 300 s``."""
    from fc_async_sdk.spec.metrics import METRICS

    condition = rule.condition
    unit = " ms" if METRICS[condition.metric].unit == "ms" else ""
    span = (
        f"{condition.period} s"
        if condition.times == 1
        else f"{condition.times} x {condition.period} s"
    )
    return f"{condition.name} {rule.threshold:,}{unit} or more in {span}"
