# SPDX-License-Identifier: MIT
"""ACS3-HMAC-SHA256 signatures of the gateway of Alibaba Cloud, as FC and EventBridge use them.

Invariants:
    A nonce is accepted once. It is remembered until the date that was signed with it is too old.
    The time is that of the machine, also if the runtime's is virtual: clients sign with theirs.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from fc_async_local.domain.errors import Rejected
from fc_async_sdk import _signing
from fc_async_sdk.errors import ServiceError, shorten
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fc_async_local.http.messages import Request

_MOST: Final = 200_000
"""Ours: bounds memory. Beyond it the oldest nonce is forgotten before its time."""


class AcsSignatures:
    """Verifies signatures and remembers their nonces.

    Args:
        access_keys: Access key id to secret.
        now: Returns seconds since the epoch.
    """

    def __init__(self, access_keys: Mapping[str, str], now: Callable[[], float]) -> None:
        self._secret_of = access_keys.get
        self._now = now
        self._used: OrderedDict[tuple[str, str], float] = OrderedDict()

    def check(self, request: Request) -> None:
        """Verify the signature of a request, and that its nonce was not used before.

        Raises:
            Rejected: 400 MissingRequiredHeader or SignatureNonceUsed, 403 SignatureNotMatch or
                InvalidAccessKeyID.
        """
        headers = request.sent_headers()
        try:
            key_id = _signing.verify(
                method=request.method,
                target=request.target,
                headers=headers,
                body=request.body,
                secret_of=self._secret_of,
                now=self._now(),
            )
        except ServiceError as error:
            raise Rejected(error.http_status, error.code, error.message) from None
        self.use_nonce(key_id, dict(headers)["x-acs-signature-nonce"])

    def use_nonce(self, key_id: str, nonce: str) -> None:
        """Remember a nonce, once its signature was verified.

        Args:
            key_id: The access key that signed.
            nonce: As it was sent.

        Raises:
            Rejected: 400 SignatureNonceUsed: the key has used the nonce before.
        """
        now = self._now()
        # A date may be that much ahead of the clock, and is accepted for as long after it.
        oldest = now - 2 * limits.SIGNATURE_SKEW_SECONDS
        while self._used and next(iter(self._used.values())) < oldest:
            self._used.popitem(last=False)
        if (key_id, nonce) in self._used:
            # The code is in the error codes of the OpenAPI gateway.
            raise Rejected(
                400,
                "SignatureNonceUsed",
                f"the signature nonce {shorten(nonce)} was used already: sign each request anew",
            )
        self._used[key_id, nonce] = now
        if len(self._used) > _MOST:
            self._used.popitem(last=False)
