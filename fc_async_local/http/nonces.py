# SPDX-License-Identifier: MIT
"""Nonces of signed requests: each can be used once.

A signature is refused when its date is too far from the clock, so a nonce has to be remembered only
until then. Pure bookkeeping; time is an argument.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

_MOST: Final = 200_000
"""Ours: bounds memory. Beyond it the oldest nonce is forgotten before its time."""
USED: Final = "SignatureNonceUsed"
"""The code that Alibaba Cloud's gateway has for it (error codes of the OpenAPI gateway)."""


def used(nonce: str) -> str:
    """Return the message about a nonce that was used before."""
    return f"the signature nonce {shorten(nonce)} was used already: sign each request anew"


class Nonces:
    """The nonces that were used within the last half hour, by access key."""

    def __init__(self) -> None:
        self._used: OrderedDict[tuple[str, str], float] = OrderedDict()

    def is_fresh(self, key_id: str, nonce: str, now: float) -> bool:
        """Remember a nonce, once its signature was verified, and say whether it is new.

        Args:
            key_id: The access key that signed.
            nonce: As it was sent.
            now: Seconds since the epoch.

        Returns:
            False if this key has used the nonce before.
        """
        # A date may be that much ahead of the clock, and is accepted for as long after it.
        while (
            self._used and next(iter(self._used.values())) < now - 2 * limits.SIGNATURE_SKEW_SECONDS
        ):
            self._used.popitem(last=False)
        if (key_id, nonce) in self._used:
            return False
        self._used[key_id, nonce] = now
        if len(self._used) > _MOST:
            self._used.popitem(last=False)
        return True
