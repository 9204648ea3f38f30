# SPDX-License-Identifier: MIT
"""The FC API, HTTP triggers, the admin API and the console as one HTTP service.

Requests to HTTP triggers are streamed. InvokeFunction goes straight to its operation, everything
else through Starlette's router.

Invariants:
    Every error is ``{"Code", "Message", "RequestId"}``: the official clients fail to read others.
    For clients of FC 2.0 it has ``ErrorCode`` and ``ErrorMessage`` too.
    In strict mode, an operation of the FC API is called only with a valid signature.
    What is neither the FC API nor an HTTP trigger is open to the user of the runtime only; without
    the token, ``/_local/health`` says no more than that the store answers.
    Pages of other origins on this machine can call HTTP triggers, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
from starlette.exceptions import HTTPException
from starlette.routing import Router

from fc_async_local.api import fc2, uploads
from fc_async_local.api.http_triggers.documents import cors_headers
from fc_async_local.api.invoke import payload_limit
from fc_async_local.api.operation import REQUEST_ID
from fc_async_local.domain.errors import Rejected
from fc_async_local.http.access import CONSOLE
from fc_async_local.http.edge import HttpService, is_loopback
from fc_async_local.http.messages import Answer
from fc_async_sdk.operations.call import LOCAL_ROOT
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.routing import BaseRoute

    from fc_async_local.api.http_triggers.calls import HttpTriggerCalls
    from fc_async_local.api.invoke import InvokeFunction
    from fc_async_local.http.access import Access
    from fc_async_local.http.acs_signature import AcsSignatures
    from fc_async_local.http.messages import HeaderList, Message, Request
    from fc_async_local.http.streaming import ClientStream
    from fc_async_local.store.protocol import StoreUnavailable

_SIGNED: Final = f"/{limits.API_VERSION}/"
GUARDED: Final = (f"{LOCAL_ROOT}/", "/metrics", "/mcp")
"""Beginnings of the paths that are open to the user of the runtime only. So is the console's page,
which asks for the token itself."""
_LIVENESS: Final = f"{LOCAL_ROOT}/health"
_DONE: Final = 200
_ALIVE: Final = b'{"status":"ok"}'
_BODY_BYTES: Final = 700 * 1024 * 1024
"""Ours: the largest body of an operation other than InvokeFunction (a zip of 500 MiB, base64)."""


class Api(HttpService):
    """The FC API and the routes that share its port.

    Args:
        invoke: InvokeFunction.
        http: Requests to HTTP triggers.
        routes: Everything else.
        signatures: Verifies requests to the FC API; None: they need no signature.
        access: Lets requests in that are not of the FC API.
        new_request_id: Returns a new request id.
        stopped_at: Returns where the clock stands until it is moved, or None.
        older: Requests of clients of FC 2.0.
    """

    def __init__(
        self,
        invoke: InvokeFunction,
        http: HttpTriggerCalls,
        routes: Sequence[BaseRoute],
        signatures: AcsSignatures | None,
        access: Access,
        new_request_id: Callable[[], str],
        stopped_at: Callable[[], int | None],
        older: fc2.Fc2,
    ) -> None:
        self._invoke = invoke
        self._http = http
        # A redirect would lead a client to a path that it has not signed.
        self._router = Router(routes, redirect_slashes=False)
        self._signatures = signatures
        self._access = access
        self._new_request_id = new_request_id
        self._stopped_at = stopped_at
        self._older = older

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes of all operations but InvokeFunction."""
        return self._router.routes

    def new_request_id(self) -> str:
        """Return an id in the form of the service."""
        return self._new_request_id()

    def body_limit(self, request: Request) -> int:
        """Return the largest payload of an invocation, or the largest archive."""
        invokes = self._http.takes(request) or self._invoke.takes(request)
        if invokes or request.path.startswith(fc2.VERSIONS):
            return payload_limit(request)
        return _BODY_BYTES

    def common_headers(self, request: Request) -> HeaderList:
        """Return the header that names the request, and for a GET that of a stopped clock."""
        named = ("x-fc-request-id", request.id)
        stopped_at = self._stopped_at() if request.method == "GET" else None
        return (named,) if stopped_at is None else (named, (limits.STOPPED_CLOCK, str(stopped_at)))

    def streams(self, request: Request) -> bool:
        """Return whether a request is for an HTTP trigger."""
        return self._http.takes(request)

    async def answer_stream(self, request: Request, stream: ClientStream) -> Answer | None:
        """Answer a request to an HTTP trigger."""
        return await self._http(request, stream)

    def is_open_to(self, request: Request, origin: str) -> bool:
        """Return whether a page of another origin on this machine calls an HTTP trigger."""
        try:
            authority = urlsplit(origin).netloc
        except ValueError:
            return False
        return is_loopback(authority) and self._http.takes(request)

    def is_open_to_visitors(self, request: Request) -> bool:
        """Return whether a request is for the console or for an HTTP trigger."""
        return request.path in {"/", CONSOLE} or self._http.takes(request)

    def is_exempt(self, request: Request) -> bool:
        """Return whether a request uploads to the temporary bucket, under the bucket's name."""
        return request.method == "PUT" and uploads.is_bucket(request.headers.get("host", ""))

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        # PostgreSQL keeps no NUL in a text, and no name in this API may have one.
        path: str = request.scope["path"]
        if "\0" in path or "%00" in request.query:
            raise Rejected(400, "InvalidArgument", "the path and the query must not contain %00")
        if self._signatures is not None and path.startswith(_SIGNED):
            self._signatures.check(request)
        if path.startswith(GUARDED):
            # Load balancers and start scripts ask without a token: they get the status alone.
            if path == _LIVENESS and not self._access.is_asked_for(request):
                return await self._liveness(request)
            self._access.check(request)
        if self._invoke.takes(request):
            return await self._invoke(request)
        is_older = path.startswith(fc2.VERSIONS)
        if is_older and self._signatures is not None:
            self._older.check(request, self._signatures)
        if is_older and path != uploads.BUCKET_PATH:
            return await self._older.answer(request, self._route)
        return await self._route(request)

    async def _liveness(self, request: Request) -> Answer:
        answer = await self._route(request)
        return answer._replace(body=_ALIVE) if answer.status == _DONE else answer

    def refuse(self, error: Rejected, request: Request) -> Answer:
        """Return an error in the form of the service."""
        content = {
            "Code": error.code,
            "Message": error.message,
            "RequestId": request.id,
        }
        if request.path.startswith(fc2.VERSIONS):
            # The clients of the two generations read different members.
            content |= {"ErrorCode": error.code, "ErrorMessage": error.message}
        headers = [("content-type", "application/json")]
        origin = request.headers.get("origin", "")
        if origin and self.is_open_to(request, origin):
            # Otherwise the page could not read why its request was refused.
            headers += cors_headers(origin)
        return Answer(error.status, msgspec.json.encode(content), headers)

    def too_large(self, limit: int) -> Rejected:
        """Return the service's refusal of a body over the limit in bytes."""
        message = f"payload size exceeds maximum allowed size ({limit} bytes)"
        return Rejected(400, "EntityTooLarge", message)

    def unavailable(self, error: StoreUnavailable) -> Rejected:
        """Return the refusal while the store is unavailable: clients call again in a second."""
        message = f"the store is unavailable: {error}"
        return Rejected(503, "ServiceUnavailable", message, retry_after=1)

    def failed(self) -> Rejected:
        """Return the service's words for an unforeseen error."""
        message = "an internal error has occurred. Please retry."
        return Rejected(500, "InternalServerError", message)

    async def _route(self, request: Request) -> Answer:
        scope = request.scope
        scope[REQUEST_ID] = request.id
        # With an "app", the router raises for an unknown path instead of answering with text.
        scope["app"] = self
        sent: list[Message] = []

        async def receive() -> Message:
            return {
                "type": "http.request",
                "body": request.body,
                "more_body": False,
            }

        async def send(message: Message) -> None:
            sent.append(message)

        try:
            await self._router(scope, receive, send)
        except HTTPException as error:
            raise _unrouted(request.method, scope["path"], error.status_code) from None
        start, *parts = sent
        # The edge writes the length of what it sends.
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in start["headers"]
            if name != b"content-length"
        ]
        return Answer(start["status"], b"".join([part["body"] for part in parts]), headers)


def _unrouted(method: str, path: str, status: int) -> Rejected:
    if path.startswith(_SIGNED):
        # The service says so for unknown paths and for known ones with another method alike.
        return Rejected(400, "PathNotSupported", f"'{path}' against '{method}' is not supported")
    if status == 405:  # noqa: PLR2004 -- HTTP
        return Rejected(405, "MethodNotAllowed", f"'{method}' is not allowed on '{path}'")
    return Rejected(status, "NotFound", f"there is nothing at '{path}'")
