# SPDX-License-Identifier: MIT
"""The interface between the engine and the execution of functions.

Implementations, both in :mod:`fc_async_local.execution.instances`: ``InProcessRunner`` (callables,
for tests on virtual time) and ``ProcessRunner``. A runner executes and reports; it does not decide
on retries and uses no store.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from fc_async_local.domain.invocation import HttpHead
from fc_async_local.execution.mounts import MountPoint
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Outcome


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Health check of a starting custom runtime.

    Attributes:
        path: Path of the GET request; a status from 200 to 399 is a success.
        initial_delay_ms: Wait before the first check.
        period_ms: Wait between checks.
        timeout_ms: How long one check may take.
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
    """Code and settings of one version of a function, or of LATEST, as needed to run it.

    Attributes:
        revision: Changes whenever code or settings change; instances of another revision are
            retired.
        version_id: "" for LATEST.
        code_checksum: Key of the archive in the store.
        timeout_ms: How long one execution may take.
        command: Start command of a custom runtime, empty for built-in ones; of an image, what
            takes the place of its CMD, empty for that of the image.
        entrypoint: What takes the place of the ENTRYPOINT of an image; empty for its own.
        image: Reference of the image that it runs in; "" if it has none.
        cpu: How many processors it may use; None: as many as there are.
        port: Where a custom runtime listens on the service.
        health_check: None if a server is healthy as soon as it accepts connections.
        max_instances: Reserved concurrency; None if only the account's limit applies.
        layers: References to layers; those of the service are not available here.
        mounts: What it mounts.
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
    entrypoint: tuple[str, ...] = ()
    image: str = ""
    cpu: float | None = None
    port: int = limits.CUSTOM_RUNTIME_PORT
    health_check: HealthCheck | None = None
    role: str = ""
    layers: tuple[str, ...] = ()
    mounts: tuple[MountPoint, ...] = ()


class CannotRun(Exception):
    """A function cannot run on this machine. The message says why, and what to do."""


class BadResponse(Exception):
    """The answer of a web function cannot be passed on. The message says why."""


class HttpExchange(Protocol):
    """The client's side of a synchronous request to a web function."""

    def body(self) -> AsyncIterator[bytes]:
        """Return the body of the request, piece by piece as it arrives."""
        ...

    async def begin(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Send status and headers of the answer, as the server sent them.

        Raises:
            BadResponse: They cannot be passed on; nothing was sent.
        """
        ...

    async def write(self, data: bytes) -> None:
        """Send a piece of the body; return when the client can take more."""
        ...


Tell = Callable[[bytes, bool], bool]
"""Called in the event loop with whole lines that a function has printed while it runs, and whether
lines before them were left out; returns whether a reader can have them."""

Begin = Callable[[], Awaitable[bool]]
"""Called when an attempt has its place in an instance, before the function gets the event. Records
that the attempt runs; returns whether it may run."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One execution to perform.

    Attributes:
        number: The function's ``retry_count``: 0 for the first attempt.
        qualifier: As in the caller's request.
        task_id: "" for synchronous calls.
        http: The request to pass to a web function; None: ``payload`` is an event.
        exchange: The client that waits for the answer to ``http``, which also has the body; None:
            no client waits, and ``payload`` is the body.
        tell: Takes what the function prints, line by line; None: it is read at the end only.
        begin: Called before each execution; None: no start is recorded.
        call_key: Names a synchronous call in this process, also if others have its request id,
            which a caller may choose. "" for asynchronous invocations, whose ids are unique.
    """

    deployment: Deployment
    request_id: str
    payload: bytes
    number: int = 0
    qualifier: str = limits.DEFAULT_QUALIFIER
    task_id: str = ""
    http: HttpHead | None = None
    exchange: HttpExchange | None = None
    tell: Tell | None = None
    begin: Begin | None = None
    call_key: str = ""

    @property
    def key(self) -> str:
        """By which the attempt is interrupted."""
        return self.call_key or self.request_id

    async def may_begin(self) -> bool:
        """Record that the function gets the event now; return False if it must not."""
        if self.begin is None:
            return True
        return await self.begin()


class RunnerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on number, time and memory.

    Attributes:
        account_instances: Instances of all functions together.
        start_seconds: How long an instance may take to start. The service allows 120 s
            (docs/reference/sources.md, error handling of
            custom runtimes).
        idle_seconds: How long an instance waits for its next call before it is stopped.
        log_bytes: How much of an attempt's log is kept; the newest part.
        memory_check_seconds: Time between checks of the memory of busy instances.
        freeze: Whether instances that run no call are frozen.
        mount_paths: Whether commands run where ``/code`` and ``/opt`` are those of the function.
        strict_imports: Whether imports that would fail on the service fail here, too.
    """

    account_instances: int = limits.ACCOUNT_INSTANCES
    start_seconds: float = 120.0
    idle_seconds: float = 60.0
    log_bytes: int = 1024 * 1024
    memory_check_seconds: float = 0.1
    freeze: bool = False
    mount_paths: bool = False
    strict_imports: bool = False


class FunctionRunner(Protocol):
    """Executes attempts.

    An attempt for which there is a place begins with :meth:`Attempt.may_begin`. An attempt that is
    throttled does not begin.
    """

    async def run(self, attempt: Attempt) -> Outcome:
        """Execute an attempt and return its outcome. Nothing that the function does raises here."""
        ...

    async def interrupt(self, key: str) -> bool:
        """Stop a running attempt; its :meth:`run` returns INTERRUPTED.

        Args:
            key: Of the attempt; for an asynchronous invocation its request id.

        Returns:
            False if no such attempt runs.
        """
        ...

    async def aclose(self) -> None:
        """Run pre-stop hooks and end all instances with all their processes."""
        ...
