# SPDX-License-Identifier: MIT
"""Verification of ACS3 signatures, in strict mode only.

Clients sign with the time of the machine, so it is the clock here, also if the runtime's is
virtual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fc_async_local.engine.protocol import Rejected
from fc_async_local.http import nonces
from fc_async_local.http.nonces import Nonces
from fc_async_sdk import signing
from fc_async_sdk.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fc_async_local.http.messages import Request


class Authenticator(Protocol):
    """Accepts a request or refuses it."""

    def check(self, request: Request) -> None:
        """Return if the request is accepted.

        Raises:
            Rejected: 400 MissingRequiredHeader or SignatureNonceUsed, 403 SignatureNotMatch or
                InvalidAccessKeyID.
        """
        ...


class AnyKey:
    """Accepts every request, signed or not: only local programs reach a loopback port."""

    def check(self, request: Request) -> None:
        """Accept it."""


class StrictSignature:
    """Verifies ACS3-HMAC-SHA256 signatures.

    Args:
        access_keys: Access key id to secret.
        now: Seconds since the epoch.
    """

    def __init__(self, access_keys: Mapping[str, str], now: Callable[[], float]) -> None:
        self._secret_of = access_keys.get
        self._now = now
        self._nonces = Nonces()

    def check(self, request: Request) -> None:
        """Verify the signature, and that its nonce was not used before."""
        sent = request.scope["headers"]  # of several with one name, all are signed
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in sent]
        now = self._now()
        try:
            key_id = signing.verify(
                method=request.method,
                target=request.target,
                headers=headers,
                body=request.body,
                secret_of=self._secret_of,
                now=now,
            )
        except ServiceError as error:
            raise Rejected(error.http_status, error.code, error.message) from None
        nonce = request.headers["x-acs-signature-nonce"]
        if not self._nonces.is_fresh(key_id, nonce, now):
            raise Rejected(400, nonces.USED, nonces.used(nonce))
