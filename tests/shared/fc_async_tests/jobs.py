# SPDX-License-Identifier: MIT
"""A node that claims jobs, as a test needs it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from fc_async_local.domain.settlement import Settler
from fc_async_local.services.delivery import PushNode, TriggerLog
from fc_async_local.store.job_runner import JobNode
from fc_async_local.wakeups import Wakeups
from fc_async_tests.channels import LostHints

if TYPE_CHECKING:
    from fc_async_local.clock import Clock
    from fc_async_local.settings import Settings
    from fc_async_local.store.protocol import JobStore

LEASE_MS = 30_000


def job_node(store: JobStore, clock: Clock, **changes: Any) -> JobNode:
    """Make a node; ``shared=True``: others use the store too, and their hints are lost."""
    wakeups = Wakeups(clock, LostHints() if changes.pop("shared", False) else None)
    chosen: dict[str, Any] = {"node_id": "local", "lease_ms": LEASE_MS}
    return JobNode(store=store, wakeups=wakeups, **(chosen | changes))


def push_node(store: JobStore, clock: Clock, settings: Settings, **parts: Any) -> PushNode:
    """Make a node that pushes; ``invoker`` and ``poster`` are None unless they are given."""
    return PushNode(
        store,
        Wakeups(clock),
        "local",
        LEASE_MS,
        **{"invoker": None, "poster": None, **parts},
        log=TriggerLog(),
        settler=Settler(settings.rules, settings.account),
        random=random.Random(1),
    )
