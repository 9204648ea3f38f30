# SPDX-License-Identifier: MIT
"""Verification of signatures. None by default; in strict mode ACS3 signatures are verified.

The clock of signatures is the machine's, also when the runtime's is virtual: clients sign with
theirs.
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

    from fc_async_local.api.wire import Scope


class Authenticator(Protocol):
    """Lets a request in or refuses it."""

    def check(self, scope: Scope, body: bytes) -> None:
        """Return for a request that may go on.

        Raises:
            Rejected: 400 MissingRequiredHeader or SignatureNonceUsed, 403 SignatureNotMatch or
                InvalidAccessKeyID.
        """
        ...


class AnyKey:
    """Takes every request, signed or not: only local programs reach a loopback port."""

    def check(self, scope: Scope, body: bytes) -> None:
        """Let it in."""


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

    def check(self, scope: Scope, body: bytes) -> None:
        """Verify the signature, and that its nonce was not used before."""
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]]
        now = self._now()
        try:
            key_id = signing.verify(
                method=scope["method"],
                target=_target(scope),
                headers=headers,
                body=body,
                secret_of=self._secret_of,
                now=now,
            )
        except ServiceError as error:
            raise Rejected(error.http_status, error.code, error.message) from None
        nonce = dict(headers)["x-acs-signature-nonce"]
        if not self._nonces.is_fresh(key_id, nonce, now):
            raise Rejected(400, nonces.USED, nonces.used(nonce))


def _target(scope: Scope) -> str:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    target = path.partition(b"?")[0] + (b"?" + query if query else b"")
    return target.decode("latin-1")
