# SPDX-License-Identifier: MIT
"""The HTTP endpoint of EventBridge, in both of its protocols.

The RPC API (version 2020-04-01: ``POST /`` with ``x-acs-action``, ACS3 signature, results in
``Data``) and the older data plane (``POST /openapi/{operation}`` with JSON, HMAC-SHA1 signature,
results at the top level).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from fc_async_local.domain import json_input
from fc_async_local.http.acs_signature import AcsSignatures
from fc_async_local.http.edge import HttpService
from fc_async_local.http.messages import Answer
from fc_async_local.services import common, signature
from fc_async_local.services.eventbridge import model
from fc_async_local.services.eventbridge.model import EventBridgeError
from fc_async_local.services.eventbridge.operations import Operations, shown_entries

if TYPE_CHECKING:
    from fc_async_local.clock import Clock
    from fc_async_local.domain.errors import Rejected
    from fc_async_local.http.messages import HeaderList, Request
    from fc_async_local.services.eventbridge.service import EventBridgeService

_BODY_LIMIT: Final = 8 * 1024 * 1024
"""Bytes: more than a batch of 1 MB, percent-encoded."""
_DATA_PLANE: Final = "openapi"


class EventBridgeEndpoint(HttpService):
    """Answers requests in EventBridge's protocols."""

    def __init__(self, service: EventBridgeService, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._operations = Operations(service)
        keys = service.settings.auth.access_keys
        self._signatures = AcsSignatures(keys, lambda: clock.now() / 1_000)

    def new_request_id(self) -> str:
        """Return 24 hex digits."""
        return common.request_id()

    def body_limit(self, request: Request) -> int:  # noqa: ARG002 -- the same for all requests
        """Return the size of a batch of events."""
        return _BODY_LIMIT

    def common_headers(self, request: Request) -> HeaderList:
        """Return the header that names the request."""
        return (("x-eventbridge-request-id", request.id),)

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        members: dict[str, Any] = {"RequestId": request.id}
        if _is_data_plane(request):
            data = await self._data_plane(request)
            owner = {"ResourceOwnerAccountId": self._service.settings.account.account_id}
            return _json(200, members | owner | data)
        data = await self._rpc(request)
        success = {
            "Code": "Success",
            "Message": "success",
            "Success": True,
            "Data": data,
        }
        return _json(200, members | success)

    def refuse(self, error: Rejected, request: Request) -> Answer:
        """Return an error; the data plane spells its members with small letters."""
        content: dict[str, Any] = {
            "Code": error.code,
            "Message": error.message,
            "RequestId": request.id,
        }
        if _is_data_plane(request):
            content = {_uncapitalized(name): value for name, value in content.items()}
        else:
            content["Success"] = False
        return _json(error.status, content)

    async def _rpc(self, request: Request) -> dict[str, Any]:
        if self._service.settings.auth.strict_auth:
            self._signatures.check(request)
        await self._service.documents.refresh()
        action = request.headers.get("x-acs-action", "")
        if not action:
            raise EventBridgeError("InvalidAction", "the header x-acs-action is missing")
        # Clients send parameters in the query or, if they are long, in the body; the body wins.
        pairs = parse_qsl(request.query, keep_blank_values=True)
        if _is_form(request):
            form = request.body.decode("utf-8", "replace")
            pairs += parse_qsl(form, keep_blank_values=True)
        return await self._operations.call(action, dict(pairs))

    async def _data_plane(self, request: Request) -> dict[str, Any]:
        if self._service.settings.auth.strict_auth:
            self._verify_data_plane(request)
        await self._service.documents.refresh()
        # The one operation of the data plane whose body is a list.
        if request.segments[1:] == ("putEvents",):
            entries = await self._service.put_events(model.read_batch(request.body))
            return shown_entries(entries)
        name = "".join(request.segments[1:2])
        try:
            values = json_input.read(request.body or b"{}")
        except json_input.InvalidJson as error:
            raise EventBridgeError(
                "InvalidArgument", f"the body cannot be read as JSON: {error}"
            ) from error
        if not isinstance(values, dict):
            raise EventBridgeError("InvalidArgument", "the body must be a JSON object")
        operation = name[:1].upper() + name[1:]
        return await self._operations.call(operation, values)

    def _verify_data_plane(self, request: Request) -> None:
        keys = self._service.settings.auth.access_keys
        try:
            key_id = signature.verify(signature.EVENTBRIDGE, request, keys, now=self._clock.now())
        except signature.Unsigned as error:
            code = "InvalidDigest" if error.code == "InvalidDegist" else "SignatureDoesNotMatch"
            raise EventBridgeError(code, error.message) from error
        # A request that was recorded must not be sent a second time.
        nonce = request.headers.get("x-acs-signature-nonce", "")
        if not nonce:
            raise EventBridgeError(
                "SignatureDoesNotMatch", "the header x-acs-signature-nonce is missing"
            )
        self._signatures.use_nonce(key_id, nonce)


def _uncapitalized(name: str) -> str:
    return name[:1].lower() + name[1:]


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _is_data_plane(request: Request) -> bool:
    return request.segments[:1] == (_DATA_PLANE,)


def _json(status: int, content: dict[str, Any]) -> Answer:
    headers = (("Content-Type", "application/json;charset=utf-8"),)
    return Answer(status, json.dumps(content, ensure_ascii=False).encode(), headers)
