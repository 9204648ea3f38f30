# SPDX-License-Identifier: MIT
"""Plans a deployment: of a template, after checks, or as it was saved in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fc_async_plugin import PluginError
from fc_async_plugin.account import connection
from fc_async_plugin.account.remote import read
from fc_async_plugin.apply import checking
from fc_async_plugin.plan import plan_changes, planner
from fc_async_plugin.plan import saved as saved_plan
from fc_async_plugin.plan.attached import not_run, omitted
from fc_async_plugin.plan.channels import not_created
from fc_async_plugin.plan.wanted import wanted

if TYPE_CHECKING:
    from collections.abc import Collection

    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.plan import Plan
    from fc_async_plugin.plan.model import Remote, Wanted
    from fc_async_plugin.template import Project


class Choices(NamedTuple):
    """Coverage of a deployment.

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
        choices: What is deployed.

    Attributes:
        wanted: What the template wants.

    Raises:
        click.ClickException: There are errors in the template.
    """

    def __init__(
        self, project: Project, account: Account, regions: Regions, choices: Choices
    ) -> None:
        self._project, self._account, self._regions = project, account, regions
        self._choices = choices
        self._found = [] if choices.skip_validation else checking.template(project)
        self._chosen = checking.deployed(project, choices.resources)
        here, only, self._left_out = (
            connection.is_here(account),
            choices.resources,
            tuple[str, ...](),
        )
        if choices.before_deployment:
            self._chosen, self._left_out = planner.without_unknown(self._chosen)
            project, only = self._chosen, ()
        self.wanted = wanted(project, functions=choices.with_functions, only=only, here=here)
        if choices.with_functions:
            self._left_out += tuple(omitted(project, only, here=here))
            self._left_out += tuple(not_run(project, only)) if here else ()
        if choices.create_missing:
            self._left_out += tuple(not_created(self.wanted))

    def plan(self) -> tuple[Plan, Remote]:
        """Read the account, plan, and show warnings; return the plan and what the account has.

        Raises:
            click.ClickException: There is a cycle of destinations with those of the account.
            FcAsyncError: The account cannot be read.
        """
        choices = self._choices
        remote = read(self._regions, self.wanted)
        missing = (
            connection.missing(self.wanted, self._account, self._project)
            if choices.create_missing
            else ()
        )
        plan = plan_changes(
            self.wanted, remote, prune=choices.prune, omitted=self._left_out, missing=missing
        )
        if choices.before_deployment:
            plan = planner.without_missing(plan, self._project)
        if plan.obstacles:
            checking.show(self._found)
        elif not choices.skip_validation:
            checks = checking.AccountChecks(self._regions, self._account)
            checks.show_findings(self._chosen, plan, remote, found=self._found)
        return plan, remote


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
        PluginError: The file is not a plan, or it is for another endpoint.
    """

    def __init__(self, path: Path, account: Account, *, skip_validation: bool) -> None:
        self._saved = saved = saved_plan.load(path)
        if account.endpoint and account.endpoint != saved.endpoint:
            raise PluginError(
                f"the plan was made for {saved.endpoint or 'the service itself'}, not for "
                f"{account.endpoint}"
            )
        self.account = account._replace(
            endpoint=saved.endpoint or None,
            account_id=account.account_id or saved.account_id or None,
        )
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
            checks = checking.AccountChecks(regions, self.account)
            account_id = self.account.account_id or ""
            for cycle in checks.cycles_after(plan, remote, account_id=account_id):
                if checking.describe(cycle) not in saved.cycles:
                    raise PluginError(
                        "the plan would close a destination cycle with what was configured since "
                        f"it was made: {checking.describe(cycle)}"
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
        environment = self._saved.environment or None
        project = connection.load(str(self.template), self.account, environment)
        return wanted(project, functions=True)
