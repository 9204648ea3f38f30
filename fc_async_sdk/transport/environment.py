# SPDX-License-Identifier: MIT
"""Proxies and CA bundles, from the configuration and from the environment.

Both transports follow the same rules, those of requests: explicit settings win, the environment
counts when it is trusted, and nothing on this machine goes through the environment's proxy.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config


def proxy(endpoint: Endpoint, config: Config) -> str | None:
    """URL of the proxy for this endpoint, or None."""
    scheme = endpoint.scheme
    if config.proxies is not None:
        keys = (f"{scheme}://{endpoint.host}", scheme, f"all://{endpoint.host}", "all")
        return next((config.proxies[key] for key in keys if key in config.proxies), None)
    if not config.trust_env or endpoint.loopback or proxy_bypass(endpoint.host):
        return None
    found = getproxies()
    return found.get(scheme) or found.get("all")


def verify(endpoint: Endpoint, config: Config) -> bool | str:
    """True, False, or the path of a CA bundle."""
    if config.verify is not True or not config.trust_env or endpoint.scheme == "http":
        return config.verify
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
