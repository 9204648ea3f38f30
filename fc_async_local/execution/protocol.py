# SPDX-License-Identifier: MIT
"""The port behind which functions run.

Implementations: :mod:`fc_async_local.execution.inprocess` (plain callables, for tests on virtual
time) and the worker runtimes (processes). A runner executes and reports; it never decides on
retries and never touches a store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.domain.invocation import Outcome


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How a starting custom runtime is asked whether it is well.

    Attributes:
        path: Asked with GET; an answer from 200 to 399 is a success.
        failure_threshold: Failures in a row before the start has failed.
        success_threshold: Successes in a row before calls are sent.
    """

    path: str
    initial_delay_ms: int = 0
    period_ms: int = 3_000
    timeout_ms: int = 1_000
    failure_threshold: int = 3
    success_threshold: int = 1


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """One function as it is to be run: code and settings of one version, or of LATEST.

    Attributes:
        revision: Changes whenever code or settings change; instances of another revision are
            retired.
        version_id: "" for LATEST.
        timeout_ms: How long one execution may take.
        command: Start command of a custom runtime, empty for built-in ones.
        port: Where a custom runtime listens on the service.
        health_check: None: it is well as soon as it takes connections.
        max_instances: Reserved concurrency; None: only the account's limit holds.
    """

    function: str
    version_id: str
    revision: str
    runtime: str
    handler: str
    code_checksum: str
    timeout_ms: int
    memory_mb: int
    environment: Mapping[str, str] = {}
    instance_concurrency: int = 1
    max_instances: int | None = None
    initializer: str = ""
    initializer_timeout_ms: int = 3_000
    pre_stop: str = ""
    pre_stop_timeout_ms: int = 3_000
    command: tuple[str, ...] = ()
    port: int = limits.CUSTOM_RUNTIME_PORT
    health_check: HealthCheck | None = None
    role: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One execution to be made.

    Attributes:
        number: 0 for the first attempt: what the function sees as ``retry_count``.
        qualifier: As the caller asked.
        task_id: "" in synchronous calls.
    """

    deployment: Deployment
    request_id: str
    payload: bytes
    number: int = 0
    qualifier: str = limits.DEFAULT_QUALIFIER
    task_id: str = ""


class CodeSource(Protocol):
    """Where a runner finds unpacked code."""

    async def folder(self, checksum: str) -> Path:
        """The folder with the unpacked archive; unpacked on first use.

        Raises:
            LookupError: There is no such code.
        """
        ...


class FunctionRunner(Protocol):
    """Executes attempts."""

    async def run(self, attempt: Attempt) -> Outcome:
        """Execute; returns whatever came of it. Never raises for anything the function did."""
        ...

    async def interrupt(self, request_id: str) -> bool:
        """Stop a running attempt; its :meth:`run` returns INTERRUPTED. False: it doesn't run."""
        ...

    async def aclose(self) -> None:
        """Run pre-stop hooks, end all instances, leave no process behind."""
        ...
