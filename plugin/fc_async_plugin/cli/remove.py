# SPDX-License-Identifier: MIT
"""``fc-async remove``: deletes the configuration of the template from the account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import options

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.plan import Plan
    from fc_async_plugin.report import Format


@click.command()
@options.place_options
@options.resource_option
@options.with_functions_option
@options.yes_option
@options.format_option
@options.flag("--resume", help="Resume an interrupted removal.")
def command(
    where: Where,
    resources: tuple[str, ...],
    with_functions: bool,
    yes: bool,
    output: Format,
    resume: bool,
) -> int:
    """Delete the asynchronous configuration that the template has a block for.

    With --with-functions, also delete the functions with all their configuration, triggers,
    aliases and versions, which cannot be undone.

    \b
    Examples:
      fc-async remove -y
      fc-async remove --with-functions
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.remote import read
    from fc_async_plugin.apply.execution import Execution
    from fc_async_plugin.plan import plan_removal
    from fc_async_plugin.plan.wanted import wanted
    from fc_async_plugin.report.printed import print_plan

    project = connection.load_resources(where)
    wants = wanted(project, only=resources)
    with (
        connection.regions(where.account, project) as regions,
        Execution(
            file=Path(project.file),
            account=where.account,
            regions=regions,
            project=project,
            command="remove",
            yes=yes,
            output=output,
        ) as execution,
    ):
        execution.begin(resume=resume)

        def make_plan() -> Plan:
            remote = read(regions, wants, everything=with_functions)
            return plan_removal(wants, remote, functions=with_functions)

        what = "functions" if with_functions else "asynchronous configuration"
        nothing = f"Nothing to do: the account has none of the template's {what}."
        return execution.carry_out(
            make_plan,
            lambda plan: print_plan(plan, output, nothing=nothing),
            question="Remove this from",
        )
