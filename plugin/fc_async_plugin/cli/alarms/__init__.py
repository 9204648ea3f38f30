# SPDX-License-Identifier: MIT
"""``fc-async alarms``: prints alarm rules for the functions of a template, and checks them."""

from __future__ import annotations

import functools
from itertools import groupby
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.alarms import check
from fc_async_plugin.report import tables, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.check.conditions import History, Rule
    from fc_async_plugin.s_yaml.model import Resource


@click.command(cls=options.CommandWithParts, parts={"check": check.command})
@options.resources_argument
@click.option(
    "--since",
    "history",
    metavar="TIME",
    help="Read how often the functions ran and failed since then, such as 7d, and derive the"
    " threshold of errors from it.",
)
@click.option(
    "--contact-group",
    "groups",
    metavar="NAME",
    multiple=True,
    help="Contact group of CloudMonitor that gets the alarms; may be given several times.",
)
@options.place_options
@click.option(
    "--format",
    "-o",
    "output",
    type=click.Choice(["text", "json", "terraform", "ros"]),
    default="text",
    help="json: requests of CloudMonitor's API. terraform: a file alarms.tf.json. ros: a template.",
)
def command(
    *,
    resources: tuple[str, ...],
    history: str | None,
    groups: tuple[str, ...],
    where: Where,
    output: str,
) -> None:
    """Print alarm rules for functions (backlog, age, expired, errors) and their failure queues.

    Thresholds follow from the numbers of the template, and each rule says how. Sends no request
    without --since. fc-async alarms check evaluates the rules itself.

    \b
    Examples:
      fc-async alarms
      fc-async alarms --since 7d
      fc-async alarms --contact-group oncall -o terraform > alarms.tf.json
      fc-async alarms orders --contact-group oncall -o ros
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.account.connection import watched_functions
    from fc_async_plugin.check import conditions
    from fc_async_plugin.operate import alarms

    if output != "text" and not groups:
        raise click.UsageError(f"-o {output} needs a --contact-group NAME, which gets the alarms")
    account, functions = watched_functions(resources, where)
    histories = None
    if history is not None:
        histories = _histories(functions, where._replace(account=account), history)
    rules = conditions.rules_of(functions, histories)
    if output == "text":
        _show(rules)
    else:
        write = {"json": alarms.requests, "terraform": alarms.terraform, "ros": alarms.ros}[output]
        terminal.print_json(write(rules, groups))
    for function in conditions.without_errors(functions, rules):
        terminal.note(
            f"{function} has no rule for errors: the attempts of one invocation may be hours apart."
            " What it loses for good is expired, not delivered, or waits in its failure queue."
        )


def _histories(
    functions: Sequence[Resource], where: Where, since: str
) -> dict[tuple[str, str], History]:
    from fc_async_plugin.operate import rounds

    begins = functools.partial(options.beginning, "--since", since)
    with rounds.clients_of(functions, where.account) as clients:
        return rounds.histories(functions, clients, where.account, begins, since)


def _show(rules: Sequence[Rule]) -> None:
    width = terminal.width()
    room = None if width is None else width - 2
    for subject, rules_of_subject in groupby(rules, key=_heading):
        terminal.print_text(subject, bold=True)
        for rule in rules_of_subject:
            text = f"{_shown(rule)}: {rule.reason}"
            for line in tables.wrapped(text, room, whole=False):
                terminal.print_text(f"  {line}")


def _heading(rule: Rule) -> str:
    return f"queue {rule.subject}" if rule.condition.is_of_queue else rule.subject


def _shown(rule: Rule) -> str:
    """Return a condition in words, such as ``errors: 3 or more in 300 s``."""
    from fc_async_sdk.spec.metrics import METRICS

    condition = rule.condition
    if not condition.metric:
        return f"{condition.name} {rule.threshold:,} s or more (alarms check alone)"
    metric = METRICS.get(condition.metric)
    unit = " ms" if metric is not None and metric.unit == "ms" else ""
    span = (
        f"{condition.period} s"
        if condition.times == 1
        else f"{condition.times} x {condition.period} s"
    )
    return f"{condition.name} {rule.threshold:,}{unit} or more in {span}"
