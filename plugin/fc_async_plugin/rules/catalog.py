# SPDX-License-Identifier: MIT
"""The list of all rules, and the rules about suppressions, which look names up in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.rules import (
    block,
    cycles,
    destinations,
    reading,
    reliability,
    targets,
)
from fc_async_plugin.rules.rule import Finding, Rule, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.rules.context import Context


@rule("FCA090", "suppression-without-reason", "warning", "A suppression that doesn't say why.")
def suppression_without_reason(context: Context) -> Iterator[Finding]:
    """A reader must be able to check whether it still applies."""
    for item in context.suppressions.items:
        if not item.reason:
            yield Finding(
                "FCA090",
                "warning",
                "this suppression gives no reason",
                item.position,
                "write the reason behind it: # fc-async: ignore[...] reason",
            )


@rule("FCA091", "unknown-rule", "warning", "A suppression that names no rule.")
def unknown_rule(context: Context) -> Iterator[Finding]:
    """Most likely a typo: it suppresses nothing."""
    for item in context.suppressions.items:
        for name in item.rules or ("",):
            if name not in RULES:
                yield Finding(
                    "FCA091",
                    "warning",
                    f"no rule is called {name!r}",
                    item.position,
                    "fc-async rules lists them all",
                )


@rule("FCA092", "unused-suppression", "warning", "A suppression that nothing needs any more.")
def unused_suppression(context: Context) -> Iterator[Finding]:
    """Runs after all other rules, when it is known what was used."""
    for item, name in context.suppressions.unused():
        if name in RULES:
            yield Finding(
                "FCA092",
                "warning",
                f"{name} finds nothing in the line that this suppresses",
                item.position,
                "remove it",
            )


RULES: Final[dict[str, Rule]] = {
    one.id: one
    for one in (
        reading.unreadable,
        reading.unresolved,
        reading.differs,
        block.unknown_keys,
        block.types,
        block.retries,
        block.ages,
        block.qualifiers,
        block.fc2,
        destinations.grammar,
        destinations.fc2_arns,
        destinations.rocketmq,
        destinations.default_bus,
        destinations.empty,
        destinations.regions,
        destinations.accounts,
        cycles.self_destination,
        cycles.cycles,
        cycles.trigger_cycles,
        targets.unknown_function,
        targets.http_function,
        targets.target_qualifier,
        targets.own_qualifier,
        targets.configured_twice,
        reliability.no_failure_destination,
        reliability.empty_block,
        reliability.age_shorter_than_retries,
        reliability.age_shorter_than_delay,
        reliability.payload_limit,
        destinations.no_role,
        destinations.lacking_role,
        suppression_without_reason,
        unknown_rule,
        unused_suppression,
    )
}
"""Every rule by its id, in the order of the ids."""
