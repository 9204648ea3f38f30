# SPDX-License-Identifier: MIT
"""``fc-async plan``: shows what a deployment would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import CHANGES, DONE, FAILED, Format, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.s_yaml import Project


@click.command()
@options.place_options
@options.resource_option
@options.with_functions_option
@options.prune_option
@options.create_missing_option
@options.format_option
@options.skip_validation_option
@options.cost_option
@options.prices_option
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write the plan for deploy --from-plan, without values of environment variables.",
)
@options.flag(
    "--before-deployment",
    hidden=True,
    help="Inside s: name what is known only after it has deployed, instead of failing.",
)
def command(
    *, where: Where, output: Format, cost: bool, prices: str | None, out: str | None, **choices: Any
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
    from fc_async_plugin.deploy.apply.planning import (
        AccountChecks,
        Coverage,
        Planning,
        describe,
        state_after,
    )
    from fc_async_plugin.deploy.plan import saved as saved_plan
    from fc_async_plugin.deploy.printed import print_plan
    from fc_async_plugin.report import costs

    account = where.account
    # The code and the variables of functions are compared only with functions, and a plan that is
    # saved is deployed as it is: both need every value.
    needs_values = choices["with_functions"] or out is not None
    project = connection.load_resources(where, purpose="deploy" if needs_values else "plan")
    _note_unset(project)
    with connection.regions(account, project) as regions:
        planning = Planning(project, account, regions, Coverage(**choices))
        plan, remote = planning.plan()
        before = costs.of_account(remote, project.resources)
        after = costs.of_account(state_after(plan, remote), project.resources, planning.wanted)
        table = costs.prices_of(prices)
        more = {"costs": costs.as_data(after, table)} if cost else {}
        print_plan(plan, output, holder=connection.holder_of(account), more=more)
        if cost and output == "text":
            terminal.print_text("")
            terminal.print_table_lines(costs.table(after, table, terminal.width()))
        for sentence, is_warning in costs.changes(before, after, table):
            terminal.note(f"{'Warning' if is_warning else 'Note'}: {sentence}.")
        # deploy refuses such a plan, so that it is not saved either.
        if plan.obstacles:
            return FAILED
        if out is not None:
            account_id = connection.account_id_of(account, project)
            checks = AccountChecks(regions, account)
            cycles = checks.cycles_after(plan, remote, account_id=account_id)
            saved = saved_plan.SavedPlan(
                template=str(Path(project.file).resolve()),
                endpoint=account.endpoint or "",
                account_id=account_id,
                environment=where.environment or "",
                plan=plan,
                seen=saved_plan.snapshots(planning.wanted, remote),
                cycles=tuple(map(describe, cycles)),
            )
            saved_plan.save(Path(out), saved)
    return CHANGES if plan.changes else DONE


def _note_unset(project: Project) -> None:
    """Name the variables without a value, which deploy needs."""
    unset = [problem for problem in project.notes if problem.kind == "unset"]
    for problem in unset:
        terminal.note(f"{problem.position}: {problem.message}: deploy needs it ({problem.fix}).")
