# SPDX-License-Identifier: MIT
"""InvokeFunction: accepts and answers; decides nothing about retries or tasks.

It does without the router and the objects of a framework, which cost more than the whole of this
(docs/decisions, 0005): nearly all requests are for this operation.
"""

from __future__ import annotations

import base64
import functools
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from fc_async_local.api.operation import delay_of, given_request_id
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.functions import refusals
from fc_async_local.http.messages import Answer
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.engine.ports import Invoker
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.http.messages import Request

PREFIX: Final = f"/{limits.API_VERSION}/functions/"
SUFFIX: Final = "/invocations"

_TYPES: Final = frozenset({"", "Sync", "Async"})
_LOG_TYPES: Final = frozenset({"", "None", "Tail"})


class InvokeFunction:
    """The operation InvokeFunction."""

    def __init__(self, invoker: Invoker, registry: FunctionRegistry) -> None:
        self._invoker = invoker
        self._registry = registry

    def takes(self, request: Request) -> bool:
        """Whether a request is for this operation."""
        return request.method == "POST" and _function(request.scope["path"]) != ""

    def body_limit(self, request: Request) -> int:
        """Return the largest payload in bytes."""
        return limits.ASYNC_PAYLOAD_BYTES if _is_async(request) else limits.SYNC_PAYLOAD_BYTES

    async def __call__(self, request: Request) -> Answer:
        """Answer a request.

        Raises:
            Rejected: The request is refused.
        """
        kind = request.headers.get("x-fc-invocation-type", "")
        if kind not in _TYPES:
            raise refusals.invalid_argument(
                f"x-fc-invocation-type must be Sync or Async, got {kind!r}"
            )
        return await (self._accept(request) if _is_async(request) else self._run(request))

    async def _accept(self, request: Request) -> Answer:
        headers = request.headers
        request.id = given_request_id(headers.get("x-fc-request-id", "")) or request.id
        accepted = await self._invoker.invoke_async(
            InvokeRequest(
                _function(request.scope["path"]),
                request.body,
                qualifier=_qualifier(request.query),
                delay_seconds=delay_of(headers.get("x-fc-async-delay", "")),
                task_id=headers.get("x-fc-async-task-id", ""),
                request_id=request.id,
            )
        )
        return Answer(202, headers=(("x-fc-async-task-id", accepted.task_id),))

    async def _run(self, request: Request) -> Answer:
        log_type = request.headers.get("x-fc-log-type", "")
        if log_type not in _LOG_TYPES:
            raise refusals.invalid_argument(f"x-fc-log-type must be None or Tail, got {log_type!r}")
        function = _function(request.scope["path"])
        answered = await self._invoker.invoke_sync(
            InvokeRequest(
                function,
                request.body,
                qualifier=_qualifier(request.query),
                request_id=request.id,
            )
        )
        outcome = answered.outcome
        headers = _outcome_headers(outcome, await self._checksum(function, outcome))
        if log_type == "Tail":
            tail = base64.b64encode(outcome.log[-limits.LOG_TAIL_BYTES :])
            headers.append(("x-fc-log-result", tail.decode()))
        return Answer(200, outcome.payload, headers)

    async def _checksum(self, function: str, outcome: Outcome) -> str:
        try:
            return await self._registry.code_checksum(function, outcome.version_id)
        except Rejected:
            # The function was deleted while it ran; the call is answered all the same.
            return ""


def _outcome_headers(outcome: Outcome, checksum: str) -> list[tuple[str, str]]:
    headers = [
        ("content-type", "application/octet-stream"),
        ("x-fc-instance-id", outcome.instance_id),
        ("x-fc-code-checksum", checksum),
        ("x-fc-invocation-service-version", outcome.version_id or limits.DEFAULT_QUALIFIER),
        ("x-fc-invocation-duration", str(outcome.duration_ms)),
        ("x-fc-max-memory-usage", str(outcome.memory_mb)),
    ]
    if outcome.error_type:
        headers.append(("x-fc-error-type", outcome.error_type))
    return headers


def _is_async(request: Request) -> bool:
    return request.headers.get("x-fc-invocation-type") == "Async"


@functools.lru_cache(maxsize=1024)
def _function(path: str) -> str:
    """Return the function that a path invokes, "" if it is the path of another operation."""
    if not path.startswith(PREFIX) or not path.endswith(SUFFIX):
        return ""
    name = path[len(PREFIX) : -len(SUFFIX)]
    return "" if "/" in name else name


@functools.lru_cache(maxsize=256)
def _qualifier(query: str) -> str:
    """Return the qualifier that a query string asks for; clients repeat the same few."""
    for name, value in parse_qsl(query, encoding="utf-8", errors="replace"):
        if name == "qualifier":
            return value or limits.DEFAULT_QUALIFIER
    return limits.DEFAULT_QUALIFIER
