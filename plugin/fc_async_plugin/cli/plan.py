# SPDX-License-Identifier: MIT
"""``fc-async plan``: shows what a deployment would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import CHANGES, DONE, FAILED, Format, terminal

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
@options.cost_option
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
    cost: bool,
    out: str | None,
    before_deployment: bool,
) -> int:
    """Show what deploy would change, and change nothing.

    A change that multiplies the worst case of one message by ten or more is a warning.

    Exit codes: 0 nothing to do, 2 there are changes, 1 failed (deploy would fail, too).

    \b
    Examples:
      fc-async plan
      fc-async plan --prune --format json
      fc-async plan --out reviewed.json
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.apply import checking
    from fc_async_plugin.apply.planning import Choices, Planning
    from fc_async_plugin.plan import saved as saved_plan
    from fc_async_plugin.report import costs
    from fc_async_plugin.report.printed import print_plan

    project = connection.load(template, account, environment)
    choices = Choices(
        resources, with_functions, prune, create_missing, skip_validation, before_deployment
    )
    with connection.regions(account, project) as regions:
        planning = Planning(project, account, regions, choices)
        plan, remote = planning.plan()
        before = costs.of_account(remote, project.resources)
        after = costs.of_account(checking.after(plan, remote), project.resources, planning.wanted)
        print_plan(plan, output, more={"costs": costs.as_data(after)} if cost else {})
        if cost and output == "text":
            terminal.tell("")
            terminal.print_lines(costs.table(after, terminal.width()))
        for sentence, much in costs.changes(before, after):
            terminal.note(f"{'Warning' if much else 'Note'}: {sentence}.")
        if plan.obstacles:
            return FAILED
        if out is not None:
            account_id = connection.account_id_of(account, project)
            checks = checking.AccountChecks(regions, account)
            cycles = checks.cycles_after(plan, remote, account_id=account_id)
            saved = saved_plan.SavedPlan(
                template=str(Path(project.file).resolve()),
                endpoint=account.endpoint or "",
                account_id=account_id,
                environment=environment or "",
                plan=plan,
                seen=saved_plan.seen(planning.wanted, remote),
                cycles=tuple(map(checking.describe, cycles)),
            )
            saved_plan.save(Path(out), saved)
    return CHANGES if plan.changes else DONE
