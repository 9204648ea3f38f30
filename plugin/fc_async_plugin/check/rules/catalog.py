# SPDX-License-Identifier: MIT
"""All rules, how a run selects them, and the rules about suppressions.

Rules about suppressions are here because they look names up among all rules.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Final

from fc_async_plugin import PluginError
from fc_async_plugin.check.rules import (
    code,
    cycles,
    destinations,
    environment,
    form,
    images,
    props,
    reliability,
    triggers,
)
from fc_async_plugin.check.rules.rule import Finding, Found, Rule, rule
from fc_async_plugin.s_yaml import provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fc_async_plugin.check.rules.context import Context, Needs


@rule("FCA090", "suppression-without-reason", "warning")
def suppression_without_reason(context: Context) -> Iterator[Found]:
    """A suppression that doesn't say why.

    A reader must be able to check whether it still applies.
    """
    for item in context.suppressions.items:
        if not item.reason:
            yield Found(
                "this suppression gives no reason",
                item.position,
                "write the reason behind it: # fc-async: ignore[...] reason",
            )


@rule("FCA091", "unknown-rule", "warning")
def unknown_rule(context: Context) -> Iterator[Found]:
    """A suppression that names no rule.

    Most likely a typo: it suppresses nothing.
    """
    for item in context.suppressions.items:
        for name in item.rules or ("",):
            if name not in RULES:
                yield Found(
                    f"no rule is called {name!r}",
                    item.position,
                    nearest(name),
                )


@rule("FCA092", "unused-suppression", "warning")
def unused_suppression(context: Context) -> Iterator[Found]:
    """A suppression that nothing needs any more.

    Runs after all other rules, when it is known what was used.

    A template that could not be read may use it, and so may a rule that needs --live or --roles.
    """
    if context.unread:
        return
    for item, name in context.suppressions.unused():
        if name in RULES and context.has(RULES[name].needs):
            yield Found(
                f"{name} finds nothing in the line that this suppresses",
                item.position,
                "remove it",
            )


_MODULES: Final = (
    form,
    props,
    destinations,
    cycles,
    reliability,
    code,
    environment,
    images,
    triggers,
)
_OWN: Final = (suppression_without_reason, unknown_rule, unused_suppression)
_MEMBERS: Final = [member for module in _MODULES for member in vars(module).values()]
_OF_MODULES: Final = [member for member in _MEMBERS if isinstance(member, Rule)]
RULES: Final[dict[str, Rule]] = {
    entry.id: entry for entry in sorted([*_OF_MODULES, *_OWN], key=lambda entry: entry.id)
}
"""Every rule by its id, in the order of the ids."""


def named(name: str) -> Rule:
    """Return the rule of an id or a name, such as ``FCA031`` or ``destination-cycle``.

    Raises:
        PluginError: There is no such rule; the message names the nearest one.
    """
    for candidate in RULES.values():
        if name.upper() == candidate.id or name.lower() == candidate.name:
            return candidate
    raise PluginError(f"no rule is called {name}: {nearest(name)}")


def nearest(name: str) -> str:
    """Return the advice for a name that no rule has."""
    from difflib import get_close_matches  # noqa: PLC0415 -- only after a typo

    otherwise = "fc-async validate --explain lists all rules"
    if _ID.fullmatch(name.upper()):
        return otherwise  # a number says nothing about which other rule may be meant
    names = [*RULES, *(rule.name for rule in RULES.values())]
    near = get_close_matches(name.upper(), names, n=1) or get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else otherwise


_ID: Final = re.compile(r"FCA[0-9]{3}")

_READING: Final = (form.unreadable, form.unresolved)
"""Rules that are never left out: what they find hides what all others look for."""


def check(
    context: Context, *, select: Iterable[str] = (), ignore: Iterable[str] = ()
) -> list[Finding]:
    """Run the rules.

    Args:
        context: The templates, and what is known about the account.
        select: Ids, or beginnings of ids such as ``FCA03``, to run; empty: all.
        ignore: Ids or beginnings to leave out.

    Returns:
        Findings sorted by place, each once. A template that cannot be read is always among them.

    Raises:
        PluginError: A name in ``select`` or ``ignore`` selects no rule, or the rules of a name in
            ``select`` need what was not read.
    """
    chosen = choose(RULES, select, ignore)
    _refuse_unanswerable(context, select)
    # --select and --ignore left out what cannot be read: broken YAML ended with exit code 0.
    asked = {rule.id: rule for rule in (*_READING, *chosen)}
    # Which suppressions are unused is known only when all rules have run.
    last = asked.pop(unused_suppression.id, None)
    to_run = dict(RULES if last else asked)
    to_run.pop(unused_suppression.id, None)
    findings = chain.from_iterable(entry.check(context) for entry in to_run.values())
    shown = [finding for finding in findings if _is_shown(context, finding)]
    reported = [finding for finding in shown if finding.rule in asked]
    if last is not None:
        reported += last.check(context)
    # Functions that share an anchor have the same findings.
    unique = dict.fromkeys(_all_masked(context, reported))
    return sorted(unique, key=lambda finding: (finding.position, finding.rule, finding.message))


def _is_shown(context: Context, finding: Finding) -> bool:
    """Return whether no comment suppresses a finding; a comment that does so counts as used."""
    return not context.suppressions.use(finding.rule, finding.position)


def _all_masked(context: Context, findings: list[Finding]) -> list[Finding]:
    """Return findings without values from outside of the templates, which may be passwords."""
    sources: dict[str, str] = {}
    for project in context.projects:
        sources |= project.sources
    if not sources:
        return findings
    texts = chain.from_iterable(map(_texts, findings))
    # A project may have hundreds of variables, and findings name few of them.
    relevant = provenance.relevant(sources, list(texts))
    return [_masked(finding, relevant) for finding in findings]


def _texts(finding: Finding) -> list[str]:
    return [finding.message, finding.fix, *(related.message for related in finding.related)]


def _masked(finding: Finding, sources: Mapping[str, str]) -> Finding:
    """Return a finding with expressions in place of values from outside of the template."""
    related = [
        related._replace(message=provenance.masked(related.message, sources))
        for related in finding.related
    ]
    return finding._replace(
        message=provenance.masked(finding.message, sources),
        fix=provenance.masked(finding.fix, sources),
        related=tuple(related),
    )


def choose(
    rules: dict[str, Rule], select: Iterable[str] = (), ignore: Iterable[str] = ()
) -> list[Rule]:
    """Return the rules that ids and beginnings of ids select.

    Raises:
        PluginError: A name selects no rule, or none is left.
    """
    selected = _prefixes(rules, select) or ("FCA",)
    unwanted = _prefixes(rules, ignore)
    ids = [id_ for id_ in rules if id_.startswith(selected)]
    chosen = [rules[id_] for id_ in ids if not id_.startswith(unwanted)]
    if not chosen:
        raise PluginError("no rule is left: --ignore leaves out everything that is selected")
    return chosen


def _refuse_unanswerable(context: Context, select: Iterable[str]) -> None:
    """Refuse a selected name none of whose rules can find anything."""
    for prefix in _prefixes(RULES, select):
        needs: set[Needs] = {rule.needs for id_, rule in RULES.items() if id_.startswith(prefix)}
        # "No findings" would read as if what --live or --roles reads were in order.
        if not any(map(context.has, needs)):
            options = " or ".join(sorted(needs))
            raise PluginError(f"{prefix} finds nothing without {options}: add it")


def _prefixes(rules: dict[str, Rule], names: Iterable[str]) -> tuple[str, ...]:
    parts = [part.strip().upper() for part in ",".join(names).split(",")]
    prefixes = tuple(filter(None, parts))
    for prefix in prefixes:
        if not any(id_.startswith(prefix) for id_ in rules):
            raise PluginError(f"no rule is called {prefix}: {nearest(prefix)}")
    return prefixes
