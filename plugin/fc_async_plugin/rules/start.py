# SPDX-License-Identifier: MIT
"""The rule about the file that starts a custom runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_plugin.rules.rule import Found, rule
from fc_async_plugin.template.code import start_problem
from fc_async_plugin.template.desired import is_function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.rules.context import Context


@rule("FCA019", "bootstrap-does-not-start", "error", "A start file that Linux cannot start.")
def does_not_start(context: Context) -> Iterator[Found]:
    """Looks at the mode and the first line of a file that exists: a build may make it."""
    for project in context.projects:
        for resource in filter(is_function, project.resources):
            problem = start_problem(project, resource)
            if problem and not problem.missing:
                yield Found(problem.message, resource.where(*problem.path), problem.fix)
