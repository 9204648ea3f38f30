# SPDX-License-Identifier: MIT
"""Shared parts of all transports: proxies, CA bundles, headers of a signed request.

Proxies and CA bundles follow the rules of requests: explicit settings win, the environment counts
when it is trusted, and nothing on this machine goes through the environment's proxy. No function
here opens a connection.
"""

from __future__ import annotations

import os
import ssl
import sys
from typing import TYPE_CHECKING, Any, Final
from urllib.request import getproxies, proxy_bypass

from fc_async_sdk import _signing
from fc_async_sdk._version import __version__
from fc_async_sdk.errors import ConfigurationError
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Provider
    from fc_async_sdk.operations.call import Call


def proxy(endpoint: Endpoint, config: Config) -> str | None:
    """Return the URL of the proxy for an endpoint, or None."""
    scheme = endpoint.scheme
    if config.proxies is not None:
        keys = (f"{scheme}://{endpoint.host}", scheme, f"all://{endpoint.host}", "all")
        return next((config.proxies[key] for key in keys if key in config.proxies), None)
    if not config.trust_env or endpoint.loopback or proxy_bypass(endpoint.host):
        return None
    found = getproxies()
    return found.get(scheme) or found.get("all")


def verify(endpoint: Endpoint, config: Config) -> bool | str:
    """Return whether certificates are verified, or the path of a CA bundle to verify them with.

    Raises:
        ConfigurationError: There is no such bundle.
    """
    found = config.verify
    if found is True and config.trust_env and endpoint.scheme == "https":
        names = ("FC_ASYNC_CA", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # first: a local runtime's
        bundles = map(os.environ.get, names if endpoint.loopback else names[1:])
        found = next(filter(None, bundles), True)
    if isinstance(found, str) and not os.path.exists(found):  # noqa: PTH110 -- imports no pathlib
        raise ConfigurationError(f"there is no CA bundle {found}: check verify, or the environment")
    return found


def no_connection(endpoint: Endpoint, error: BaseException) -> str:
    """Return that there is no connection to an endpoint, and why."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, ConnectionError) and error.errno:
        reason = os.strerror(error.errno)  # asyncio puts a sentence of its own into strerror
    if endpoint.loopback and isinstance(error, ssl.SSLCertVerificationError):
        reason += "; for a local runtime use http://, or set FC_ASYNC_CA (fc-async dev --trust)"
    return f"no connection to {endpoint.authority}: {reason}"


_NONCE_BYTES: Final = 16


class Signer:
    """Signs the calls of one client."""

    def __init__(self, endpoint: Endpoint, config: Config, provider: Provider) -> None:
        self._host = endpoint.authority
        self._provider = provider
        extra = f" {config.user_agent_extra}" if config.user_agent_extra else ""
        python = ".".join(map(str, sys.version_info[:3]))
        self._events = config.events
        self._user_agent = f"fc-async/{__version__} Python/{python}{extra}"

    def headers(self, call: Call[Any], now: float) -> dict[str, str]:
        """Return all headers of one try, signed at ``now`` (seconds since the epoch)."""
        headers = {
            "x-acs-version": limits.API_VERSION,  # a call to another service names its own
            **call.headers,
            "host": self._host,
            "x-acs-action": call.operation,
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
        if self._events:
            signed.update(self._events.headers(call.operation, call.method, call.path, signed))
        return signed
