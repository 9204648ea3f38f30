# SPDX-License-Identifier: MIT
"""``fc-async validate``: reads templates, runs the rules, prints the findings."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.check.rules import Context, Finding
    from fc_async_plugin.project.lack import Lack


_LOOKED_FOR: Final = frozenset(("function", "timer", "http"))
"""Kinds of nodes that the account has or that need nothing there; of queues, those of failures."""


class _Read(NamedTuple):
    """The options that say what is read."""

    files: tuple[str, ...]
    templates: tuple[str, ...]
    environment: str | None
    live: bool
    roles: bool
    ram_endpoint: str
    account: Account

    def context(self) -> Context:
        """Return the templates, with what the account has if an option asks for it."""
        from fc_async_plugin.account.live import read_all

        return read_all(
            [*self.templates, *self.files] or [None],
            self.account,
            env=self.environment,
            deployed=self.live,
            ram_endpoint=self.ram_endpoint if self.roles else None,
        )


_read = options.gathered(
    "read",
    _Read,
    click.argument("files", nargs=-1, metavar="[FILE]..."),
    options.templates_option,
    options.env_option,
    options.flag(
        "--live",
        help="Include what only the account has: functions, qualifiers, configuration, and how long"
        " failure queues keep messages; not topics, event buses and buckets.",
    ),
    options.flag("--roles", help="Check the roles of the functions, read from RAM."),
    options.ram_endpoint_option,
    options.account_options,
)


@click.command("validate")
@_read
@click.option(
    "--format",
    "-o",
    "output",
    type=click.Choice(["text", "concise", "json", "sarif", "github", "markdown"]),
    default="text",
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
@options.flag("--notes", help="Show notes, too (text; other formats always have them).")
@options.flag("--strict", help="Fail on warnings, too.")
@options.cost_option
@options.prices_option
@click.option(
    "--explain",
    metavar="[RULE]",
    is_flag=False,
    flag_value="",
    shell_complete=lambda *_: _rules(),
    help="Check nothing: show a rule with its examples, or list all (-o text, json, markdown).",
)
@options.flag("--schema", help="Check nothing: print the JSON Schema of s.yaml, for editors.")
@options.flag(
    "--props", help="With --schema: only the part for a resource's props, as s verify takes it."
)
def command(
    *,
    read: _Read,
    output: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    notes: bool,
    strict: bool,
    cost: bool,
    prices: str | None,
    explain: str | None,
    schema: bool,
    props: bool,
) -> int:
    """Check templates: syntax, variables, ranges, destinations, cycles. Needs no account.

    Several templates are checked together, because destinations may lead from one to another. Exit
    code 0 means no errors, 1 means errors.

    \b
    Examples:
      fc-async validate
      fc-async validate -t s.yaml --env prod
      fc-async validate orders/s.yaml billing/s.yaml -o sarif > findings.sarif
      fc-async validate --select FCA03
      fc-async validate --live --roles
      fc-async validate --cost
      fc-async validate --explain FCA031
      fc-async validate --schema > s.schema.json
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.check import rules
    from fc_async_plugin.report import costs
    from fc_async_plugin.report import findings as report

    if _shows_rules(explain, output, schema=schema, props=props):
        return DONE
    if cost and output in {"sarif", "github"}:
        raise click.UsageError(f"--cost has no place in the format {output}")
    context = read.context()
    findings = rules.check(context, select=select, ignore=ignore)
    if read.live:
        _note_unread(context)
    table = costs.prices_of(prices)
    worst = costs.of_template(context.functions, context.graph) if cost else None
    if output == "json":
        more: dict[str, Any] = {"lacks": [lack._asdict() for lack in _lacks(context)]}
        if worst is not None:
            more["costs"] = costs.as_data(worst, table)
        click.echo(report.to_json(findings, more))
    else:
        # Without a FILE and -t, the template of this folder is checked: one file.
        files = len({*read.templates, *read.files}) or 1
        _print(findings, output, files=files, notes=notes)
        if worst:
            terminal.print_text("")
            terminal.print_table_lines(costs.table(worst, table, terminal.width()))
    # A user who chose rules asks for these rules only.
    if output == "text" and (notes or not select):
        _tell_lacks(context, notes=notes)
    return FAILED if _is_refused(findings, strict=strict) else DONE


