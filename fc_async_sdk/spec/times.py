# SPDX-License-Identifier: MIT
"""Times as the service writes them: RFC 3339, in UTC. Pure."""

from __future__ import annotations

from datetime import datetime, timezone


def rfc3339(at: int) -> str:
    """Return milliseconds since the epoch as text: ``2020-08-20T02:28:21Z``."""
    return f"{_utc(at):%Y-%m-%dT%H:%M:%SZ}"


def rfc3339_millis(at: int) -> str:
    """Return milliseconds since the epoch as text: ``2020-08-20T02:28:21.007Z``."""
    return _utc(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000, timezone.utc)
