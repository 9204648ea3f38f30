# SPDX-License-Identifier: MIT
"""Runtimes of functions that this machine has, and those that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_sdk.spec.runtimes import NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_plugin.project.sources import Source


def has_node() -> bool:
    """Return whether this machine has a Node, also one of a version manager."""
    try:
        from fc_async_local.execution.machine import interpreters  # noqa: PLC0415 -- the extra local
    except ImportError:
        return False
    return interpreters.find_node() is not None


def tell_versions(sources: Iterable[Source]) -> None:
    """Let the runtime of this process warn which functions run on another version than theirs.

    Args:
        sources: Functions that were deployed.
    """
    from fc_async_local.execution.instances import builtin  # noqa: PLC0415 -- as above

    for source in sources:
        if source.runtime in PYTHON:
            folders = [path for path in source.paths if path.is_dir()]
            builtin.python_of(source.function, source.runtime, folders, debugged=False)
        elif source.runtime in NODE:
            builtin.node_of(source.runtime)
