# SPDX-License-Identifier: MIT
"""InvokeFunction, the operation that everything else exists for, as a bare ASGI endpoint.

Bare because it is the hot path: routing, header and query objects of a framework cost more than
the whole of this. It accepts and answers; it decides nothing about retries or tasks.
"""

from __future__ import annotations

import base64
import functools
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from fc_async_local.api import parameters
from fc_async_local.api.wire import REQUEST_ID, HeaderList, Receive, Scope, Send, read_body
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.engine.protocol import Rejected
from fc_async_local.functions import refusals
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.api.auth import Authenticator
    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.engine.protocol import Invoker
    from fc_async_local.functions import FunctionRegistry

PREFIX: Final = f"/{limits.API_VERSION}/functions/"
SUFFIX: Final = "/invocations"

_TYPES: Final = frozenset({"", "Sync", "Async"})
_LOG_TYPES: Final = frozenset({"", "None", "Tail"})


def function_of(scope: Scope) -> str:
    """The function that a request invokes, "" if it is another operation."""
    path: str = scope["path"]
    if scope["method"] != "POST" or not path.startswith(PREFIX) or not path.endswith(SUFFIX):
        return ""
    name = path[len(PREFIX) : -len(SUFFIX)]
    return "" if "/" in name else name


class InvokeEndpoint:
    """Answers InvokeFunction."""

    def __init__(
        self, invoker: Invoker, registry: FunctionRegistry, authenticator: Authenticator
    ) -> None:
        self._invoker = invoker
        self._registry = registry
        self._authenticator = authenticator

    async def __call__(
        self,
        function: str,
        headers: Mapping[bytes, bytes],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Serve one request.

        Args:
            function: What it invokes.
            headers: Of the request, by lower-case name.
            scope: As every ASGI application gets it, with the request id.
            receive: As every ASGI application gets it.
            send: As every ASGI application gets it.

        Raises:
            Rejected: The request is refused.
            ClientGone: Half a request came.
        """
        kind = _text(headers, b"x-fc-invocation-type")
        asynchronous = kind == "Async"
        body = await read_body(
            receive, limits.ASYNC_PAYLOAD_BYTES if asynchronous else limits.SYNC_PAYLOAD_BYTES
        )
        self._authenticator.check(scope, body)
        if kind not in _TYPES:
            raise refusals.invalid_argument(
                f"x-fc-invocation-type must be Sync or Async, got {kind!r}"
            )
        if asynchronous:
            await self._accept(function, body, headers, scope, send)
        else:
            await self._run(function, body, headers, scope, send)

    async def _accept(
        self, function: str, body: bytes, headers: Mapping[bytes, bytes], scope: Scope, send: Send
    ) -> None:
        given = parameters.request_id(_text(headers, b"x-fc-request-id"))
        if given:
            scope[REQUEST_ID] = given
        accepted = await self._invoker.invoke_async(
            InvokeRequest(
                function,
                body,
                qualifier=_qualifier(scope["query_string"]),
                delay_seconds=parameters.delay_seconds(_text(headers, b"x-fc-async-delay")),
                task_id=_text(headers, b"x-fc-async-task-id"),
                request_id=scope[REQUEST_ID],
            )
        )
        answer: HeaderList = [
            (b"x-fc-request-id", accepted.request_id.encode()),
            (b"x-fc-async-task-id", accepted.task_id.encode()),
            (b"content-length", b"0"),
        ]
        await send({"type": "http.response.start", "status": 202, "headers": answer})
        await send({"type": "http.response.body"})

    async def _run(
        self, function: str, body: bytes, headers: Mapping[bytes, bytes], scope: Scope, send: Send
    ) -> None:
        log_type = _text(headers, b"x-fc-log-type")
        if log_type not in _LOG_TYPES:
            raise refusals.invalid_argument(f"x-fc-log-type must be None or Tail, got {log_type!r}")
        answered = await self._invoker.invoke_sync(
            InvokeRequest(
                function,
                body,
                qualifier=_qualifier(scope["query_string"]),
                request_id=scope[REQUEST_ID],
            )
        )
        outcome = answered.outcome
        checksum = await self._checksum(function, outcome)
        answer = _answer_headers(answered.request_id, outcome, checksum)
        if log_type == "Tail":
            tail = base64.b64encode(outcome.log[-limits.LOG_TAIL_BYTES :])
            answer.append((b"x-fc-log-result", tail))
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        await send({"type": "http.response.body", "body": outcome.payload})

    async def _checksum(self, function: str, outcome: Outcome) -> str:
        try:
            return await self._registry.code_checksum(function, outcome.version_id)
        except Rejected:
            # Deleted while it ran: the answer stands all the same.
            return ""


def _answer_headers(request_id: str, outcome: Outcome, checksum: str) -> HeaderList:
    version = outcome.version_id or limits.DEFAULT_QUALIFIER
    headers: HeaderList = [
        (b"content-type", b"application/octet-stream"),
        (b"content-length", str(len(outcome.payload)).encode()),
        (b"x-fc-request-id", request_id.encode()),
        (b"x-fc-instance-id", outcome.instance_id.encode()),
        (b"x-fc-code-checksum", checksum.encode()),
        (b"x-fc-invocation-service-version", version.encode()),
        (b"x-fc-invocation-duration", str(outcome.duration_ms).encode()),
        (b"x-fc-max-memory-usage", str(outcome.memory_mb).encode()),
    ]
    if outcome.error_type:
        headers.append((b"x-fc-error-type", outcome.error_type.encode()))
    return headers


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    value = headers.get(name)
    return value.decode("latin-1") if value else ""


@functools.lru_cache(maxsize=256)
def _qualifier(query: bytes) -> str:
    """The qualifier that a query string asks for; callers repeat the same few."""
    for name, value in parse_qsl(query.decode("latin-1"), encoding="utf-8", errors="replace"):
        if name == "qualifier":
            return value or limits.DEFAULT_QUALIFIER
    return limits.DEFAULT_QUALIFIER
