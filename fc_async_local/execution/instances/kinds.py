# SPDX-License-Identifier: MIT
"""Available runtimes, and the class of instance that runs each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.execution.instances.builtin import NodeInstance, PythonInstance
from fc_async_local.execution.machine.interpreters import find_node
from fc_async_sdk.spec.runtimes import CONTAINER, CUSTOM, NODE, PYTHON

if TYPE_CHECKING:
    from fc_async_local.execution.instances.debugging import Debugger
    from fc_async_local.execution.instances.instance import Common, Instance
    from fc_async_local.execution.protocol import Deployment

_HERE: Final = PYTHON | CUSTOM | {CONTAINER}
"""Available on any machine, as far as can be said without a look: the runtimes of Node need a
``node`` on the PATH, and images an engine, which is asked when the first one starts."""


def reason_unavailable(runtime: str) -> str:
    """Return why the functions of a runtime cannot run on this machine; "" if they can."""
    if runtime in _HERE or (runtime in NODE and find_node() is not None):
        return ""
    if runtime in NODE:
        return f"runtime {runtime!r} is not available locally: there is no 'node' on the PATH"
    return (
        f"runtime {runtime!r} is not available locally: Python, Node.js, custom ones and images "
        "are; a program that serves HTTP runs with: fc-async dev --command NAME='COMMAND'"
    )


def new_instance(deployment: Deployment, common: Common, debugger: Debugger | None) -> Instance:
    """Return an instance for a deployment whose runtime is available; it is not started.

    Args:
        deployment: What it runs.
        common: What it shares with all others.
        debugger: The debugger of its function, None if it is not debugged.
    """
    if deployment.runtime in CUSTOM:
        # aiohttp is a third of the start of a runtime, and most functions do not need it.
        from fc_async_local.execution.instances.custom import CustomInstance  # noqa: PLC0415 -- see above

        return CustomInstance(deployment, common)
    if deployment.runtime == CONTAINER:
        from fc_async_local.execution.instances.container import ContainerInstance  # noqa: PLC0415 -- see above

        return ContainerInstance(deployment, common)
    kind = PythonInstance if deployment.runtime in PYTHON else NodeInstance
    return kind(deployment, common, debugger)
