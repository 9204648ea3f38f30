# SPDX-License-Identifier: MIT
"""InvokeFunction: accepts and answers; decides nothing about retries or tasks.

What its headers ask for is read by functions of this module, for HTTP triggers too.

It does without the router and the objects of a framework, which cost more than the whole of this
(docs/decisions/http-and-api.md#0005): nearly all requests are for this operation.
"""

from __future__ import annotations

import base64
import functools
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from msgspec.structs import replace

from fc_async_local.api.operation import delay_of, refuse_unknown
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.functions import refusals
from fc_async_local.http.messages import Answer
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits, request_headers

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.engine.engine import Engine
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.http.messages import Request

PREFIX: Final = f"/{limits.API_VERSION}/functions/"
SUFFIX: Final = "/invocations"

_PARAMETERS: Final = ("qualifier",)


class InvokeFunction:
    """The operation InvokeFunction."""

    def __init__(self, invoker: Engine, registry: FunctionRegistry) -> None:
        self._invoker = invoker
        self._registry = registry

    def takes(self, request: Request) -> bool:
        """Return whether a request is for this operation."""
        return request.method == "POST" and _function(request.scope["path"]) != ""

    async def __call__(self, request: Request) -> Answer:
        """Answer a request.

        Raises:
            Rejected: The request is refused.
        """
        function = _function(request.scope["path"])
        _refuse_older_headers(request)
        return await self.call(request, InvokeRequest(function, b"", _qualifier(request.query)))

    async def call(self, request: Request, invocation: InvokeRequest) -> Answer:
        """Call a function as the headers of a request ask for.

        Args:
            request: Has the payload and the headers.
            invocation: Function and qualifier.

        Raises:
            Rejected: The request is refused.
        """
        _refuse_unknown_headers(request)
        name_request(request)
        if is_async(request):
            return await accept(self._invoker, request, invocation)
        log_type = log_type_of(request)
        answered = await self._invoker.invoke_sync(
            replace(invocation, payload=request.body, request_id=request.id)
        )
        outcome = answered.outcome
        headers = _outcome_headers(outcome, await self._checksum(invocation.function, outcome))
        headers += log_headers(outcome, log_type)
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


def payload_limit(request: Request) -> int:
    """Return the largest payload in bytes of the kind of call that a request asks for."""
    kind = request.headers.get(request_headers.TYPE)
    return limits.ASYNC_PAYLOAD_BYTES if kind == "Async" else limits.SYNC_PAYLOAD_BYTES


def is_async(request: Request) -> bool:
    """Return whether a request asks for an asynchronous call.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    return _header(request, request_headers.TYPE, ("Sync", "Async")) == "Async"


def name_request(request: Request) -> None:
    """Give a request the id that its caller has chosen, if the caller has.

    Raises:
        Rejected: 400 InvalidArgument: the id is not valid.
    """
    # Programs name a request by either header. While the second was ignored, a function got another
    # request id here than in the cloud.
    for header in (request_headers.REQUEST_ID, request_headers.TRACE_ID):
        chosen = request.headers.get(header)
        if not chosen:
            continue
        if not limits.REQUEST_ID_PATTERN.fullmatch(chosen):
            raise refusals.invalid_argument(
                f"{header} must be 1 to 128 letters, digits, '_' and '-', got {shorten(chosen)}"
            )
        request.rename(chosen)
        return


def _refuse_unknown_headers(request: Request) -> None:
    """Refuse headers that could ask for what this call does not do, such as a misspelled delay.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    unknown = [name for name in request.headers if not request_headers.is_known(name)]
    if unknown:
        refused = ", ".join(shorten(name) for name in unknown)
        names = ", ".join(header.name for header in request_headers.CALL_HEADERS)
        raise refusals.invalid_argument(f"a call has no header {refused}: there are {names}")


def _refuse_older_headers(request: Request) -> None:
    """Refuse the headers of stateful invocations, which only paths of FC 2.0 have.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    for name in request_headers.OF_OLDER_CLIENTS:
        if name in request.headers:
            raise refusals.invalid_argument(
                f"{name} is a header of FC 2.0: send {request_headers.TASK_ID}, and switch task "
                "mode on with asyncTask in the configuration"
            )


def log_type_of(request: Request) -> str:
    """Return ``x-fc-log-type``, "" if the header is absent.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    return _header(request, request_headers.LOG_TYPE, ("None", "Tail"))


def _header(request: Request, name: str, values: tuple[str, str]) -> str:
    """Return a header that has one of two values; "" if it is absent."""
    text = request.headers.get(name, "")
    if text not in ("", *values):
        raise refusals.invalid_argument(f"{name} must be {' or '.join(values)}, got {text!r}")
    return text


def log_headers(outcome: Outcome, log_type: str) -> list[tuple[str, str]]:
    """Return the header with the end of the log, if the caller asks for it."""
    if log_type != "Tail":
        return []
    tail = base64.b64encode(outcome.log[-limits.LOG_TAIL_BYTES :])
    return [("x-fc-log-result", tail.decode())]


async def accept(invoker: Engine, request: Request, invocation: InvokeRequest) -> Answer:
    """Accept an asynchronous call with the headers of a request, and answer 202.

    Args:
        invoker: Accepts it.
        request: Has the payload, delay, task id and request id (:func:`name_request`).
        invocation: Function and qualifier; what else the function gets; task mode.

    Raises:
        Rejected: The request is refused.
    """
    headers = request.headers
    accepted = await invoker.invoke_async(
        replace(
            invocation,
            payload=request.body,
            delay_seconds=delay_of(headers.get(request_headers.DELAY, "")),
            task_id=headers.get(request_headers.TASK_ID, ""),
            request_id=request.id,
        )
    )
    return Answer(202, headers=((request_headers.TASK_ID, accepted.task_id),))


@functools.lru_cache(maxsize=1024)
def _function(path: str) -> str:
    """Return the function that a path invokes, "" if it is the path of another operation."""
    if not path.startswith(PREFIX) or not path.endswith(SUFFIX):
        return ""
    name = path[len(PREFIX) : -len(SUFFIX)]
    return "" if "/" in name else name


@functools.lru_cache(maxsize=256)
def _qualifier(query: str) -> str:
    """Return the qualifier that a query string asks for; clients repeat the same few.

    Raises:
        Rejected: 400 InvalidArgument: the query has another parameter.
    """
    pairs = parse_qsl(
        query,
        keep_blank_values=True,
        encoding="utf-8",
        errors="replace",
    )
    refuse_unknown((name for name, _ in pairs), _PARAMETERS)
    return next((value for _, value in pairs if value), limits.DEFAULT_QUALIFIER)
