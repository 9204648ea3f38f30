# SPDX-License-Identifier: MIT
"""Who may talk to the runtime: this machine's programs and its own pages, nobody else's.

A page of another site that a browser shows can reach loopback ports. It gives itself away by a
Host that is no loopback name (DNS rebinding) or by an Origin that is not this server. Pure.
"""

from __future__ import annotations

import functools
from typing import Final
from urllib.parse import urlsplit

_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def refusal(host: str, origin: str) -> str:
    """Why a request is turned away, "" if it isn't.

    Args:
        host: The Host header.
        origin: The Origin header, "" when there is none (programs send none).
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
