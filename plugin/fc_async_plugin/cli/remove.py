# SPDX-License-Identifier: MIT
"""``fc-async remove``: deletes the configuration of the template from the account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, Format, terminal

if TYPE_CHECKING:
    from collections.abc import Collection

    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.deploy.plan import Plan
    from fc_async_plugin.project.state import Channel
    from fc_async_plugin.s_yaml import Project


@click.command()
@options.place_options
@options.resource_option
@options.flag(
    "--with-functions",
    help="Also delete the functions: code, settings, triggers, concurrency, aliases and versions.",
)
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
    aliases and versions, which cannot be undone. Queues, topics and event buses stay with their
    messages; those of the template that exist are named at the end.

    \b
    Examples:
      fc-async remove -y
      fc-async remove --with-functions
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.remote import read
    from fc_async_plugin.deploy.apply.execution import Execution
    from fc_async_plugin.deploy.plan import plan_removal
    from fc_async_plugin.deploy.printed import print_plan
    from fc_async_plugin.project.wanted import wanted

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

        kind = "functions" if with_functions else "asynchronous configuration"
        holder = connection.holder_of(where.account)
        nothing = f"Nothing to do: {holder} has none of the template's {kind}."
        code = execution.carry_out(
            make_plan,
            lambda plan: print_plan(plan, output, holder=holder, nothing=nothing),
            question="Remove this from",
        )
    if code == DONE:
        _tell_left(project, resources, where.account, functions=with_functions)
    return code


def _tell_left(
    project: Project, names: Collection[str], account: Account, *, functions: bool
) -> None:
    """Say on stderr what a removal leaves, and what to do with each.

    Args:
        project: The template.
        names: The resources that were removed; empty: all.
        account: The options.
        functions: Whether the functions were removed.
    """
    from fc_async_plugin.account import connection
    from fc_async_plugin.project import channels

    # What deploy --create-missing has made stays, and went unmentioned.
    removed = [resource for resource in project.functions if not names or resource.name in names]
    staying = [resource for resource in project.functions if resource not in removed]
    if removed and not functions:
        shown = ", ".join(resource.function_name for resource in removed)
        terminal.note(f"Left: the functions {shown}; --with-functions deletes them.")
    candidates = channels.of_resources(removed, triggers=functions)
    # What another function of the template uses is not left over.
    in_use = channels.of_resources(staying, triggers=True)
    leftovers = connection.remaining(candidates - in_use, account, project)
    is_local = connection.is_here(account)
    for channel in leftovers.existing:
        terminal.note(f"Left: {_shown(channel)}, {_way_out(channel, is_local=is_local)}.")
    # Keys that may remove functions need not be allowed to read queues.
    if leftovers.unread:
        shown = ", ".join(map(_shown, leftovers.unread))
        terminal.note(f"Not looked for, and left if they exist: {shown} ({leftovers.reason})")


def _shown(channel: Channel) -> str:
    return f"{channel.of} {channel.name} ({channel.region})"


def _way_out(channel: Channel, *, is_local: bool) -> str:
    """Return how a queue, topic or event bus is deleted."""
    if is_local:
        return "with its messages; fc-async local clear deletes all that the runtime keeps"
    service = "EventBridge" if channel.of == "event bus" else "Simple Message Queue (MNS)"
    return f"with its messages; if nothing else uses it, delete it in the console of {service}"
