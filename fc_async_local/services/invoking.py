# SPDX-License-Identifier: MIT
"""The port through which services run functions, and give up events that they cannot deliver.

The engine's invoker fits it. Services lie below the engine and know no more of it than this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fc_async_sdk.spec import arn, limits

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from fc_async_local.domain.invocation import DeadEvent, InvokeRequest, Outcome


class FunctionInvoker(Protocol):
    """Invokes functions."""

    def invoke_async(self, request: InvokeRequest) -> Awaitable[object]:
        """Keep an invocation durably.

        Raises:
            Rejected: As the service would refuse it.
        """
        ...

    def invoke_sync(self, request: InvokeRequest) -> Awaitable[tuple[str, Outcome]]:
        """Run once, now.

        Raises:
            Rejected: As the service would refuse it.
        """
        ...

    def keep_dead(self, event: DeadEvent) -> Awaitable[None]:
        """Keep an event that was given up: visible with its reason, counted, redrivable.

        Again under the same key: no harm.

        Raises:
            StoreUnavailable: It was not kept; hand it over again.
        """
        ...


def function_arn(function: str, qualifier: str) -> str:
    """Return the ARN of a function of this runtime, without region and account."""
    return f"acs:fc:::functions/{function}/{qualifier or limits.DEFAULT_QUALIFIER}"


def queue_arn(queue: str) -> str:
    """Return the ARN of a queue of this runtime, without region and account."""
    return str(arn.MnsQueueArn(queue=queue))
