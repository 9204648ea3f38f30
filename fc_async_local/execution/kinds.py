# SPDX-License-Identifier: MIT
"""Which runtimes exist here, and which kind of instance runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.execution.node import NodeInstance, find_node
from fc_async_local.execution.python import PythonInstance
from fc_async_sdk.spec.runtimes import CUSTOM, NODE, PYTHON

if TYPE_CHECKING:
    from fc_async_local.execution.identity import Identity
    from fc_async_local.execution.instance import Instance
    from fc_async_local.execution.ports import PortBook
    from fc_async_local.execution.protocol import Deployment

_HERE: Final = PYTHON | CUSTOM
"""Run on any machine: on this interpreter whatever the version in the name, or as a process.

The runtimes of Node need a ``node`` on the PATH.
"""


def reason_unavailable(deployment: Deployment) -> str:
    """Why the deployment can't run here, "" if it can."""
    runtime = deployment.runtime
    if runtime in _HERE or (runtime in NODE and find_node() is not None):
        return ""
    if runtime in NODE:
        return f"runtime {runtime!r} is not available locally: there is no 'node' on the PATH"
    known = ", ".join(sorted(_HERE | NODE))
    return f"runtime {runtime!r} is not available locally; here run {known}"


class InstanceFactory:
    """Makes instances, not started.

    Args:
        identity: What functions are told about account and keys.
        log_bytes: How much of its log an instance keeps.
        start_seconds: How long an instance may take to come up.
        ports: The ports of all custom runtimes.
    """

    def __init__(
        self, identity: Identity, log_bytes: int, start_seconds: float, ports: PortBook
    ) -> None:
        self._identity = identity
        self._log_bytes = log_bytes
        self._start_seconds = start_seconds
        self._ports = ports

    def __call__(self, deployment: Deployment) -> Instance:
        """An instance for a runtime that is available."""
        if deployment.runtime in PYTHON:
            return PythonInstance(
                deployment, self._identity, self._log_bytes, start_seconds=self._start_seconds
            )
        if deployment.runtime in NODE:
            return NodeInstance(
                deployment, self._identity, self._log_bytes, start_seconds=self._start_seconds
            )
        # Its HTTP client takes a tenth of a second to import; most never need it.
        from fc_async_local.execution.custom import CustomInstance  # noqa: PLC0415 -- see above

        return CustomInstance(
            deployment,
            self._identity,
            self._log_bytes,
            ports=self._ports,
            start_seconds=self._start_seconds,
        )
