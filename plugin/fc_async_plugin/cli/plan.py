# SPDX-License-Identifier: MIT
"""``fc-async plan``: shows what a deployment would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import CHANGES, DONE, FAILED, Format

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account


@click.command()
@options.template_option
@options.env_option
@options.resource_option
@options.account_options
@options.with_functions_option
@options.prune_option
@options.create_missing_option
@options.format_option
@options.skip_validation_option
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    default=None,
    help="Write the plan for deploy --from-plan, without values of environment variables.",
)
@click.option(
    "--before-deployment",
    is_flag=True,
    hidden=True,
    help="Inside s: name what is known only after it has deployed, instead of failing.",
)
def command(  # noqa: PLR0917 -- click passes options by name
    template: str | None,
    environment: str | None,
    resources: tuple[str, ...],
    account: Account,
    with_functions: bool,
    prune: bool,
    create_missing: bool,
    output: Format,
    skip_validation: bool,
    out: str | None,
    before_deployment: bool,
) -> int:
    """Show what deploy would change, and change nothing.

    Exit codes: 0 nothing to do, 2 there are changes, 1 failed (deploy would fail, too).

    \b
    Examples:
      fc-async plan
      fc-async plan --prune --format json
      fc-async plan --out reviewed.json
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.remote import read
    from fc_async_plugin.apply import checking
    from fc_async_plugin.plan import later, plan_changes
    from fc_async_plugin.plan import saved as saved_plan
    from fc_async_plugin.plan.attached import omitted
    from fc_async_plugin.plan.channels import not_created
    from fc_async_plugin.plan.wanted import wanted
    from fc_async_plugin.report.printed import print_plan

    project = connection.load(template, account, environment)
    found = [] if skip_validation else checking.template(project)
    here = connection.is_here(account)
    whole, left_out = project, tuple[str, ...]()
    if before_deployment:  # s is about to deploy the template
        project, left_out = later.without_unknown(checking.deployed(project, resources))
        resources = ()
    wants = wanted(project, functions=with_functions, only=resources, here=here)
    if with_functions:
        left_out += tuple(omitted(project, resources, here=here))
    if create_missing:
        left_out += tuple(not_created(wants))
    with connection.regions(account, project) as regions:
        remote = read(regions, wants)
        missing = connection.missing(wants, account, whole) if create_missing else ()
        plan = plan_changes(wants, remote, prune=prune, omitted=left_out, missing=missing)
        if before_deployment:
            plan = later.without_missing(plan, whole)
        if plan.obstacles:
            print_plan(plan, output)
            checking.show(found)
            return FAILED
        account_id = connection.account_id_of(account, project)
        checks = checking.AccountChecks(regions, account)
        if not skip_validation:
            chosen = checking.deployed(project, resources)
            checks.show_findings(chosen, plan, remote, found=found)
        print_plan(plan, output)
        cycles = checks.cycles_after(plan, remote, account_id=account_id) if out is not None else []
    if out is not None:
        saved = saved_plan.SavedPlan(
            template=str(Path(project.file).resolve()),
            endpoint=account.endpoint or "",
            account_id=account_id,
            environment=environment or "",
            plan=plan,
            seen=saved_plan.seen(wants, remote),
            cycles=tuple(map(checking.describe, cycles)),
        )
        saved_plan.save(Path(out), saved)
    return CHANGES if plan.changes else DONE
