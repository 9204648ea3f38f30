# SPDX-License-Identifier: MIT
"""The interface of the registry to the engine, and of the engine to the API and destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from fc_async_local.domain.errors import Rejected as Rejected  # noqa: PLC0414 -- re-exported

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Invocation, InvokeRequest, Outcome
    from fc_async_local.execution.protocol import Deployment
    from fc_async_sdk.models import AsyncConfig


class Target(NamedTuple):
    """The deployment of an invocation, and the asynchronous configuration of its qualifier."""

    deployment: Deployment
    config: AsyncConfig | None


class Registry(Protocol):
    """Functions and their configuration, as the engine reads them."""

    async def deployment(self, function: str, qualifier: str, *, roll: float) -> Deployment:
        """Return the deployment of a qualifier.

        Args:
            function: Function name.
            qualifier: LATEST, version or alias.
            roll: A number in [0, 1) that picks the version of a weighted alias.

        Raises:
            Rejected: 404 FunctionNotFound, AliasNotFound or VersionNotFound; 403
                FunctionInvocationDisabled.
        """
        ...

    async def async_config(self, function: str, qualifier: str) -> AsyncConfig | None:
        """Return the configuration of exactly this qualifier, or None."""
        ...

    async def prune_code(self, *, used_before: int) -> int:
        """Delete code that no function has used since a time; return how many archives."""
        ...

    async def target(self, function: str, qualifier: str, *, roll: float) -> Target:
        """Return both, with the errors of :meth:`deployment`."""
        deployment = await self.deployment(function, qualifier, roll=roll)
        return Target(deployment, await self.async_config(function, qualifier))


class Accepted(msgspec.Struct, frozen=True):
    """The answer to an accepted asynchronous call."""

    request_id: str
    task_id: str


class Answered(NamedTuple):
    """The answer to a synchronous call."""

    request_id: str
    outcome: Outcome


class Invoker(Protocol):
    """Invocation, as the API and the function destination use it; implemented by the engine."""

    async def invoke_async(self, request: InvokeRequest) -> Accepted:
        """Check an invocation and store it durably.

        Raises:
            Rejected: 400 InvalidArgument or EntityTooLarge, 404, 409 AsyncTaskAlreadyExists,
                429 when the queue is full, 503 when the store is unavailable.
        """
        ...

    async def invoke_sync(self, request: InvokeRequest) -> Answered:
        """Run once, now; never retried. Delay and task id do not apply.

        Raises:
            Rejected: As above; 429 ResourceExhausted when throttled, 5xx for system errors.
        """
        ...

    async def stop_task(self, function: str, task_id: str) -> Invocation:
        """Stop a task in any state.

        Raises:
            Rejected: 404 AsyncTaskNotFound; 412 AsyncInvocationStopped when it is final.
        """
        ...
