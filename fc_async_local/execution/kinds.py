# SPDX-License-Identifier: MIT
"""Which runtimes are available, and which class of instance runs each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.execution.builtin import NodeInstance, PythonInstance, find_node
from fc_async_sdk.spec.runtimes import CUSTOM, NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.execution.debugging import Debugger
    from fc_async_local.execution.import_rules import ImportRules
    from fc_async_local.execution.instance import Common, Instance
    from fc_async_local.execution.ports import PortBook
    from fc_async_local.execution.protocol import Deployment

_HERE: Final = PYTHON | CUSTOM
"""Available on any machine; the runtimes of Node need a ``node`` on the PATH."""


def reason_unavailable(deployment: Deployment) -> str:
    """Return why a deployment cannot run on this machine; "" if it can."""
    runtime = deployment.runtime
    if runtime in _HERE or (runtime in NODE and find_node() is not None):
        return ""
    if runtime in NODE:
        return f"runtime {runtime!r} is not available locally: there is no 'node' on the PATH"
    known = ", ".join(sorted(_HERE | NODE))
    return f"runtime {runtime!r} is not available locally; here run {known}"


class InstanceFactory:
    """Makes instances without starting them.

    Args:
        common: What they share.
        ports: The ports of all custom runtimes.
        imports: What functions may import.
        debugger_of: Returns the debugger of a deployment, None if it is not debugged.
    """

    def __init__(
        self,
        common: Common,
        ports: PortBook,
        *,
        imports: ImportRules,
        debugger_of: Callable[[Deployment], Debugger | None],
    ) -> None:
        self._imports = imports
        self._debugger_of = debugger_of
        self._common = common
        self._ports = ports

    def __call__(self, deployment: Deployment) -> Instance:
        """Return an instance for a deployment whose runtime is available."""
        if deployment.runtime in CUSTOM:
            # aiohttp is a third of the start of a runtime, and most functions do not need it.
            from fc_async_local.execution.custom import CustomInstance  # noqa: PLC0415 -- see above

            return CustomInstance(deployment, self._common, ports=self._ports)
        debugger = self._debugger_of(deployment)
        if deployment.runtime in PYTHON:
            return PythonInstance(deployment, self._common, debugger, imports=self._imports)
        return NodeInstance(deployment, self._common, debugger)
