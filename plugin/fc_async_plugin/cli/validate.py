# SPDX-License-Identifier: MIT
"""``fc-async validate``: reads templates, runs the rules, prints the findings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from fc_async_plugin.cli.options import (
    account_options,
    cost_option,
    env_option,
    prices_option,
    ram_endpoint_option,
    templates_option,
)
from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.rules import Context, Finding


@click.command("validate")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@templates_option
@env_option
@click.option(
    "--live",
    is_flag=True,
    help="Include what only the account has: functions, qualifiers, configuration.",
)
@click.option("--roles", is_flag=True, help="Check the roles of the functions, read from RAM.")
@ram_endpoint_option
@account_options
@click.option(
    "--format",
    "-o",
    "output",
    type=click.Choice(["text", "concise", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="How to print. text has the lines of the template, concise one line for each finding.",
)
@click.option(
    "--select", multiple=True, metavar="RULE", help="Run only these rules (FCA031, or FCA03)."
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="RULE",
    help="Do not run these rules; what cannot be read is reported all the same.",
)
@click.option(
    "--notes", is_flag=True, help="Show notes, too (text; other formats always have them)."
)
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@cost_option
@prices_option
def command(
    *,
    files: tuple[str, ...],
    templates: tuple[str, ...],
    environment: str | None,
    live: bool,
    roles: bool,
    ram_endpoint: str,
    account: Account,
    output: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    notes: bool,
    strict: bool,
    cost: bool,
    prices: str | None,
) -> int:
    """Check templates: syntax, variables, ranges, destinations, cycles. Needs no account.

    Several templates are checked together, because destinations may lead from one to another. Exit
    code 0 means no errors, 1 means errors.

    \b
    Examples:
      fc-async validate
      fc-async validate -t s.yaml --env prod
      fc-async validate orders/s.yaml billing/s.yaml --format sarif > findings.sarif
      fc-async validate --select FCA03
      fc-async validate --live --roles
      fc-async validate --cost
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin import rules
    from fc_async_plugin.account.reading import read_all
    from fc_async_plugin.report import findings as report

    if cost and output in {"sarif", "github"}:
        raise click.UsageError(f"--cost has no place in the format {output}")
    named = [*templates, *files]
    context = read_all(
        named or [None],
        account,
        env=environment,
        deployed=live,
        ram_endpoint=ram_endpoint if roles else None,
    )
    found = rules.check(context, select=select, ignore=ignore)
    costs = _costs(context, prices) if cost else None
    if output == "json":
        click.echo(report.to_json(found, costs.data if costs else {}))
    else:
        _print(found, output, files=len(named) or 1, notes=notes)
        for line in costs.lines if costs else ():
            terminal.tell(line)
    failing = report.counts(found)
    return 1 if failing["error"] or (strict and failing["warning"]) else 0


class _Costs(NamedTuple):
    """Worst cases, as lines, and as further members of the JSON object."""

    lines: list[str]
    data: dict[str, Any]


def _costs(context: Context, file: str | None) -> _Costs:
    from fc_async_plugin.report import costs

    prices = costs.prices_of(file)
    found = costs.of_template(context.functions, context.graph)
    return _Costs(
        ["", *costs.table(found, prices, terminal.width())],
        {"costs": costs.as_data(found, prices)},
    )


def _print(found: list[Finding], output: str, *, files: int, notes: bool) -> None:
    from fc_async_plugin import rules
    from fc_async_plugin.report import findings as report

    if output == "text":
        _print_excerpts(found, files, notes=notes)
    elif output == "concise":
        # Given a file, click writes UTF-8 to a stream that is ASCII.
        click.echo(report.to_text(found, files, notes=notes), file=sys.stdout)
    elif output == "sarif":
        from importlib.metadata import version

        click.echo(report.to_sarif(found, rules.RULES, version("fc-async")))
    elif found:
        terminal.tell(report.to_github(found))


def _print_excerpts(found: list[Finding], files: int, *, notes: bool) -> None:
    from fc_async_plugin.report import findings as report
    from fc_async_plugin.template.files import source_lines

    terminal.print_parts(
        report.to_lines(found, files, source_lines(), width=terminal.width(), notes=notes)
    )
