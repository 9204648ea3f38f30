# SPDX-License-Identifier: MIT
"""Checks before a deployment: of the template, and of its destinations with the account's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click
import msgspec

from fc_async_plugin import rules
from fc_async_plugin.account import connection, live
from fc_async_plugin.graph import build, find_cycles
from fc_async_plugin.plan.kinds import config_of
from fc_async_plugin.plan.model import Delete, Put
from fc_async_plugin.report import findings, terminal
from fc_async_plugin.rules.context import CYCLE_RULES
from fc_async_plugin.template.desired import is_function
from fc_async_plugin.template.files import source_lines
from fc_async_sdk.errors import FcAsyncError, InvalidArn
from fc_async_sdk.spec.graph import Node

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.account.live import Downstream
    from fc_async_plugin.graph import Cycle
    from fc_async_plugin.plan import Plan
    from fc_async_plugin.plan.model import Remote
    from fc_async_plugin.rules import Finding
    from fc_async_plugin.template import Project


_UNKNOWN_FUNCTION: Final = "FCA040"


def template(project: Project) -> list[Finding]:
    """Run all rules over a template.

    Returns:
        Warnings, which are shown later with the findings of the account.

    Raises:
        click.ClickException: There are errors; they and the warnings were shown.
    """
    found = rules.check(rules.Context([project]))
    if any(one.severity == "error" for one in found):
        show(found)
    return found


@dataclass(frozen=True)
class AccountChecks:
    """Checks of a plan with what the account has.

    Attributes:
        regions: The account.
        account: The options.
    """

    regions: Regions
    account: Account

    def show_findings(
        self, project: Project, plan: Plan, remote: Remote, *, found: Sequence[Finding]
    ) -> None:
        """Show warnings of the template and cycles that the account has after a deployment.

        Args:
            project: The template, with the resources that are deployed.
            plan: The steps of the deployment: what it deletes is not there afterwards.
            remote: What the account has of the template's functions.
            found: What :func:`template` found.

        Raises:
            click.ClickException: There is a cycle of destinations, or the account cannot be read.
        """
        functions = [one for one in project.resources if is_function(one)]
        targets = [
            Node.of(link.arn)
            for link in build.links(functions)
            if not isinstance(link.arn, InvalidArn)
        ]
        account_id = connection.account_id_of(self.account, project)
        read = self._read(after(plan, remote), targets, account_id)
        context = rules.Context([project], live=read.regions)
        again = (*CYCLE_RULES, _UNKNOWN_FUNCTION)
        show(
            [
                *(one for one in found if one.rule not in again),
                *map(_milder, rules.check(context, select=again)),
            ]
        )
        for region, count in read.unread:
            terminal.note(
                f"Note: the triggers of the {count} functions in {region} were not read; "
                "fc-async validate --live looks for cycles through them."
            )

    def cycles_after(self, plan: Plan, remote: Remote, *, account_id: str) -> list[Cycle]:
        """Return the cycles of destinations after a plan, suppressed ones included.

        Args:
            plan: The plan; its template may no longer exist.
            remote: What the account has of the plan's functions.
            account_id: Id of the account, "" if unknown.

        Raises:
            click.ClickException: The account cannot be read.
        """
        found = self._read(after(plan, remote), [], account_id)
        aliases = dict(pair for region in found.regions for pair in region.aliases())
        edges = [
            edge for region in found.regions for edge in region.edges(()) if edge.kind != "trigger"
        ]
        own = {(place.region, place.function) for place in remote}
        return [
            cycle
            for cycle in find_cycles(build.build([], aliases=aliases, live=edges))
            if any((node.region, node.name) in own for node in cycle.nodes)
        ]

    def _read(self, own: Remote, targets: Sequence[Node], account_id: str) -> Downstream:
        try:
            return live.read_downstream(
                self.regions,
                own,
                targets,
                account_id=account_id,
                other_regions=self.account.endpoint is None,
            )
        except FcAsyncError as error:
            raise click.ClickException(
                f"what the destinations lead to in the account cannot be read: {error}\n"
                "Without it a destination cycle cannot be ruled out; --skip-validation deploys "
                "anyway"
            ) from error


def deployed(project: Project, only: Collection[str]) -> Project:
    """Return a template with the resources that are deployed; ``only`` empty: all of them."""
    if not only:
        return project
    chosen = tuple(one for one in project.resources if one.name in only)
    return msgspec.structs.replace(project, resources=chosen)


def describe(cycle: Cycle) -> str:
    """Return a cycle in one line; equal cycles have equal lines."""
    return " → ".join(node.label for node in [*cycle.nodes, cycle.nodes[0]])


def after(plan: Plan, remote: Remote) -> Remote:
    """Return what the account has of the functions after a plan."""
    after = dict(remote)
    for step in plan.steps:
        place = step.place
        if place not in after:
            continue
        configs = dict(after[place].configs)
        match step:
            case Put(of="async config", name=qualifier, after=config):
                configs[qualifier] = config_of(config)
            case Delete(of="async config", name=qualifier):
                configs.pop(qualifier, None)
            case _:
                continue
        after[place] = msgspec.structs.replace(after[place], configs=configs)
    return after


def _milder(finding: Finding) -> Finding:
    """Make a missing destination a warning: it may be deployed next."""
    return finding._replace(severity="warning") if finding.rule == _UNKNOWN_FUNCTION else finding


def show(found: Sequence[Finding]) -> None:
    """Show errors and warnings on stderr.

    Raises:
        click.ClickException: There are errors.
    """
    shown = sorted(
        (one for one in found if one.severity != "note"),
        key=lambda one: (one.position, one.rule, one.message),
    )
    if shown:
        width = terminal.width(err=True)
        terminal.print_parts(findings.to_lines(shown, 1, source_lines(), width=width), err=True)
    if any(one.severity == "error" for one in shown):
        raise click.ClickException("the template has errors: nothing was changed")
