# SPDX-License-Identifier: MIT
"""Small shared state: records of idempotent handlers, counters of paces.

Invariants:

- One set of adapters serves all that is kept so; each is a :class:`Store` of :class:`Row` objects.
- Nothing of a store's client is imported here: the client is made by the user.
"""

from fc_async_sdk.stores.counters import Counter, Step, advanced
from fc_async_sdk.stores.memory import MemoryStore
from fc_async_sdk.stores.redis import RedisStore
from fc_async_sdk.stores.rows import Row, Store, decode
from fc_async_sdk.stores.sql import SqliteStore, SqlStore
from fc_async_sdk.stores.tablestore import TablestoreStore

__all__ = [
    "Counter",
    "MemoryStore",
    "RedisStore",
    "Row",
    "SqlStore",
    "SqliteStore",
    "Step",
    "Store",
    "TablestoreStore",
    "advanced",
    "decode",
]
