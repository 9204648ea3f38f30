# SPDX-License-Identifier: MIT
"""Which callers may use the runtime: programs of this machine and its own pages. Pure.

A page of another site in a browser can reach loopback ports. Such a request has a Host that is not
a loopback name (DNS rebinding) or an Origin that is not this server.
"""

from __future__ import annotations

import functools
from typing import Final
from urllib.parse import urlsplit

_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def refusal(host: str, origin: str) -> str:
    """Return why a request is refused, "" if it is not.

    Args:
        host: The Host header.
        origin: The Origin header, "" when it is absent (programs send none).
    """
    if not is_loopback(host):
        return (
            f"Host {host!r} is not a loopback name: this runtime answers on 127.0.0.1 and "
            "localhost only"
        )
    if origin and origin != f"http://{host}":
        return f"Origin {origin!r} may not call this runtime"
    return ""


@functools.lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether an authority (``name[:port]``) names this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in _NAMES or name.endswith(".localhost")
