# SPDX-License-Identifier: MIT
"""Rules about whether the service may reach the destinations: with the function's role, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_plugin.rules.destinations import where
from fc_async_plugin.rules.rule import Finding, rule
from fc_async_plugin.template.desired import BLOCK
from fc_async_sdk.spec import ram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.rules.context import Context


@rule("FCA060", "no-role", "note", "Destinations that the function has no permission for.")
def no_role(context: Context) -> Iterator[Finding]:
    """The function's role must be allowed to send, publish, invoke or put events."""
    for resource, block in context.blocks:
        config = block.get("destinationConfig")
        if isinstance(config, dict) and any(config.values()) and not resource.props.get("role"):
            yield Finding(
                "FCA060",
                "note",
                f"{resource.function_name} has destinations but no role, so the service may not"
                " reach them",
                resource.where_key(BLOCK, "destinationConfig"),
                "set role: to one that has what this prints: fc-async policy",
            )


@rule("FCA061", "role-lacks-permission", "error", "A role that may not reach a destination.")
def lacking_role(context: Context) -> Iterator[Finding]:
    """Known only when the roles were read in RAM. A delivery that isn't allowed is a 4xx: lost."""
    for link, name in context.destinations():
        role = str(link.resource.props.get("role") or "")
        granted = context.roles.get(role)
        if granted is None:
            continue
        place = name.resolve(region="*", account_id="*")
        if not ram.allows([granted], ram.checked_for(place), if_conditions_hold=True):
            missing = ram.permission_for(place)
            yield Finding(
                "FCA061",
                "error",
                f"{link.outcome} takes {missing.action} on {missing.resource}, which role"
                f" {role.rpartition('/')[2]} doesn't have: results are lost",
                where(link),
                "attach what this prints to the role: fc-async policy",
            )
