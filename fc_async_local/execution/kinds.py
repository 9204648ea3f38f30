# SPDX-License-Identifier: MIT
"""Available runtimes, and the class of instance that runs each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.execution.builtin import NodeInstance, PythonInstance, node_of, python_of
from fc_async_local.execution.interpreters import find_node
from fc_async_sdk.spec.runtimes import CUSTOM, NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fc_async_local.execution.debugging import Debugger
    from fc_async_local.execution.instance import Common, Instance
    from fc_async_local.execution.protocol import Deployment

_HERE: Final = PYTHON | CUSTOM
"""Available on any machine; the runtimes of Node need a ``node`` on the PATH."""


def reason_unavailable(runtime: str) -> str:
    """Return why the functions of a runtime cannot run on this machine; "" if they can."""
    if runtime in _HERE or (runtime in NODE and find_node() is not None):
        return ""
    if runtime in NODE:
        return f"runtime {runtime!r} is not available locally: there is no 'node' on the PATH"
    return (
        f"runtime {runtime!r} is not available locally; Python, Node.js and custom runtimes are, "
        "such as custom.debian12 for a web server in any language"
    )


def tell_version(function: str, runtime: str, folders: Iterable[Path]) -> None:
    """Log once if a function runs on another version than that of its runtime. It blocks.

    Args:
        function: The function.
        runtime: Its runtime.
        folders: Its code and its layers.
    """
    if runtime in PYTHON:
        python_of(function, runtime, folders, debugged=False)
    elif runtime in NODE and find_node() is not None:
        node_of(runtime)


def new_instance(deployment: Deployment, common: Common, debugger: Debugger | None) -> Instance:
    """Return an instance for a deployment whose runtime is available; it is not started.

    Args:
        deployment: What it runs.
        common: What it shares with all others.
        debugger: The debugger of its function, None if it is not debugged.
    """
    if deployment.runtime in CUSTOM:
        # aiohttp is a third of the start of a runtime, and most functions do not need it.
        from fc_async_local.execution.custom import CustomInstance  # noqa: PLC0415 -- see above

        return CustomInstance(deployment, common)
    kind = PythonInstance if deployment.runtime in PYTHON else NodeInstance
    return kind(deployment, common, debugger)
