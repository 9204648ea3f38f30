# SPDX-License-Identifier: MIT
"""Synchronous invocations: run once, now, never retried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_local.engine import request_ids
from fc_async_local.engine.accepting import away
from fc_async_local.engine.protocol import Answered, Rejected
from fc_async_local.execution.protocol import Attempt
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import InvokeRequest, Outcome
    from fc_async_local.engine.ports import Ports
    from fc_async_local.execution.protocol import Deployment

_REFUSALS: Final = {
    OutcomeKind.THROTTLED: (429, "ResourceExhausted"),
    OutcomeKind.RESOURCE_EXHAUSTED: (503, "ResourceExhausted"),
    OutcomeKind.SYSTEM_ERROR: (500, "InternalServerError"),
    OutcomeKind.INVALID: (404, "FunctionNotFound"),
    OutcomeKind.INTERRUPTED: (500, "InternalServerError"),
}


async def invoke(ports: Ports, request: InvokeRequest) -> Answered:
    """Run a function; see :meth:`fc_async_local.engine.protocol.Invoker.invoke_sync`."""
    if len(request.payload) > limits.SYNC_PAYLOAD_BYTES:
        raise Rejected(
            400,
            "EntityTooLarge",
            f"payload size exceeds maximum allowed size ({limits.SYNC_PAYLOAD_BYTES} bytes)",
        )
    qualifier = request.qualifier or limits.DEFAULT_QUALIFIER
    attempt = Attempt(
        deployment=await _deployment(ports, request.function, qualifier),
        request_id=request.request_id or request_ids.new(ports.clock.now(), ports.random),
        payload=request.payload,
        qualifier=qualifier,
    )
    with ports.clock.work():
        outcome = await ports.runner.run(attempt)
    if outcome.kind in _REFUSALS:
        raise _refusal(request.function, outcome)
    return Answered(attempt.request_id, outcome)


async def _deployment(ports: Ports, function: str, qualifier: str) -> Deployment:
    try:
        return await ports.registry.deployment(function, qualifier, roll=ports.random.random())
    except StoreUnavailable as error:
        raise away(error) from error


def _refusal(function: str, outcome: Outcome) -> Rejected:
    status, code = _REFUSALS[outcome.kind]
    reason = outcome.payload.decode(errors="replace") or outcome.kind.value
    return Rejected(status, outcome.error_type or code, f"function {function!r}: {reason}")
