# SPDX-License-Identifier: MIT
"""Which runtimes are available, and which class of instance runs each."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from fc_async_local.execution.builtin import NodeInstance, PythonInstance, find_node
from fc_async_sdk.spec.runtimes import CUSTOM, NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.execution.debugging import Debugger
    from fc_async_local.execution.identity import Identity
    from fc_async_local.execution.import_rules import ImportRules
    from fc_async_local.execution.instance import Instance
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
        identity: Account and keys that functions see.
        log_bytes: How much of its log an instance keeps.
        start_seconds: How long an instance may take to start.
        ports: The ports of all custom runtimes.
        imports: What functions may import.
        debugger_of: Returns the debugger of a deployment, None if it is not debugged.
    """

    def __init__(
        self,
        identity: Identity,
        log_bytes: int,
        start_seconds: float,
        ports: PortBook,
        *,
        imports: ImportRules,
        debugger_of: Callable[[Deployment], Debugger | None],
    ) -> None:
        self._imports = imports
        self._debugger_of = debugger_of
        self._identity = identity
        self._log_bytes = log_bytes
        self._start_seconds = start_seconds
        self._ports = ports

    def __call__(self, deployment: Deployment) -> Instance:
        """Return an instance for a deployment whose runtime is available."""
        if deployment.runtime in CUSTOM:
            # aiohttp is a third of the start of a runtime, and most functions do not need it.
            from fc_async_local.execution.custom import CustomInstance  # noqa: PLC0415 -- see above

            return CustomInstance(
                deployment,
                self._identity,
                self._log_bytes,
                ports=self._ports,
                start_seconds=self._start_seconds,
            )
        kind: Callable[..., Instance] = NodeInstance
        if deployment.runtime in PYTHON:
            kind = functools.partial(PythonInstance, imports=self._imports)
        instance = kind(
            deployment, self._identity, self._log_bytes, start_seconds=self._start_seconds
        )
        instance.debugger = self._debugger_of(deployment)
        return instance
