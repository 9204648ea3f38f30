# SPDX-License-Identifier: MIT
"""Runs the selected rules, and leaves out suppressed findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin import PluginError
from fc_async_plugin.rules.catalog import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_plugin.rules.context import Context
    from fc_async_plugin.rules.rule import Finding, Rule

_LAST: Final = "FCA092"
"""Reports unused suppressions, which are known only when all rules have run."""


def check(
    context: Context, *, select: Iterable[str] = (), ignore: Iterable[str] = ()
) -> list[Finding]:
    """Run the rules.

    Args:
        context: The templates, and what is known about the account.
        select: Ids, or beginnings of ids such as ``FCA03``, to run; empty: all.
        ignore: Ids or beginnings to leave out.

    Returns:
        Findings sorted by place, each once.

    Raises:
        PluginError: A name in ``select`` or ``ignore`` selects no rule.
    """
    chosen = choose(RULES, select, ignore)
    kept = [
        finding
        for rule in chosen
        if rule.id != _LAST
        for finding in rule.check(context)
        if not context.suppressions.use(finding.rule, finding.position)
    ]
    ran = {rule.id for rule in chosen}
    if ran == set(RULES):
        # With some rules or templates left out, it is not known which suppressions are unused.
        kept += RULES[_LAST].check(context) if not context.problems else ()
    secrets = [secret for project in context.projects for secret in project.secrets]
    if secrets:
        kept = [_masked(finding, secrets) for finding in kept]
    kept = list(dict.fromkeys(kept))  # functions that share an anchor have the same findings
    return sorted(kept, key=lambda finding: (finding.position, finding.rule, finding.message))


def _masked(finding: Finding, secrets: list[str]) -> Finding:
    """Return a finding without secrets, which a template may have where a rule looks."""
    message, fix = finding.message, finding.fix
    for secret in secrets:
        message, fix = message.replace(secret, "***"), fix.replace(secret, "***")
    return finding._replace(message=message, fix=fix)


def choose(
    rules: dict[str, Rule], select: Iterable[str] = (), ignore: Iterable[str] = ()
) -> list[Rule]:
    """Return the rules that ids and beginnings of ids select."""
    wanted = _prefixes(rules, select) or ("FCA",)
    unwanted = _prefixes(rules, ignore)
    return [
        rule
        for id_, rule in rules.items()
        if id_.startswith(wanted) and not (unwanted and id_.startswith(unwanted))
    ]


def _prefixes(rules: dict[str, Rule], names: Iterable[str]) -> tuple[str, ...]:
    prefixes = tuple(
        part.strip().upper() for name in names for part in name.split(",") if part.strip()
    )
    for prefix in prefixes:
        if not any(id_.startswith(prefix) for id_ in rules):
            raise PluginError(f"no rule is called {prefix}: fc-async rules lists them all")
    return prefixes
