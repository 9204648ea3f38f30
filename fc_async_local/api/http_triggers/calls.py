# SPDX-License-Identifier: MIT
"""Requests to the URLs of HTTP triggers: invocation and answers.

A request is checked first (:mod:`visits`). A built-in runtime gets an event and its result
becomes the answer; a web function gets the request, and both bodies are streamed. An asynchronous
request goes into the same queue as one of InvokeFunction.

Invariants:
    A function runs only for a request that has passed all checks.
    The reason why a built-in runtime failed goes to the log, not to the client.
    A page of a function never has the origin of the console: it has one of its own, or none.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from fc_async_local.api.http_triggers import documents
from fc_async_local.api.http_triggers.visits import Visits, check_request, is_preflight
from fc_async_local.api.invoke import accept, is_async, log_headers, log_type_of, name_request
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest, OutcomeKind
from fc_async_local.domain.settlement import error_of
from fc_async_local.execution.protocol import BadResponse
from fc_async_local.http.messages import Answer
from fc_async_sdk.events import http, triggers
from fc_async_sdk.spec import function_errors, http_trigger, runtimes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from fc_async_local.api.http_triggers.urls import TriggerUrls
    from fc_async_local.api.http_triggers.visits import Visit
    from fc_async_local.clock import Clock
    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.domain.rules import Account
    from fc_async_local.engine.engine import Engine
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.http.acs_signature import AcsSignatures
    from fc_async_local.http.messages import Request
    from fc_async_local.http.streaming import ClientStream

_LOG: Final = logging.getLogger(__name__)
_NOT_STARTED: Final = "FunctionNotStarted"


class HttpTriggerCalls:
    """Answers requests to HTTP triggers.

    Args:
        invoker: Runs functions.
        registry: Functions and their triggers.
        urls: Where triggers are found.
        signatures: Verifies requests; None: they need no signature.
        clock: The time in events.
        account: The account in events.
        noted: Is called with function, trigger and request id of each call.
    """

    def __init__(
        self,
        invoker: Engine,
        registry: FunctionRegistry,
        urls: TriggerUrls,
        *,
        signatures: AcsSignatures | None,
        clock: Clock,
        account: Account,
        noted: Callable[[str, str, str], None],
    ) -> None:
        self._invoker = invoker
        self._registry = registry
        self._urls = urls
        self._visits = Visits(registry, urls, signatures)
        self._clock = clock
        self._place = account
        self._noted = noted

    def takes(self, request: Request) -> bool:
        """Return whether a request is for a trigger."""
        return self._visits.takes(request)

    async def __call__(self, request: Request, stream: ClientStream) -> Answer | None:
        """Answer a request; None: the answer was streamed.

        Raises:
            Rejected: The request is refused.
        """
        visit = await self._visits.find(request)
        config = visit.trigger.config
        if config.disable_url_internet and visit.by != "name":
            # The words are those of the client's model HTTPTriggerConfig.
            raise Rejected(
                403, "AccessDenied", "access denied due to function internet URL is disable"
            )
        if visit.by == "path" and documents.opens_window(request):
            return self._to_page(visit)
        if is_preflight(visit):
            asked = request.headers.get("access-control-request-headers", "")
            return documents.preflight(visit.origin, asked, config.methods)
        check_request(visit)
        await self._visits.check_caller(visit, stream)
        name_request(request)
        deployment = await self._registry.deployment(
            visit.trigger.function, visit.trigger.qualifier, roll=0.0
        )
        is_web = deployment.runtime in runtimes.NEED_NO_HANDLER
        if is_async(request):
            answer = await self._accept(visit, stream, is_web=is_web)
            self._noted(visit.trigger.function, visit.trigger.name, request.id)
            return answer
        self._noted(visit.trigger.function, visit.trigger.name, request.id)
        if is_web:
            return await self._pass_through(visit, stream)
        return await self._run(visit, stream)

    def _to_page(self, visit: Visit) -> Answer:
        """Lead a browser to the name under which the trigger has an origin of its own."""
        scheme: str = visit.request.scope.get("scheme", "http")
        url = f"{scheme}://{self._urls.pages(visit.trigger.prefix)}{visit.head.target}"
        return Answer(307, b"", [("Location", url), ("Cache-Control", "no-store")])

    # --- calls ---

    async def _accept(self, visit: Visit, stream: ClientStream, *, is_web: bool) -> Answer:
        request = visit.request
        trigger = visit.trigger
        body = await stream.read()
        if not is_web:
            body = self._event(visit, body)
        request.has_come(body)
        invocation = InvokeRequest(
            trigger.function,
            b"",
            qualifier=trigger.qualifier,
            http=visit.head if is_web else None,
        )
        answer = await accept(self._invoker, request, invocation)
        cors = documents.cors_headers(visit.origin)
        return answer._replace(headers=(*answer.headers, *cors))

    async def _run(self, visit: Visit, stream: ClientStream) -> Answer:
        """Call a function in a built-in runtime."""
        log_type = log_type_of(visit.request)
        event = self._event(visit, await stream.read())
        outcome = await self._call(visit, event)
        try:
            answer = _answer_of(outcome)
        except BadResponse as error:
            # The client is anyone: what went wrong is for the log only.
            _LOG.warning(
                "%s of %s: answered 502 to an HTTP request: %s",
                *(visit.request.id, visit.trigger.function, error),
                extra={"request_id": visit.request.id},
            )
            kind = ("Content-Type", http_trigger.DEFAULT_CONTENT_TYPE)
            answer = Answer(502, http_trigger.HIDDEN_ERROR, [kind])
        headers = [*visit.added(answer.headers), *log_headers(outcome, log_type)]
        return Answer(answer.status, answer.body, (*answer.headers, *headers))

    async def _pass_through(self, visit: Visit, stream: ClientStream) -> Answer | None:
        """Call a web function."""
        log_type_of(visit.request)
        outcome = await self._call(visit, b"", _Exchange(stream, visit))
        if outcome.kind is OutcomeKind.FUNCTION_ERROR and not _is_marked(outcome):
            code = outcome.error_type
            _, reason = error_of(outcome.payload)
            status = 412 if code == _NOT_STARTED else 502
            raise Rejected(status, code, reason)
        # Without a server there is nothing that could have begun an answer: a test's own handler.
        if stream.begun:
            return None
        answer = _answer_of(outcome)
        return answer._replace(headers=(*answer.headers, *visit.added(answer.headers)))

    async def _call(
        self, visit: Visit, payload: bytes, exchange: _Exchange | None = None
    ) -> Outcome:
        request = InvokeRequest(
            visit.trigger.function,
            payload,
            qualifier=visit.trigger.qualifier,
            request_id=visit.request.id,
            http=None if exchange is None else visit.head,
        )
        return (await self._invoker.invoke_sync(request, exchange)).outcome

    def _event(self, visit: Visit, body: bytes) -> bytes:
        scope = visit.request.scope
        address, *_ = scope.get("client") or ("",)
        version = scope.get("http_version", "1.1")
        circumstances = http.Circumstances(
            at=self._clock.now(),
            request_id=visit.request.id,
            domain=self._urls.domain(visit.trigger.prefix),
            source_ip=address,
            protocol=f"HTTP/{version}",
            account_id=self._place.account_id,
        )
        head = visit.head
        event = http.request(
            head.target,
            circumstances,
            method=head.method,
            headers=head.headers,
            body=body,
        )
        return triggers.encode(event)


class _Exchange:
    """Passes the bodies of a request to a web function; see ``HttpExchange``."""

    def __init__(self, stream: ClientStream, visit: Visit) -> None:
        self._stream = stream
        self._visit = visit

    def body(self) -> AsyncIterator[bytes]:
        """Return the pieces of the request's body."""
        return self._stream.body()

    async def begin(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Send status and headers of the answer.

        Raises:
            BadResponse: They are not those of an answer of HTTP, or too long.
        """
        documents.check_status(status)
        usable = documents.usable_headers(headers)
        # The body is passed on as it is, so its length is known if the server has sent it.
        length = [header for header in headers if header[0].lower() == "content-length"]
        added = self._visit.added(usable)
        request_id = ("x-fc-request-id", self._visit.request.id)
        await self._stream.begin(status, [*usable, *length, *added, request_id])

    async def write(self, data: bytes) -> None:
        """Send a piece of the answer's body."""
        await self._stream.write(data)


def _is_marked(outcome: Outcome) -> bool:
    """Return whether the function marked its own answer as a failure: the client has got it."""
    return outcome.error_type == function_errors.MARKED and not outcome.timed_out


def _answer_of(outcome: Outcome) -> Answer:
    """Return the answer for the outcome of a built-in runtime.

    Raises:
        BadResponse: The function failed, or its result is not an answer of HTTP.
    """
    if outcome.kind is OutcomeKind.FUNCTION_ERROR:
        raise BadResponse(f"{outcome.error_type}: {error_of(outcome.payload)[1]}")
    return documents.answer_of(outcome.payload)
