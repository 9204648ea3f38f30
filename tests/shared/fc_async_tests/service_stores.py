# SPDX-License-Identifier: MIT
"""Queues and logs in memory, for services that a test puts together itself."""

from __future__ import annotations

from fc_async_local.services.mns import tables as mns
from fc_async_local.services.rocketmq import tables as rocketmq
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.sqlite.transactions import MemoryTransactions


def messages(
    jobs: MemoryStore | None = None, kind: type[mns.TableMessageStore] = mns.TableMessageStore
) -> mns.TableMessageStore:
    """Return queues; ``broadcast`` writes into the jobs."""
    return kind(MemoryTransactions(jobs or MemoryStore(), mns.SCHEMA, mns.PACKAGE))


def logs() -> rocketmq.TableLogStore:
    """Return logs of topics."""
    return rocketmq.TableLogStore(
        MemoryTransactions(MemoryStore(), rocketmq.SCHEMA, rocketmq.PACKAGE)
    )
