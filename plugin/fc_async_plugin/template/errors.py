# SPDX-License-Identifier: MIT
"""What can be wrong with a template before anybody judges its content.

Every problem knows its place. Reading goes on after a variable that can't be resolved, so one
error may carry many problems; the first one is its message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_plugin import PluginError
from fc_async_plugin.template.model import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.template.model import Kind, Position


class TemplateError(PluginError):
    """The template can't be used.

    Attributes:
        problems: All of them, in the order of the source; at least one.
        position: Where the first one is.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = tuple(problems)
        self.position = problems[0].position

    def __reduce__(self) -> tuple[type[TemplateError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def failure(kind: Kind, position: Position, message: str, fix: str = "") -> TemplateError:
    """A :class:`TemplateError` with one problem."""
    return TemplateError([Problem(kind, position, message, fix)])
