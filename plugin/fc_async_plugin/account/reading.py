# SPDX-License-Identifier: MIT
"""Reads the templates that a command names; an invalid file does not hide the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_plugin import template
from fc_async_plugin.account import connection, live
from fc_async_plugin.rules import Context
from fc_async_plugin.template.desired import BLOCK, is_function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.graph.build import LiveRegion


def read_all(
    files: Sequence[str | None],
    account: Account,
    *,
    env: str | None = None,
    deployed: bool = False,
    ram_endpoint: str | None = None,
) -> Context:
    """Read templates for the rules.

    Args:
        files: Names, None for the working folder's template; each is read once.
        account: The shared options.
        env: Environment of ``env.yaml``.
        deployed: Read the account, too.
        ram_endpoint: URL of RAM, to read the policies of roles; None: they are not read.

    Returns:
        The templates that could be read, and the problems of the others.

    Raises:
        FcAsyncError: The account cannot be read.
    """
    resolved = connection.resolved_by_s()

    def read(file: str | None) -> template.Project | template.TemplateError:
        try:
            return template.load(
                file,
                env=env,
                access=account.access,
                account_id=account.account_id,
                region=account.region,
                reveal=False,
                resolved=resolved,
                purpose="show",
            )
        except template.TemplateError as error:
            return error

    read_ones = [read(file) for file in dict.fromkeys(files)]
    projects = [one for one in read_ones if isinstance(one, template.Project)]
    problems = [
        problem
        for one in read_ones
        if isinstance(one, template.TemplateError)
        for problem in one.problems
    ]
    return Context(
        projects,
        problems,
        _regions(projects, account) if deployed else None,
        _roles(projects, account, ram_endpoint) if ram_endpoint else None,
    )


def _regions(projects: Sequence[template.Project], account: Account) -> list[LiveRegion]:
    """Read every region and account of the functions in the templates."""
    wanted: dict[tuple[str, str], template.Project] = {}
    for project in projects:
        for resource in project.resources:
            if is_function(resource):
                wanted.setdefault((resource.region, resource.account_id), project)
    found = []
    for (region, account_id), project in wanted.items():
        with connection.client(account, region, project) as client:
            found.append(live.read_region(client, region, account_id))
    return found


def _roles(
    projects: Sequence[template.Project], account: Account, endpoint: str
) -> dict[str, dict[str, Any]]:
    """Read the policies of the roles of all functions with a block or triggers."""
    wanted = {
        str(resource.props["role"])
        for project in projects
        for resource in project.resources
        if is_function(resource)
        and resource.props.get("role")
        and (resource.props.get(BLOCK) or resource.props.get("triggers"))
    }
    reader = connection.roles(account, endpoint)
    return {role: reader.policy_of(role) for role in sorted(wanted)}
