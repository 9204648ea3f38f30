# SPDX-License-Identifier: MIT
"""How the API writes moments: RFC 3339 in UTC, whole seconds. Pure."""

from __future__ import annotations

from datetime import datetime, timezone


def rfc3339(at: int) -> str:
    """Milliseconds since the epoch as ``2020-08-20T02:28:21Z``."""
    return datetime.fromtimestamp(at / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
