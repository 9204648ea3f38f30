# SPDX-License-Identifier: MIT
"""What a store has counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.store.protocol import MetricQuery
from fc_async_sdk.spec import metrics

if TYPE_CHECKING:
    from fc_async_local.store.protocol import Store


async def sums(store: Store) -> dict[tuple[str, str], int]:
    """Return the sums by metric and function of what the callers of the store have counted."""
    return {
        (each.metric, each.function): each.total
        for each in await store.metrics()
        if each.metric != metrics.IN_PROCESS
    }


async def in_process(store: Store) -> int:
    """Return how many invocations are in process, as the store has counted them."""
    samples = await store.metrics(MetricQuery(metrics={metrics.IN_PROCESS}))
    return sum(each.total for each in samples)
