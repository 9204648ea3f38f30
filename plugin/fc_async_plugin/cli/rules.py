# SPDX-License-Identifier: MIT
"""``fc-async rules``: lists the rules of validate, also as the index of their pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_plugin.rules import Rule

_HEAD: Final = """\
# Rules

The rules of `fc-async validate`. Each rule has an id that never changes its meaning, and a page
with an example that is refused and one that is accepted. [validate](../how-to/validate.md) explains
how to select rules and how to suppress a finding.

| rule | severity | name | what it finds |
| --- | --- | --- | --- |
"""
_TREE: Final = """
```{toctree}
:hidden:

"""


@click.command("rules")
@click.argument("rule", required=False, shell_complete=lambda *_: _completions())
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
    help="Output format.",
)
def command(*, rule: str | None, schema: bool, props: bool, output: str) -> None:
    """List the rules of validate with their severities, or explain one RULE.

    \b
    Examples:
      fc-async rules
      fc-async rules FCA031
      fc-async rules --schema > s.schema.json
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin import rules
    from fc_async_plugin.report import tables

    if props and not schema:
        raise click.UsageError("--props goes with --schema")
    if rule is not None:
        if schema or output == "markdown":
            raise click.UsageError("RULE goes without --schema and with -o text or json only")
        _explain(rules.named(rule), output)
    elif schema:
        from fc_async_plugin.rules import json_schema

        terminal.print_json(json_schema.props_schema() if props else json_schema.schema())
    elif output == "json":
        terminal.print_json({"rules": [_as_data(one) for one in rules.RULES.values()]})
    elif output == "markdown":
        click.echo(to_markdown(rules.RULES), nl=False)
    else:
        columns = (
            tables.Column("rule"),
            tables.Column("severity"),
            tables.Column("name", optional=1),
            tables.Column("what it finds", least=60),
        )
        rows = ((rule.id, rule.severity, rule.name, rule.summary) for rule in rules.RULES.values())
        terminal.print_table(columns, rows)


def _completions() -> list[str]:
    from fc_async_plugin import rules

    return list(rules.RULES)


def _as_data(rule: Rule) -> dict[str, str]:
    from fc_async_plugin.rules import pages

    return {
        "id": rule.id,
        "name": rule.name,
        "severity": rule.severity,
        "summary": rule.summary,
        "url": pages.url(rule.id),
    }


def _explain(rule: Rule, output: str) -> None:
    """Print the page of a rule, with an example that is refused and one that is accepted."""
    from fc_async_plugin.rules import pages

    if output == "json":
        terminal.print_json({**_as_data(rule), "page": pages.text(rule.id)})
        return
    for line in pages.text(rule.id).rstrip("\n").split("\n"):
        heading = line.startswith("# ")
        terminal.tell(line.removeprefix("# "), bold=heading)


def to_markdown(rules: Mapping[str, Rule]) -> str:
    """Return the index page: a table, and the tree for the navigation."""
    rows = "".join(
        f"| [{rule.id}]({rule.id}.md) | {rule.severity} | {rule.name} | {rule.summary} |\n"
        for rule in rules.values()
    )
    tree = "".join(f"{id_}\n" for id_ in rules)
    return f"{_HEAD}{rows}{_TREE}{tree}```\n"
