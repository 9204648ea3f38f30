# SPDX-License-Identifier: MIT
"""Functions as runners get them: a test names what it is about."""

from __future__ import annotations

from typing import Any

from fc_async_local.execution.protocol import Attempt, Deployment


def deployment(function: str = "f", **settings: Any) -> Deployment:
    """Return a deployed function; ``settings`` are fields of :class:`Deployment`."""
    usual = {
        "version_id": "",
        "revision": "1",
        "runtime": "python3.10",
        "handler": "index.handler",
        "code_checksum": "0",
        "timeout_ms": 60_000,
        "memory_mb": 128,
    }
    return Deployment(function=function, **usual | settings)


def attempt(function: str = "f", *, request_id: str = "r", payload: bytes = b"") -> Attempt:
    """Return an attempt to run a function."""
    return Attempt(deployment=deployment(function), request_id=request_id, payload=payload)
