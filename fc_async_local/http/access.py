# SPDX-License-Identifier: MIT
"""Lets programs and pages of the runtime's own user in: to the admin API, metrics and the console.

A program sends the token, or signs its request with it. A browser that opens the console's address
with the token gets a cookie. A link of one path can be signed, for clients that send nothing else.

Invariants:
    Secrets are compared in constant time, and none is in a log, a ``repr`` or an error.
    A request that was signed for another port is refused: a server there could pass it on.
    The cookie is not the token, and pages cannot read it.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fc_async_local.domain.errors import Rejected
from fc_async_local.http.acs_signature import AcsSignatures
from fc_async_local.http.messages import parameters
from fc_async_sdk import _runtimes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fc_async_local.http.messages import Request

CONSOLE: Final = "/console"
"""The path of the console's page."""
CODE: Final = "RuntimeTokenRequired"
_HOW: Final = (
    "programs of the user who started it find the token themselves; others send "
    f"'Authorization: Bearer TOKEN', or set {_runtimes.VARIABLE} (fc-async local env prints it); "
    "a browser needs the address that fc-async local console prints"
)
_SIGNATURE: Final = "signature"


class Access:
    """Decides who is let in.

    Args:
        token: The token of the runtime.
        port: Where it listens.
        now: Returns seconds since the epoch.
    """

    def __init__(self, token: str, port: int, now: Callable[[], float]) -> None:
        self._token = token
        self._port = port
        self._signatures = AcsSignatures({_runtimes.KEY_ID: token}, now)
        # Cookies do not know ports: each runtime has a name of its own.
        self._cookie_name = f"fc-async-{port}"
        self._cookie_value = _runtimes.derived(token, "console")

    def __repr__(self) -> str:
        return f"Access(port={self._port})"

    @property
    def cookie(self) -> str:
        """The header that lets a browser in, until it ends."""
        return f"{self._cookie_name}={self._cookie_value}; Path=/; HttpOnly; SameSite=Strict"

    def is_token(self, text: str) -> bool:
        """Return whether a text is the token."""
        return _equal(text, self._token)

    def has_cookie(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request has the cookie; names of headers are lower-case."""
        for pair in headers.get("cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == self._cookie_name and _equal(value, self._cookie_value):
                return True
        return False

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request has the cookie, or sends the token."""
        scheme, _, value = headers.get("authorization", "").partition(" ")
        is_bearer = scheme.lower() == "bearer" and self.is_token(value.strip())
        return is_bearer or self.has_cookie(headers)

    def signed(self, path: str) -> str:
        """Return a path with a signature for it, which is valid until the runtime ends."""
        return f"{path}?{_SIGNATURE}={self._signature(path)}"

    def is_asked_for(self, request: Request) -> bool:
        """Return whether a request brings anything by which it could be let in."""
        return "authorization" in request.headers or self.has_cookie(request.headers)

    def check(self, request: Request) -> None:
        """Let a request in.

        Raises:
            Rejected: 401: it has neither the token nor a signature or cookie made with it.
        """
        if self.knows(request.headers) or self._has_signature(request):
            return
        authorization = request.headers.get("authorization", "")
        if not authorization or authorization.lower().startswith("bearer"):
            raise _refused()
        self._check_signed(request)

    def _check_signed(self, request: Request) -> None:
        port = _port_of(request.headers.get("host", ""))
        if port != self._port:
            raise _refused(
                f"the request was signed for port {port}, this runtime listens on {self._port}: "
                "forward the same port"
            )
        try:
            self._signatures.check(request)
        except Rejected as error:
            raise _refused(error.message) from None

    def _has_signature(self, request: Request) -> bool:
        if request.method != "GET":
            return False
        signature = parameters(request.query).get(_SIGNATURE, "")
        return _equal(signature, self._signature(request.path))

    def _signature(self, path: str) -> str:
        return _runtimes.derived(self._token, f"GET {path}")


def _equal(text: str, secret: str) -> bool:
    return hmac.compare_digest(text.encode("utf-8", "replace"), secret.encode())


def _port_of(host: str) -> int | None:
    try:
        return urlsplit(f"//{host}").port
    except ValueError:
        return None


def _refused(reason: str = "") -> Rejected:
    why = f" ({reason})" if reason else ""
    return Rejected(401, CODE, f"only the user of this runtime may do this{why}: {_HOW}")
