# SPDX-License-Identifier: MIT
"""Plans a deployment: of a template, or as it was saved in a file.

The template is checked, and its destinations with those of the account.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click
import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account import connection, live
from fc_async_plugin.account.remote import read
from fc_async_plugin.account.target import DecidedBy, Typed
from fc_async_plugin.check import rules
from fc_async_plugin.check.graph import build, find_cycles
from fc_async_plugin.check.rules.context import CYCLE_RULES
from fc_async_plugin.deploy.plan import plan_changes, planner
from fc_async_plugin.deploy.plan import saved as saved_plan
from fc_async_plugin.deploy.plan.kinds import config_of
from fc_async_plugin.deploy.plan.model import Delete, Put
from fc_async_plugin.project.attached import not_run, omitted
from fc_async_plugin.project.channels import channels, not_created
from fc_async_plugin.project.wanted import wanted
from fc_async_plugin.report import findings, terminal
from fc_async_plugin.s_yaml.files import source_lines
from fc_async_sdk.errors import FcAsyncError, InvalidArn
from fc_async_sdk.spec.graph import Node

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.account.live import Downstream
    from fc_async_plugin.check.graph import Cycle
    from fc_async_plugin.check.rules import Finding
    from fc_async_plugin.deploy.plan import Plan
    from fc_async_plugin.project.state import Channel, Remote, Wanted
    from fc_async_plugin.s_yaml import Project

_UNKNOWN_FUNCTION: Final = "FCA040"


def _check(project: Project, *, local: bool) -> list[Finding]:
    """Run all rules over a template.

    Args:
        project: The template.
        local: It is deployed to a local runtime, where errors of the account only are warnings.

    Returns:
        Warnings, which are shown later with the findings of the account.

    Raises:
        click.ClickException: There are errors; they and the warnings were shown.
    """
    checked = rules.check(rules.Context([project]))
    if local:
        checked = [
            finding._replace(severity="warning") if finding.account_only else finding
            for finding in checked
        ]
    if _has_errors(checked):
        _show(checked)
    return checked


def _has_errors(checked: Iterable[Finding]) -> bool:
    return any(finding.severity == "error" for finding in checked)


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
        self, project: Project, plan: Plan, remote: Remote, *, checked: Sequence[Finding]
    ) -> None:
        """Show warnings of the template and cycles that the account has after a deployment.

        Args:
            project: The template, with the resources that are deployed.
            plan: The steps of the deployment: what it deletes is not there afterwards.
            remote: What the account has of the template's functions.
            checked: What the rules found in the template alone.

        Raises:
            click.ClickException: There is a cycle of destinations, or the account cannot be read.
        """
        targets = [
            Node.of(link.arn)
            for link in build.links(project.functions)
            if not isinstance(link.arn, InvalidArn)
        ]
        account_id = connection.account_id_of(self.account, project)
        downstream = self._read(state_after(plan, remote), targets, account_id)
        context = rules.Context([project], live=downstream.regions)
        # The account answers what the template alone could only guess: these rules are run again.
        again = (*CYCLE_RULES, _UNKNOWN_FUNCTION)
        reported = [finding for finding in checked if finding.rule not in again]
        reported += map(_milder, rules.check(context, select=again))
        _show(reported)
        for region, count in downstream.unread:
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
        downstream = self._read(state_after(plan, remote), [], account_id)
        aliases = dict(chain.from_iterable(region.aliases() for region in downstream.regions))
        edges = chain.from_iterable(region.edges(()) for region in downstream.regions)
        destinations = [edge for edge in edges if edge.kind != "trigger"]
        cycles = find_cycles(build.build([], aliases=aliases, live=destinations))
        functions = {(address.region, address.function) for address in remote}

        def through_the_plan(cycle: Cycle) -> bool:
            return any((node.region, node.name) in functions for node in cycle.nodes)

        return list(filter(through_the_plan, cycles))

    def _read(self, remote: Remote, targets: Sequence[Node], account_id: str) -> Downstream:
        try:
            return live.read_downstream(
                self.regions,
                remote,
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
    chosen = tuple(resource for resource in project.resources if resource.name in only)
    return msgspec.structs.replace(project, resources=chosen)


def describe(cycle: Cycle) -> str:
    """Return a cycle in one line; equal cycles have equal lines."""
    return " → ".join(node.label for node in [*cycle.nodes, cycle.nodes[0]])


def state_after(plan: Plan, remote: Remote) -> Remote:
    """Return what the account has of the functions after a plan."""
    after = dict(remote)
    for step in plan.steps:
        address = step.place
        if address not in after:
            continue
        configs = dict(after[address].configs)
        match step:
            case Put(of="async config", name=qualifier, after=config):
                configs[qualifier] = config_of(config)
            case Delete(of="async config", name=qualifier):
                configs.pop(qualifier, None)
            case _:
                continue
        after[address] = msgspec.structs.replace(after[address], configs=configs)
    return after


def _milder(finding: Finding) -> Finding:
    """Make a missing destination a warning: it may be deployed next."""
    return finding._replace(severity="warning") if finding.rule == _UNKNOWN_FUNCTION else finding


def _show(checked: Sequence[Finding]) -> None:
    """Show errors and warnings on stderr.

    Raises:
        click.ClickException: There are errors.
    """
    shown = [finding for finding in checked if finding.severity != "note"]
    shown.sort(key=lambda finding: (finding.position, finding.rule, finding.message))
    if shown:
        width = terminal.width(err=True)
        terminal.print_styled(findings.to_lines(shown, 1, source_lines(), width=width), err=True)
    if _has_errors(shown):
        raise click.ClickException("the template has errors: nothing was changed")


class Coverage(NamedTuple):
    """Extent of a deployment: resources, kinds of steps, checks.

    Attributes:
        resources: Names of resources of the template; empty: all.
        with_functions: Deploy the functions, too.
        prune: Delete what left the template.
        create_missing: Create queues, topics and event buses.
        skip_validation: Check neither the template nor the account.
        before_deployment: ``s`` is about to deploy the template: leave out what is not known yet.
    """

    resources: Collection[str] = ()
    with_functions: bool = False
    prune: bool = False
    create_missing: bool = False
    skip_validation: bool = False
    before_deployment: bool = False


class Planning:
    """Plans a deployment of a template. The template is checked once, the account in each plan.

    Args:
        project: The template.
        account: The options.
        regions: The account.
        coverage: What is deployed.

    Attributes:
        wanted: What the template wants.

    Raises:
        click.ClickException: There are errors in the template.
    """

    def __init__(
        self, project: Project, account: Account, regions: Regions, coverage: Coverage
    ) -> None:
        self._project = project
        self._account = account
        self._regions = regions
        self._coverage = coverage
        local = connection.is_here(account)
        self._checked = [] if coverage.skip_validation else _check(project, local=local)
        self._chosen = deployed(project, coverage.resources)
        self._left_out: list[str] = []
        only = coverage.resources
        if coverage.before_deployment:
            # s makes the functions and resolves the outputs only when it deploys: what is not known
            # yet is left out and named, or plan would fail for every new project.
            self._chosen, unknown = planner.without_unknown(self._chosen)
            self._left_out += unknown
            project = self._chosen
            only = ()
        self.wanted = wanted(project, functions=coverage.with_functions, only=only, local=local)
        if coverage.with_functions:
            self._left_out += omitted(project, only, local=local)
        if coverage.with_functions and local:
            # The runtime accepts these functions, so without the note the first call would tell it.
            self._left_out += map(str, not_run(project, only))
        if coverage.create_missing:
            self._left_out += not_created(self.wanted)

    def plan(self) -> tuple[Plan, Remote]:
        """Read the account, plan, and show warnings; return the plan and what the account has.

        Raises:
            click.ClickException: There is a cycle of destinations with those of the account.
            FcAsyncError: The account cannot be read.
        """
        coverage = self._coverage
        remote = read(self._regions, self.wanted)
        missing: Sequence[Channel] = ()
        if coverage.create_missing:
            missing = connection.missing(self.wanted, self._account, self._project)
        plan = plan_changes(
            self.wanted, remote, prune=coverage.prune, omitted=self._left_out, missing=missing
        )
        if coverage.before_deployment:
            plan = planner.without_missing(plan, self._project)
        if not coverage.create_missing:
            # The keys of functions may not read queues, so they are looked for on request only. An
            # empty plan said that nothing is to do after the queue had been deleted: it names them.
            unread = tuple(f"{channel.of} {channel.name}" for channel in channels(self.wanted, ""))
            plan = msgspec.structs.replace(plan, unread=unread)
        if plan.obstacles:
            _show(self._checked)
        elif not coverage.skip_validation:
            checks = AccountChecks(self._regions, self._account)
            checks.show_findings(self._chosen, plan, remote, checked=self._checked)
        return plan, remote


def _where_planned(saved: saved_plan.SavedPlan, account: Account) -> Account:
    """Return the place that a plan was made for.

    Raises:
        PluginError: The options or the environment name another one.
    """
    where = saved.endpoint or "the service itself"
    if account.endpoint and account.endpoint != saved.endpoint:
        raise PluginError(f"the plan was made for {where}, not for {account.endpoint}")
    # Options for an account were ignored in silence here, and the runtime on this machine was
    # changed in place of the account that they named.
    option = Typed(None, account.region, account.account_id, account.access).of_account
    local = connection.is_here(account._replace(endpoint=saved.endpoint))
    if option and local and not account.endpoint:
        raise PluginError(f"the plan was made for {where}, and {option} names an account")
    if account.account_id and saved.account_id and account.account_id != saved.account_id:
        raise PluginError(
            f"the plan was made for account {saved.account_id}, not for --account-id "
            f"{account.account_id}"
        )
    account_id = saved.account_id or account.account_id
    by = account.by
    if saved.endpoint and not account.endpoint:
        by = DecidedBy.PLAN
    return account._replace(endpoint=saved.endpoint or None, account_id=account_id, by=by)


class SavedPlanning:
    """Takes a plan from a file, if the account is still as it was when the plan was made.

    Args:
        path: The file.
        account: The options.
        skip_validation: Do not look for cycles in the account.

    Attributes:
        account: The account that the plan is for.
        template: The template, which may not exist on this machine.

    Raises:
        PluginError: The file is not a plan, or it is for another endpoint or account.
    """

    def __init__(self, path: Path, account: Account, *, skip_validation: bool) -> None:
        self._saved = saved = saved_plan.load(path)
        self.account = _where_planned(saved, account)
        self.template = Path(saved.template)
        self._skip_validation = skip_validation
        self._settings = self._read_settings(path) if saved.digest else {}

    def plan(self, regions: Regions) -> Plan:
        """Return the plan.

        Raises:
            PluginError: The account has changed since the plan was made.
            FcAsyncError: The account cannot be read.
        """
        saved = self._saved
        remote = read(regions, saved_plan.to_read(saved))
        saved_plan.refuse_changes(saved, remote)
        plan = saved.plan
        if saved.digest:
            plan = saved_plan.with_secrets(saved, self._settings, remote)
        if not self._skip_validation:
            checks = AccountChecks(regions, self.account)
            account_id = self.account.account_id or ""
            for cycle in checks.cycles_after(plan, remote, account_id=account_id):
                if describe(cycle) not in saved.cycles:
                    raise PluginError(
                        "the plan would close a destination cycle with what was configured since "
                        f"it was made: {describe(cycle)}"
                    )
        return plan

    def _read_settings(self, path: Path) -> Wanted:
        """Return the functions of the template: a plan file does not have their secret values."""
        if not self.template.is_file():
            raise PluginError(
                f"{path} has no values of environment variables, they are read from "
                f"{self.template}, and that file does not exist: apply the plan where it was made, "
                "or plan again"
            )
        # The same environment as when it was planned, or the digest of its values cannot fit.
        environment = self._saved.environment or None
        project = connection.load(str(self.template), self.account, environment)
        return wanted(project, functions=True)
