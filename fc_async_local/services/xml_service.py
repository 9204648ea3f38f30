# SPDX-License-Identifier: MIT
"""What MNS and RocketMQ over HTTP share: signature, stamp of an answer, error document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.http.edge import HttpService
from fc_async_local.http.messages import Answer
from fc_async_local.services import common, markup, signature
from fc_async_local.services.markup import leaf

if TYPE_CHECKING:
    from fc_async_local.clock import Clock
    from fc_async_local.domain.errors import Rejected
    from fc_async_local.http.messages import HeaderList, Request
    from fc_async_local.services.signature import Scheme
    from fc_async_local.settings import Settings

VERSION: Final = "2015-06-06"


class XmlService(HttpService):
    """A service whose documents are XML.

    Args:
        settings: Whether signatures are verified, and with which keys.
        clock: The time of signatures.
    """

    scheme: Scheme
    namespace: str
    largest_body: int

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def new_request_id(self) -> str:
        """Return 24 hex digits."""
        return common.request_id()

    def body_limit(self, request: Request) -> int:  # noqa: ARG002 -- the same for all requests
        """Return the bytes of the largest message, or batch, with every character escaped."""
        return self.largest_body

    def common_headers(self, request: Request) -> HeaderList:
        """Return the headers that official clients look up, by names as they are written here."""
        prefix = self.scheme.prefix
        return (f"{prefix}request-id", request.id), (f"{prefix}version", VERSION)

    def refuse(self, error: Rejected, request: Request) -> Answer:
        """Return an error document; clients require all four elements, none of them empty."""
        content = (
            leaf("Code", error.code)
            + leaf("Message", error.message or error.code)
            + leaf("RequestId", request.id)
            + leaf("HostId", base_url(request))
        )
        return xml(error.status, markup.document(self.namespace, "Error", content))

    def authenticate(self, request: Request) -> None:
        """Verify the signature of a request if the runtime is strict.

        Raises:
            Unsigned: With the code of what is wrong.
        """
        if self._settings.auth.strict_auth:
            keys = self._settings.auth.access_keys
            signature.verify(self.scheme, request, keys, now=self._clock.now())


def xml(status: int, document: bytes) -> Answer:
    """Return an answer with a document."""
    return Answer(status, document, (("Content-Type", "text/xml;charset=utf-8"),))


def base_url(request: Request) -> str:
    """Return the URL of the service as the client calls it."""
    return f"http://{request.headers.get('host') or 'localhost'}"
