# SPDX-License-Identifier: MIT
"""Runtimes of functions that this machine has, and those that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_sdk.spec.runtimes import NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_plugin.project.sources import Source


def reason_unavailable(name: str) -> str:
    """Return why the functions of a runtime cannot run on this machine; "" if they can."""
    from fc_async_local.execution.instances import kinds  # noqa: PLC0415 -- the extra local

    return kinds.reason_unavailable(name) if name else ""


def tell_versions(sources: Iterable[Source]) -> None:
    """Let the runtime of this process warn which functions run on another version than theirs.

    Functions whose code is not there are not deployed, so nothing is said of them.
    """
    from fc_async_local.execution.instances import builtin  # noqa: PLC0415 -- as above

    for source in sources:
        if source.code is None or not source.code.exists():
            continue
        if source.runtime in PYTHON:
            folders = [path for path in source.paths if path.is_dir()]
            builtin.python_of(source.function, source.runtime, folders, debugged=False)
        elif source.runtime in NODE:
            builtin.node_of(source.runtime)
