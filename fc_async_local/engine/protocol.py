# SPDX-License-Identifier: MIT
"""What the engine needs from the registry and what it offers to the API and to destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from fc_async_local.domain.rejection import Rejected as Rejected  # noqa: PLC0414 -- re-exported

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Invocation, InvokeRequest, Outcome
    from fc_async_local.execution.protocol import Deployment
    from fc_async_sdk.models import AsyncConfig


class Target(NamedTuple):
    """What an invocation goes to, and the configuration that it is made under."""

    deployment: Deployment
    config: AsyncConfig | None


class Registry(Protocol):
    """Functions and their configuration, as the engine reads them."""

    async def deployment(self, function: str, qualifier: str, *, roll: float) -> Deployment:
        """What runs for a qualifier (LATEST, version or alias).

        Args:
            function: Function name.
            qualifier: LATEST, version or alias.
            roll: In [0, 1): which version of a weighted alias.

        Raises:
            Rejected: 404 FunctionNotFound, AliasNotFound or VersionNotFound; 403
                FunctionInvocationDisabled.
        """
        ...

    async def async_config(self, function: str, qualifier: str) -> AsyncConfig | None:
        """The configuration of exactly this qualifier, or None."""
        ...

    async def prune_code(self, *, used_before: int) -> int:
        """Forget code that no function has used since a moment; how many archives."""
        ...

    async def target(self, function: str, qualifier: str, *, roll: float) -> Target:
        """Both, with the arguments of the one that can be refused."""
        deployment = await self.deployment(function, qualifier, roll=roll)
        return Target(deployment, await self.async_config(function, qualifier))


class Accepted(msgspec.Struct, frozen=True):
    """What an accepted asynchronous call is answered with."""

    request_id: str
    task_id: str


class Answered(NamedTuple):
    """What a synchronous call is answered with."""

    request_id: str
    outcome: Outcome


class Invoker(Protocol):
    """Invocation, as the API and the function destination use it. The engine implements it."""

    async def invoke_async(self, request: InvokeRequest) -> Accepted:
        """Check, keep durably, answer.

        Raises:
            Rejected: 400 InvalidArgument or EntityTooLarge, 404, 409 AsyncTaskAlreadyExists,
                429 when the queue is full, 503 when the store is away.
        """
        ...

    async def invoke_sync(self, request: InvokeRequest) -> Answered:
        """Run once, now; never retried. Delay and task id do not apply.

        Raises:
            Rejected: As above; 429 ResourceExhausted when throttled, 5xx for system errors.
        """
        ...

    async def stop_task(self, function: str, task_id: str) -> Invocation:
        """Stop a task in whatever state it is.

        Raises:
            Rejected: 404 AsyncTaskNotFound; 412 AsyncInvocationStopped when it is final.
        """
        ...
