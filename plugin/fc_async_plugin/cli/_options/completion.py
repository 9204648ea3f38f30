# SPDX-License-Identifier: MIT
"""Names for shell completion: of the template, and of the local runtime that runs on this folder.

Invariants:
- An account is never asked: a press of a key sends nothing to the cloud.
- What cannot be read offers no names, without a word; the command itself reports the error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from fc_async_sdk import Client

_NEWEST: Final = 100
"""Tasks that are offered: one page of the runtime."""


def functions(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the resources of the template; without a template, the functions of the runtime."""
    from fc_async_plugin import s_yaml

    try:
        project = s_yaml.load(context.params.get("template"))
        names = [resource.name for resource in project.resources]
    except s_yaml.TemplateError:
        names = _of_the_runtime(_functions)
    return [name for name in names if name.startswith(incomplete)]


def tasks(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the newest tasks of the runtime."""
    return [task for task in _of_the_runtime(_tasks) if task.startswith(incomplete)]


def _functions(client: Client) -> list[str]:
    pages = client.get_paginator("list_functions").paginate()
    return [function.function_name for page in pages for function in page.functions]


def _tasks(client: Client) -> list[str]:
    from fc_async_plugin.account import runtime
    from fc_async_sdk.admin import operations as admin

    listing = runtime.ask(client, admin.list_tasks(limit=_NEWEST))
    return [task.task_id for task in listing.tasks]


def _of_the_runtime(read: Callable[[Client], list[str]]) -> list[str]:
    """Return what is read from the runtime of this folder, nothing without one."""
    from fc_async_plugin.account import runtime
    from fc_async_plugin.dev import runtime as running
    from fc_async_sdk import _project_folder
    from fc_async_sdk.errors import FcAsyncError

    try:
        addresses = running.find(_project_folder.RUNTIME)
        if addresses is None:
            return []
        with runtime.client_of(addresses.fc) as client:
            return read(client)
    except (FcAsyncError, OSError):
        return []