def _is_refused(findings: list[Finding], *, strict: bool) -> bool:
    from fc_async_plugin.report import findings as report

    numbers = report.counts(findings)
    return numbers["error"] > 0 or (strict and numbers["warning"] > 0)


def _lacks(context: Context) -> list[Lack]:
    """Return what the functions lack on this machine, as far as no process must run to see it."""
    from fc_async_plugin.prepare import lacks
    from fc_async_plugin.project.lack import told
    from fc_async_plugin.s_yaml import TemplateError

    try:
        return told(lacks.of_functions(context.projects, processes=False))
    except (TemplateError, OSError):
        return []  # fc-async.toml is wrong or a path cannot be read, which dev and doctor say


def _tell_lacks(context: Context, *, notes: bool) -> None:
    """Print what the functions lack on this machine, which is not a fault of the template.

    A job of a CI has none of what the functions need, and its log is read for the findings.
    """
    is_read_by_user = terminal.width() is not None and not os.environ.get("CI")
    lacks = _lacks(context) if notes or is_read_by_user else []
    if lacks:
        terminal.print_text("")
        terminal.print_text(
            "Lacking on this machine, for fc-async dev (not a fault of the template):"
        )
    for lack in lacks:
        terminal.print_text(f"  {lack}")


def _note_unread(context: Context) -> None:
    """Name on stderr the destinations and sources that ``--live`` did not look for or find."""
    from fc_async_sdk.spec.graph import Node

    # A template with a queue that does not exist passed, as if --live had looked for it.
    nodes = set()
    for edge in context.graph.edges:
        if edge.written:
            nodes |= {edge.source, edge.target}
    queues = {Node.of(queue): seconds for queue, seconds in context.queues.items()}
    unread = [node.label for node in nodes - set(queues) if node.kind not in _LOOKED_FOR]
    if unread:
        terminal.note(f"Not looked for in the account: {', '.join(sorted(unread))}")
    missing = [node.label for node, seconds in queues.items() if seconds is None]
    if missing:
        terminal.note(
            f"Not in the account: {', '.join(sorted(missing))} (deploy --create-missing makes them)"
        )


def _shows_rules(explain: str | None, output: str, *, schema: bool, props: bool) -> bool:
    """Print rules or the schema if an option asks for them; return whether one does."""
    if explain is None and not schema:
        if props or output == "markdown":
            raise click.UsageError("--props goes with --schema, -o markdown with --explain")
        return False
    if explain is not None and schema:
        raise click.UsageError("--explain and --schema exclude each other")
    if explain is None:
        from fc_async_plugin.check.rules import json_schema

        terminal.print_json(json_schema.props_schema() if props else json_schema.schema())
        return True
    from fc_async_plugin.report import rules

    forms = ("text", "json") if explain else ("text", "json", "markdown")
    if output not in forms:
        raise click.UsageError(f"--explain goes with -o {', '.join(forms)}")
    rules.explain(explain, output)
    return True


def _rules() -> list[str]:
    """Return names for shell completion."""
    from fc_async_plugin.check.rules import RULES

    return list(RULES)


def _print(findings: list[Finding], output: str, *, files: int, notes: bool) -> None:
    from fc_async_plugin.check import rules
    from fc_async_plugin.report import findings as report
    from fc_async_plugin.s_yaml.files import source_lines

    if output == "text":
        width = terminal.width()
        lines = report.to_lines(findings, files, source_lines(), width=width, notes=notes)
        terminal.print_styled(lines)
    elif output == "concise":
        # Given a file, click writes UTF-8 to a stream that is ASCII.
        click.echo(report.to_text(findings, files, notes=notes), file=sys.stdout)
    elif output == "sarif":
        from importlib.metadata import version

        click.echo(report.to_sarif(findings, rules.RULES, version("fc-async")))
    elif findings:
        terminal.print_text(report.to_github(findings))
