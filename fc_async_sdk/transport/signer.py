# SPDX-License-Identifier: MIT
"""From a call to the headers that go out: common headers, credentials, signature.

Both transports use it. It knows nothing about connections.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk import _signing
from fc_async_sdk._version import __version__
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Provider
    from fc_async_sdk.operations.call import Call

_NONCE_BYTES: Final = 16


class Signer:
    """Signs the calls of one client."""

    def __init__(self, endpoint: Endpoint, config: Config, provider: Provider) -> None:
        self._host = endpoint.authority
        self._provider = provider
        extra = f" {config.user_agent_extra}" if config.user_agent_extra else ""
        python = ".".join(map(str, sys.version_info[:3]))
        self._user_agent = f"fc-async/{__version__} Python/{python}{extra}"

    def headers(self, call: Call[Any], now: float) -> dict[str, str]:
        """All headers of one try, signed at ``now`` (seconds since the epoch)."""
        headers = {
            **call.headers,
            "host": self._host,
            "x-acs-action": call.operation,
            "x-acs-version": limits.API_VERSION,
        }
        signed = _signing.sign(
            _signing.Unsigned(call.method, call.path, call.query, headers, call.body),
            self._provider(),
            now=now,
            nonce=os.urandom(_NONCE_BYTES).hex(),
        )
        # Neither is signed: a proxy may change them.
        signed["accept"] = "application/json"
        signed["user-agent"] = self._user_agent
        return signed
