# SPDX-License-Identifier: MIT
"""``fc-async deploy``: makes the account match the template, completely or not at all."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, Format, terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.deploy.apply.execution import Execution
    from fc_async_plugin.deploy.plan import Plan
    from fc_async_plugin.s_yaml import Project


@click.command()
@options.place_options
@options.resource_option
@options.with_functions_option
@options.prune_option
@options.create_missing_option
@options.yes_option
@options.format_option
@options.skip_validation_option
@options.flag("--dry-run", hidden=True, help="Now fc-async plan.")
@options.existing_file(
    "--from-plan",
    help="Apply exactly this plan (plan --out FILE); refused if the account changed since.",
)
@options.flag("--resume", help="Resume an interrupted deployment.")
@options.flag("--undo", help="Undo an interrupted deployment.")
def command(
    *,
    where: Where,
    yes: bool,
    output: Format,
    dry_run: bool,
    from_plan: str | None,
    resume: bool,
    undo: bool,
    **planning_options: Any,
) -> int:
    """Make the account match the template.

    Deploys the asynchronous configuration, beside s deploy; with --with-functions the functions
    with their triggers, too. If a step fails, all steps are undone. Ctrl-C stops after the
    running steps.

    \b
    Examples:
      fc-async deploy --from-plan reviewed.json -y
      fc-async deploy -y
      fc-async deploy --with-functions --endpoint http://127.0.0.1:9900 -y
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.target import DecidedBy
    from fc_async_plugin.deploy.apply.execution import Execution
    from fc_async_plugin.deploy.apply.planning import Coverage, Planning, SavedPlanning

    if dry_run:
        raise click.UsageError("fc-async deploy --dry-run is now: fc-async plan")
    coverage = Coverage(**planning_options)
    account = where.account
    deployment = partial(Execution, command="deploy", yes=yes, output=output)
    if resume and undo:
        raise click.UsageError("--resume and --undo exclude each other")
    if from_plan is not None:
        # A plan has its template, its target and its coverage: one beside it would be ignored.
        without_skip = coverage._replace(skip_validation=False)
        if where.template is not None or account.region or undo or without_skip != Coverage():
            raise click.UsageError(
                "--from-plan goes without -t, --region, --resource, --prune, --create-missing, "
                "--with-functions and --undo"
            )
        saved = SavedPlanning(Path(from_plan), account, skip_validation=coverage.skip_validation)
        if saved.account.by is DecidedBy.PLAN:
            terminal.note(f"Using {saved.account.endpoint} ({DecidedBy.PLAN.value})")
        with connection.regions(saved.account) as regions:
            execution = deployment(saved.template, saved.account, regions)
            return _carry_out(lambda: saved.plan(regions), execution, resume=resume)
    project = connection.load_resources(where)
    with connection.regions(account, project) as regions:
        execution = deployment(Path(project.file), account, regions, project=project)
        if undo:
            with execution:
                return execution.take_back()
        planning = Planning(project, account, regions, coverage)
        code = _carry_out(lambda: planning.plan()[0], execution, resume=resume)
        if code == DONE and connection.is_here(account):
            _tell_places(regions, project, coverage.resources)
    return code


def _tell_places(regions: Regions, project: Project, resources: Collection[str]) -> None:
    """Tell a local runtime where the destinations are written; its console shows it."""
    from fc_async_plugin.operate import places
    from fc_async_sdk.errors import FcAsyncError

    with suppress(FcAsyncError):  # another server on this machine has no such operation
        places.tell(regions, project, resources or None)


def _carry_out(make_plan: Callable[[], Plan], execution: Execution, *, resume: bool) -> int:
    """Read the account, plan, and execute, while no other deployment to the same target runs."""
    from fc_async_plugin.account import connection
    from fc_async_plugin.deploy.printed import print_plan

    holder = connection.holder_of(execution.account)
    with execution:
        execution.begin(resume=resume)
        return execution.carry_out(
            make_plan,
            lambda plan: print_plan(plan, execution.output, holder=holder),
            question="Deploy this to",
        )
