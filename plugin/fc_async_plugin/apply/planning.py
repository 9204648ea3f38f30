# SPDX-License-Identifier: MIT
"""Plans a deployment of a template, after the checks of the template and of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fc_async_plugin.account import connection
from fc_async_plugin.account.remote import read
from fc_async_plugin.apply import checking
from fc_async_plugin.plan import later, plan_changes
from fc_async_plugin.plan.attached import omitted
from fc_async_plugin.plan.channels import not_created
from fc_async_plugin.plan.wanted import wanted

if TYPE_CHECKING:
    from collections.abc import Collection

    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.plan import Plan
    from fc_async_plugin.plan.state import Remote
    from fc_async_plugin.template import Project


class Choices(NamedTuple):
    """What a deployment covers.

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
            self._chosen, self._left_out = later.without_unknown(self._chosen)
            project, only = self._chosen, ()
        self.wanted = wanted(project, functions=choices.with_functions, only=only, here=here)
        if choices.with_functions:
            self._left_out += tuple(omitted(project, only, here=here))
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
            plan = later.without_missing(plan, self._project)
        if plan.obstacles:
            checking.show(self._found)
        elif not choices.skip_validation:
            checks = checking.AccountChecks(self._regions, self._account)
            checks.show_findings(self._chosen, plan, remote, found=self._found)
        return plan, remote
