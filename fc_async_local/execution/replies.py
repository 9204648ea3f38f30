# SPDX-License-Identifier: MIT
"""How one execution can end, and the documents and outcomes that follow (pure).

The texts are the service's, word for word: clients search in them.
"""

from __future__ import annotations

import enum
import json
from typing import Final

import msgspec

from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.execution.protocol import Deployment

UNHANDLED: Final = "UnhandledInvocationError"
"""API, x-fc-error-type: exception, timeout, out of memory, process exit."""
HANDLED: Final = "HandledInvocationError"
"""API, x-fc-error-type: a Node handler gave an error to its callback."""
NOT_STARTED: Final = "FunctionNotStarted"
"""API, code of 412: an instance of a custom runtime didn't come up."""
INITIALIZATION: Final = "InitializationError"
"""API, x-fc-error-type: the initializer failed."""

INTERNAL: Final = "InternalServerError"
"""API, code of 500: the service failed, not the function."""


class Ending(enum.Enum):
    """Why an execution is over."""

    RETURNED = "returned"
    FAILED = "failed"
    EXITED = "exited"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    INTERRUPTED = "interrupted"
    UNDELIVERED = "undelivered"
    """The instance was dead already: the function has not seen the call."""

    LOST = "lost"
    """The machinery that ran the instance failed, and the call with it."""

    @property
    def spoils(self) -> bool:
        """True when the instance can't be used again."""
        return self not in (Ending.RETURNED, Ending.FAILED)


class Reply(msgspec.Struct, frozen=True):
    """What came of one execution.

    Attributes:
        body: Result, or the error document of the function's runtime.
        error_type: ``x-fc-error-type``, unless it RETURNED.
        peak_kb: Largest resident memory of the instance so far, 0 if unknown.
    """

    ending: Ending
    body: bytes = b""
    error_type: str = UNHANDLED
    peak_kb: int = 0


class Run(msgspec.Struct, frozen=True):
    """Facts about an execution that are not its result. Durations in ms."""

    deployment: Deployment
    instance_id: str
    duration_ms: int
    log: bytes


def outcome(reply: Reply, run: Run) -> Outcome:
    """The outcome that the engine decides on."""
    memory_mb = -(-reply.peak_kb // 1024)
    kind, error_type, payload = _result(reply, run, memory_mb)
    return Outcome(
        kind=kind,
        error_type=error_type,
        timed_out=reply.ending is Ending.TIMED_OUT,
        payload=payload,
        log=run.log,
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
    if reply.ending is Ending.LOST:
        return OutcomeKind.SYSTEM_ERROR, INTERNAL, reply.body
    if reply.ending is Ending.INTERRUPTED:
        text = "The invocation was stopped on request"
        return OutcomeKind.INTERRUPTED, UNHANDLED, document(text)
    if reply.ending is Ending.TIMED_OUT:
        limit = run.deployment.timeout_ms
        seconds = limit // 1000 if limit % 1000 == 0 else limit / 1000
        text = f"Function timed out after {seconds} seconds (maxMemoryUsage: {memory_mb}MB)"
    else:
        # Out of memory too: the service's kernel ends the process, without a reason.
        text = (
            "Process exited unexpectedly before completing request "
            f"(duration: {run.duration_ms}ms, maxMemoryUsage: {memory_mb}MB)"
        )
    return OutcomeKind.FUNCTION_ERROR, reply.error_type, document(text)


def throttled(deployment: Deployment, limit: str) -> Outcome:
    """Over a concurrency limit; ``limit`` says which."""
    return Outcome(
        kind=OutcomeKind.THROTTLED,
        error_type="ResourceExhausted",
        payload=document(f"function {deployment.function!r}: {limit}"),
        version_id=deployment.version_id,
    )


def unavailable(deployment: Deployment, text: str) -> Outcome:
    """It can't run here at all, now or later."""
    return Outcome(
        kind=OutcomeKind.INVALID,
        error_type=NOT_STARTED,
        payload=document(text),
        version_id=deployment.version_id,
    )


def exhausted(deployment: Deployment, text: str) -> Outcome:
    """This machine, or the account, has no room for one more instance."""
    return Outcome(
        kind=OutcomeKind.RESOURCE_EXHAUSTED,
        error_type="ResourceExhausted",
        payload=document(text),
        version_id=deployment.version_id,
    )


def system_error(deployment: Deployment, text: str) -> Outcome:
    """The runtime, not the function, failed."""
    return Outcome(
        kind=OutcomeKind.SYSTEM_ERROR,
        error_type=INTERNAL,
        payload=document(text),
        version_id=deployment.version_id,
    )


def document(text: str) -> bytes:
    """The error document that the service itself writes."""
    return json.dumps({"errorMessage": text}, separators=(",", ":")).encode()
