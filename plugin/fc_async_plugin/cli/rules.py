# SPDX-License-Identifier: MIT
"""``fc-async rules``: what validate looks for."""

from __future__ import annotations

import click


@click.command("rules")
@click.option(
    "--schema", is_flag=True, help="Print the JSON Schema of s.yaml, for editors, instead."
)
@click.option(
    "--props",
    is_flag=True,
    help="With --schema: only the part for a resource's props, as s verify takes it.",
)
@click.option(
    "--format",
    "-o",
    "output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to print.",
)
def command(*, schema: bool, props: bool, output: str) -> None:
    """List the rules of validate with their severities.

    \b
    Examples:
      fc-async rules
      fc-async rules --schema > s.schema.json
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin import rules
    from fc_async_plugin.cli import terminal

    if props and not schema:
        raise click.UsageError("--props goes with --schema")
    if schema:
        from fc_async_plugin.rules import json_schema

        terminal.print_json(json_schema.props_schema() if props else json_schema.schema())
    elif output == "json":
        terminal.print_json(
            [
                {
                    "id": rule.id,
                    "name": rule.name,
                    "severity": rule.severity,
                    "summary": rule.summary,
                }
                for rule in rules.entered().values()
            ]
        )
    elif output == "markdown":
        from fc_async_plugin.report import rule_index

        click.echo(rule_index.to_markdown(rules.entered()), nl=False)
    else:
        terminal.print_table(
            ("Rule", "Severity", "Name", "What it finds"),
            (
                (rule.id, rule.severity, rule.name, rule.summary)
                for rule in rules.entered().values()
            ),
        )
