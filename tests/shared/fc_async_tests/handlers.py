# SPDX-License-Identifier: MIT
"""Handlers that an engine runs in tests, by how they end, and where their results go."""

from __future__ import annotations

from typing import Any

from fc_async_local.domain.invocation import Outcome, OutcomeKind

QUEUE = "acs:mns:::/queues/q/messages"
HOUR = 3_600_000


def fine(event: bytes, _: Any) -> bytes:
    return event


def failing(event: bytes, _: Any) -> bytes:
    raise ValueError("boom")


def throttled(event: bytes, _: Any) -> Outcome:
    return Outcome(kind=OutcomeKind.THROTTLED)
