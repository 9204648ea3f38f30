# SPDX-License-Identifier: MIT
"""``fc-async deploy``: makes the account what the template says, as a whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from fc_async_plugin.cli import options
from fc_async_plugin.cli.group import CHANGES, DONE, FAILED

if TYPE_CHECKING:
    from fc_async_plugin.account import Regions
    from fc_async_plugin.cli.execution import Execution
    from fc_async_plugin.cli.options import Account, Format
    from fc_async_plugin.plan import Plan
    from fc_async_plugin.template import Project


class Choices(NamedTuple):
    """What was chosen on the command line, beside template and account."""

    with_functions: bool
    prune: bool
    yes: bool
    output: Format
    dry_run: bool
    resume: bool
    undo: bool
    resources: tuple[str, ...]


@click.command()
@options.template_option
@options.env_option
@options.resource_option
@options.account_options
@options.with_functions_option
@options.prune_option
@options.yes_option
@options.format_option
@click.option("--skip-validation", is_flag=True, help="Deploy in spite of errors in the template.")
@click.option(
    "--dry-run", is_flag=True, help="The same as plan: change nothing, exit 2 if it would."
)
@click.option(
    "--from-plan",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    default=None,
    help="Apply exactly this plan (plan --out FILE); refused if the account changed since.",
)
@click.option("--resume", is_flag=True, help="Go on with a deployment that was interrupted.")
@click.option("--undo", is_flag=True, help="Take back a deployment that was interrupted.")
def command(  # noqa: PLR0917 -- click passes options by name
    template: str | None,
    environment: str | None,
    resources: tuple[str, ...],
    account: Account,
    with_functions: bool,
    prune: bool,
    yes: bool,
    output: Format,
    skip_validation: bool,
    dry_run: bool,
    from_plan: str | None,
    resume: bool,
    undo: bool,
) -> int:
    """Make the account what the template says.

    The asynchronous configuration alone, beside s deploy; with --with-functions the functions too.
    When a step fails, everything is undone. Ctrl-C stops after the steps that are running.

    \b
    Examples:
      fc-async deploy -y
      fc-async deploy --with-functions --endpoint http://127.0.0.1:9900 -y
      fc-async deploy --from-plan reviewed.json
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.cli import connection

    choices = Choices(with_functions, prune, yes, output, dry_run, resume, undo, resources)
    if sum((dry_run, resume, undo)) > 1:
        raise click.UsageError("--dry-run, --resume and --undo exclude each other")
    if from_plan is not None:
        if template is not None or resources or prune or with_functions or undo:
            raise click.UsageError(
                "--from-plan goes without -t, --resource, --prune, --with-functions and --undo"
            )
        return _deploy_saved(Path(from_plan), account, choices)
    project = connection.load(template, account, environment)
    if not undo:
        connection.refuse_findings(project, skip=skip_validation)
    with connection.regions(account, project) as regions:
        return _deploy(project, account, regions, choices)


def _deploy(project: Project, account: Account, regions: Regions, choices: Choices) -> int:
    from fc_async_plugin.account.remote import read
    from fc_async_plugin.cli import connection
    from fc_async_plugin.cli.execution import Execution
    from fc_async_plugin.plan import plan_changes
    from fc_async_plugin.plan.wanted import wanted

    execution = Execution(
        regions,
        Path(project.file).resolve().parent,
        connection.target_of(account, project),
        "deploy",
        choices.yes,
        choices.output,
    )
    if choices.undo:
        return execution.take_back()
    wants = wanted(project, functions=choices.with_functions, only=choices.resources)
    plan = plan_changes(wants, read(regions, wants), prune=choices.prune)
    return _carry_out(plan, execution, choices)


def _deploy_saved(path: Path, account: Account, choices: Choices) -> int:
    from fc_async_plugin.account.remote import read
    from fc_async_plugin.cli import connection
    from fc_async_plugin.cli.execution import Execution
    from fc_async_plugin.errors import PluginError
    from fc_async_plugin.plan import saved as saved_plan

    saved = saved_plan.load(path)
    if account.endpoint and account.endpoint != saved.endpoint:
        raise PluginError(
            f"the plan was made for {saved.endpoint or 'the service itself'}, not for "
            f"{account.endpoint}"
        )
    account = account._replace(
        endpoint=saved.endpoint or None, account_id=account.account_id or saved.account_id or None
    )
    folder = Path(saved.template).parent
    with connection.regions(account) as regions:
        saved_plan.refuse_changes(saved, read(regions, saved_plan.to_read(saved)))
        execution = Execution(
            regions,
            # A plan may be applied elsewhere than it was made; the journal then lies here.
            folder if folder.is_dir() else Path.cwd(),
            connection.target_of(account),
            "deploy",
            choices.yes,
            choices.output,
        )
        return _carry_out(saved.plan, execution, choices)


def _carry_out(plan: Plan, execution: Execution, choices: Choices) -> int:
    from fc_async_plugin.cli.plan import print_plan

    if plan.obstacles or choices.dry_run or choices.output == "text":
        print_plan(plan, choices.output)
    if plan.obstacles:
        return FAILED
    if choices.dry_run:
        return CHANGES if plan.changes else DONE
    return execution.carry_out(plan, question="Deploy this?", resume=choices.resume)
