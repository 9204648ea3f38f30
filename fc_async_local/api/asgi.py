# SPDX-License-Identifier: MIT
"""The ASGI application: who may come in, where a request goes, and what an error looks like.

InvokeFunction goes straight to its endpoint, everything else through Starlette's router after its
body was read and its signature checked. Whatever happens, the answer is this API's.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.routing import Router

from fc_async_local.api import invoke, uploads
from fc_async_local.api.wire import (
    API_BODY_BYTES,
    INTERNAL,
    REQUEST_ID,
    ClientGone,
    Message,
    Receive,
    Scope,
    Send,
    as_rejection,
    read_body,
    send_rejection,
)
from fc_async_local.engine.protocol import Rejected
from fc_async_local.http import origin
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.routing import BaseRoute

    from fc_async_local.api.auth import Authenticator
    from fc_async_local.api.invoke import InvokeEndpoint

_LOG: Final = logging.getLogger(__name__)
_SIGNED: Final = f"/{limits.API_VERSION}/"


class Api:
    """The FC API, the admin API and whatever other routes share their port.

    Args:
        invoke_endpoint: InvokeFunction.
        routes: Everything else.
        authenticator: Who may use the FC API.
        new_request_id: Names each request.
    """

    def __init__(
        self,
        invoke_endpoint: InvokeEndpoint,
        routes: Sequence[BaseRoute],
        authenticator: Authenticator,
        new_request_id: Callable[[], str],
    ) -> None:
        self._invoke = invoke_endpoint
        self._router = Router(routes, redirect_slashes=False)
        self._authenticator = authenticator
        self._new_request_id = new_request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            # The ASGI specification: an application raises for protocols that it doesn't speak.
            raise RuntimeError(f"{scope['type']!r} is not served here, only http is")
        scope[REQUEST_ID] = self._new_request_id()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            _turn_away_strangers(scope, headers)
            _check_target(scope)
            function = invoke.function_of(scope)
            if function:
                await self._invoke(function, headers, scope, receive, send)
            else:
                await self._route(scope, receive, send)
        except ClientGone:
            return
        except HTTPException as error:
            await send_rejection(send, _unrouted(scope, error), scope[REQUEST_ID])
        except Exception as error:  # noqa: BLE001 -- the edge: every error gets an answer
            rejection = as_rejection(error)
            if rejection is None:
                _LOG.exception(
                    "%s %s failed [%s]", scope["method"], scope["path"], scope[REQUEST_ID]
                )
            await send_rejection(send, rejection or INTERNAL, scope[REQUEST_ID])

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive, API_BODY_BYTES)
        if scope["path"].startswith(_SIGNED):
            self._authenticator.check(scope, body)
        # The router raises for unknown paths, rather than answering text, inside an "app".
        scope["app"] = self
        header = (b"x-fc-request-id", scope[REQUEST_ID].encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append(header)
            await send(message)

        await self._router(scope, _Replay(body, receive), send_with_id)


class _Replay:
    """A body that was read already, then whatever else the connection says."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        message = {"type": "http.request", "body": self._body, "more_body": False}
        self._body = None
        return message


def _turn_away_strangers(scope: Scope, headers: Mapping[bytes, bytes]) -> None:
    host = headers.get(b"host", b"").decode("latin-1")
    from_page = headers.get(b"origin", b"").decode("latin-1")
    if scope["method"] == "PUT" and uploads.is_bucket(host) and not from_page:
        return
    reason = origin.refusal(host, from_page)
    if reason:
        raise Rejected(403, "AccessDenied", reason)


def _check_target(scope: Scope) -> None:
    # PostgreSQL keeps no NUL in a text, and no name in this API may have one.
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        raise Rejected(400, "InvalidArgument", "the path and the query must not contain %00")


def _unrouted(scope: Scope, error: HTTPException) -> Rejected:
    method, path = scope["method"], scope["path"]
    if path.startswith(_SIGNED):
        # The service says so for unknown paths and for known ones with another method alike.
        return Rejected(400, "PathNotSupported", f"'{path}' against '{method}' is not supported")
    if error.status_code == 405:  # noqa: PLR2004 -- HTTP
        return Rejected(405, "MethodNotAllowed", f"'{method}' is not allowed on '{path}'")
    return Rejected(error.status_code, "NotFound", f"there is nothing at '{path}'")
