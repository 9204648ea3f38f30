# SPDX-License-Identifier: MIT
"""Ends of an execution, with the document and the outcome of each (pure).

The texts are those of the service, word for word, because clients search in them.
"""

from __future__ import annotations

import enum
import json
from typing import Final

import msgspec

from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.execution.protocol import Deployment
from fc_async_sdk.spec.function_errors import TIMED_OUT, UNHANDLED

NOT_STARTED: Final = "FunctionNotStarted"
"""API, code of 412: an instance of a custom runtime did not start."""
BAD_RESPONSE: Final = "BadResponse"
"""API, code of 502: the answer of a web function cannot be passed on."""
INTERNAL: Final = "InternalServerError"
"""API, code of 500: the service failed, not the function."""


class Ending(enum.Enum):
    """Reason why an execution is over."""

    RETURNED = "returned"
    FAILED = "failed"
    EXITED = "exited"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    INTERRUPTED = "interrupted"
    UNDELIVERED = "undelivered"
    """The instance had ended before; the function has not received the call."""

    LOST = "lost"
    """The runtime's own processes failed, and the call with them."""

    THROTTLED = "throttled"
    """Over a concurrency limit. This and what follows end calls that no instance has got."""
    EXHAUSTED = "exhausted"
    """The machine or the account has no more instances."""
    UNAVAILABLE = "unavailable"
    """The function cannot run on this machine."""
    BROKEN = "broken"
    """The runtime itself failed."""

    @property
    def refuses(self) -> bool:
        """Return whether no instance has got the call."""
        return self in _REFUSALS

    @property
    def spoils(self) -> bool:
        """Return whether the instance cannot be used again."""
        return self not in (Ending.RETURNED, Ending.FAILED)


_REFUSALS: Final = {
    Ending.THROTTLED: (OutcomeKind.THROTTLED, "ResourceExhausted"),
    Ending.EXHAUSTED: (OutcomeKind.RESOURCE_EXHAUSTED, "ResourceExhausted"),
    Ending.UNAVAILABLE: (OutcomeKind.INVALID, NOT_STARTED),
    Ending.BROKEN: (OutcomeKind.SYSTEM_ERROR, INTERNAL),
}


class Reply(msgspec.Struct, frozen=True):
    """The result of one execution.

    Attributes:
        ending: Why the execution ended.
        body: Result, or the error document of the function's runtime.
        error_type: ``x-fc-error-type``, unless the function returned.
        peak_kb: Largest resident memory of the instance so far, 0 if unknown.
    """

    ending: Ending
    body: bytes = b""
    error_type: str = UNHANDLED
    peak_kb: int = 0


class Run(msgspec.Struct, frozen=True):
    """Facts about an execution besides its result."""

    deployment: Deployment
    instance_id: str = ""
    duration_ms: int = 0
    log: bytes = b""
    told: int = 0


def outcome(reply: Reply, run: Run) -> Outcome:
    """Return the outcome that the engine decides on."""
    memory_mb = -(-reply.peak_kb // 1024)
    kind, error_type, payload = _result(reply, run, memory_mb)
    return Outcome(
        kind=kind,
        error_type=error_type,
        timed_out=reply.ending is Ending.TIMED_OUT,
        out_of_memory=reply.ending is Ending.OUT_OF_MEMORY,
        payload=payload,
        log=run.log,
        told=run.told,
        instance_id=run.instance_id,
        version_id=run.deployment.version_id,
        duration_ms=run.duration_ms,
        memory_mb=memory_mb,
    )


def _result(reply: Reply, run: Run, memory_mb: int) -> tuple[OutcomeKind, str, bytes]:
    if reply.ending is Ending.RETURNED:
        return OutcomeKind.SUCCESS, "", reply.body
    if reply.ending is Ending.FAILED:
        return OutcomeKind.FUNCTION_ERROR, reply.error_type, reply.body
    if reply.ending.refuses:
        return *_REFUSALS[reply.ending], reply.body
    if reply.ending is Ending.LOST:
        return OutcomeKind.SYSTEM_ERROR, INTERNAL, reply.body
    if reply.ending is Ending.INTERRUPTED:
        text = "The invocation was stopped on request"
        return OutcomeKind.INTERRUPTED, UNHANDLED, document(text)
    return _cut_off(reply, run, memory_mb)


def _cut_off(reply: Reply, run: Run, memory_mb: int) -> tuple[OutcomeKind, str, bytes]:
    """Return the result of an execution that the function did not end itself."""
    if reply.ending is Ending.TIMED_OUT:
        limit = run.deployment.timeout_ms
        seconds = limit // 1000 if limit % 1000 == 0 else limit / 1000
        text = f"Function timed out after {seconds} seconds (maxMemoryUsage: {memory_mb}MB)"
        return OutcomeKind.FUNCTION_ERROR, TIMED_OUT, document(text)
    # Also when out of memory: on the service the kernel ends the process without a reason.
    text = (
        "Process exited unexpectedly before completing request "
        f"(duration: {run.duration_ms}ms, maxMemoryUsage: {memory_mb}MB)"
    )
    return OutcomeKind.FUNCTION_ERROR, reply.error_type, document(text)


def refused(deployment: Deployment, ending: Ending, text: str) -> Outcome:
    """Return the outcome of a call that no instance gets, and why."""
    return outcome(refusal(ending, text), Run(deployment))


def refusal(ending: Ending, text: str) -> Reply:
    """Return the reply to a call that no instance gets, and why."""
    return Reply(ending, document(text))


def document(text: str) -> bytes:
    """Return the error document that the service itself writes."""
    return json.dumps({"errorMessage": text}, separators=(",", ":")).encode()
