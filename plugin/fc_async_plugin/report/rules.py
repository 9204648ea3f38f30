# SPDX-License-Identifier: MIT
"""Prints the rules of validate: a table of all, the page of one, the index of their pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.check.rules import RULES, named
from fc_async_plugin.check.rules.rule import page_of
from fc_async_plugin.report import tables, terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_plugin.check.rules import Rule

_HEAD: Final = """\
# Rules

The rules of `fc-async validate`. Each rule has an id that never changes its meaning, and a page
with an example that is refused and one that is accepted. [validate](../how-to/validate.md) explains
how to select rules and how to suppress a finding.

| rule | severity | name | what it finds |
| --- | --- | --- | --- |
"""


def explain(name: str, output: str) -> None:
    """Print one rule with its examples, or all rules.

    Args:
        name: Id or name of a rule; "" for all.
        output: ``text``, ``json`` or, for all, ``markdown``.

    Raises:
        PluginError: No rule has this name.
    """
    if name:
        _explain(named(name), output)
    elif output == "json":
        terminal.print_json({"rules": [_as_data(rule) for rule in RULES.values()]})
    elif output == "markdown":
        terminal.print_text(to_markdown(RULES).removesuffix("\n"))
    else:
        columns = (
            tables.Column("rule"),
            tables.Column("severity"),
            tables.Column("name", optional=1),
            tables.Column("what it finds", least=60),
        )
        rows = ((rule.id, rule.severity, rule.name, rule.summary) for rule in RULES.values())
        terminal.print_table(columns, rows)


def _as_data(rule: Rule) -> dict[str, str]:
    return {
        "id": rule.id,
        "name": rule.name,
        "severity": rule.severity,
        "summary": rule.summary,
        "url": page_of(rule.id).as_uri(),
    }


def _explain(rule: Rule, output: str) -> None:
    """Print the page of a rule, with an example that is refused and one that is accepted."""
    if output == "json":
        terminal.print_json(
            {
                **_as_data(rule),
                "page": page_of(rule.id).read_text("utf-8"),
            }
        )
        return
    for line in page_of(rule.id).read_text("utf-8").rstrip("\n").split("\n"):
        heading = line.startswith("# ")
        terminal.print_text(line.removeprefix("# "), bold=heading)


def to_markdown(rules: Mapping[str, Rule]) -> str:
    """Return the index page: a table, and the tree for the navigation."""
    rows = "".join(
        f"| [{rule.id}]({rule.id}.md) | {rule.severity} | {rule.name} | {rule.summary} |\n"
        for rule in rules.values()
    )
    tree = "".join(f"{id_}\n" for id_ in rules)
    return f"{_HEAD}{rows}\n<!-- toctree:\n{tree}-->\n"
