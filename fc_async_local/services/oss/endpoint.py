# SPDX-License-Identifier: MIT
"""The HTTP endpoint of OSS: origin and signature of a request, its operation, errors."""

from __future__ import annotations

import base64
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from fc_async_local.http.edge import HttpService, origin_refusal
from fc_async_local.http.messages import Answer
from fc_async_local.services import common
from fc_async_local.services.markup import xml
from fc_async_local.services.oss import cors, model, operations, signature, wire
from fc_async_local.services.oss.model import Bucket, OssError
from fc_async_local.services.oss.request import OssRequest, common_headers
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import hosts

if TYPE_CHECKING:
    from fc_async_local.clock import Clock
    from fc_async_local.domain.errors import Rejected
    from fc_async_local.http.messages import HeaderList, Request
    from fc_async_local.http.streaming import ClientStream
    from fc_async_local.services.oss.service import OssService

_DISCARD_BYTES: Final = 64 * 1024 * 1024
"""Ours: how much of the body of a refused request is read, so that the client reads the refusal."""


class OssEndpoint(HttpService):
    """Answers requests in the protocol of OSS.

    Args:
        service: The buckets.
        clock: The time of signatures.
    """

    holds_bodies = False

    def __init__(self, service: OssService, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def new_request_id(self) -> str:
        """Return 24 hex digits."""
        return common.request_id()

    def streams(self, request: Request) -> bool:  # noqa: ARG002 -- all do
        """Return True."""
        return True

    def is_open_to(self, request: Request, origin: str) -> bool:  # noqa: ARG002 -- known later
        """Return True: the rules of the bucket decide."""
        return True

    def is_open_to_visitors(self, request: Request) -> bool:
        """Return whether a link with a signature leads to an object."""
        names = request.parameters()
        return "signature" in names or "x-oss-signature" in names

    def is_exempt(self, request: Request) -> bool:
        """Return whether a request names OSS or a bucket of it.

        A client that lists buckets by the address 127.0.0.1 sends the name of a bucket without the
        bucket: ``.oss-cn-hangzhou.aliyuncs.com``. No site can have such a name.
        """
        host = request.headers.get("host", "").removeprefix(".")
        return hosts.service_of(host) == "oss"

    def body_limit(self, request: Request) -> int:
        """Return the bytes of an object, or of a document."""
        try:
            return operations.largest_body(OssRequest(request))
        except OssError:
            return model.LARGEST_DOCUMENT

    def too_large(self, limit: int) -> Rejected:
        """Return the refusal of a body over the limit in bytes."""
        return OssError("EntityTooLarge", f"the body is longer than {limit} bytes")

    def common_headers(self, request: Request) -> HeaderList:
        """Return the headers that official clients look up; an object in a window has no origin."""
        headers = common_headers(request)
        if request.headers.get("sec-fetch-mode") != "navigate":
            return headers
        return (*headers, ("content-security-policy", "sandbox"))

    def refuse(self, error: Rejected, request: Request) -> Answer:
        """Return an error document; an answer to HEAD has it in a header."""
        content = {
            "Code": error.code,
            "Message": error.message or error.code,
            "RequestId": request.id,
            "HostId": request.headers.get("host", ""),
        }
        document = wire.document("Error", content)
        if request.method != "HEAD":
            return xml(error.status, document)
        encoded = base64.b64encode(document).decode()
        return Answer(error.status, b"", (("x-oss-err", encoded),))

    async def answer(self, request: Request) -> Answer:
        """Raise: all requests are answered by :meth:`answer_stream`."""
        raise NotImplementedError

    async def answer_stream(self, request: Request, stream: ClientStream) -> Answer | None:
        """Answer one request."""
        try:
            oss_request = OssRequest(request)
            if "origin" in request.headers and await self._is_preflight(request, oss_request):
                return Answer(200)
            return await self._answer(oss_request, stream)
        except OssError:
            await _discard(stream)
            raise

    async def _is_preflight(self, request: Request, oss_request: OssRequest) -> bool:
        """Check a request of a page by the rules of the bucket; return whether it is a preflight.

        Raises:
            OssError: AccessForbidden: no rule allows a page of another origin to send it.
        """
        origin = oss_request.headers["origin"]
        is_preflight = oss_request.method == "OPTIONS"
        scheme = request.scope.get("scheme", "http")
        is_foreign = origin_refusal(oss_request.host, origin, scheme) != ""
        if not is_preflight and not is_foreign:
            return False
        bucket = await self._service.do(lambda index: index.find(Bucket, oss_request.bucket))
        rules = "" if bucket is None else bucket.cors
        method = oss_request.headers.get("access-control-request-method", oss_request.method)
        headers = cors.headers(rules, origin, method, oss_request.headers)
        if headers is None:
            text = f"no CORS rule of the bucket lets a page of {shorten(origin)} send {method}"
            raise OssError("AccessForbidden", text)
        oss_request.add_headers(headers)
        return is_preflight

    async def _answer(self, oss_request: OssRequest, stream: ClientStream) -> Answer | None:
        # First: what is not served is refused by its name, with or without a signature.
        operation = operations.operation_of(oss_request)
        self._authenticate(oss_request)
        return await operation.answer(self._service, oss_request, stream)

    def _authenticate(self, oss_request: OssRequest) -> None:
        """Check the signature if the runtime is strict; a presigned URL that ended is refused."""
        auth = self._service.settings.auth
        claim = signature.read(oss_request)
        if auth.strict_auth:
            signature.check(oss_request, claim, auth.access_keys)
        if claim is None:
            return
        # The end of a presigned URL holds without signatures, too: what a program does with a URL
        # that is too old must be seen here.
        is_presigned = claim.expires is not None
        if auth.strict_auth or is_presigned:
            signature.check_time(claim, now=self._clock.now())


async def _discard(stream: ClientStream) -> None:
    """Read the rest of a body, so that the client reads the refusal."""
    remaining = _DISCARD_BYTES
    async with aclosing(stream.body()) as pieces:
        async for piece in pieces:
            remaining -= len(piece)
            if remaining < 0:
                return
