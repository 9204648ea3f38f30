# SPDX-License-Identifier: MIT
"""Small shared state with conditional writes: records of idempotent handlers, slots of paces.

Invariants:

- One set of adapters serves all that is kept so; each is a :class:`Store` of :class:`Row` objects.
- Nothing of a store's client is imported here: the client is made by the user.
"""

from fc_async_sdk.stores.redis import RedisStore
from fc_async_sdk.stores.rows import MemoryStore, Row, Store, decode
from fc_async_sdk.stores.sql import SqliteStore, SqlStore
from fc_async_sdk.stores.tablestore import TablestoreStore

__all__ = [
    "MemoryStore",
    "RedisStore",
    "Row",
    "SqlStore",
    "SqliteStore",
    "Store",
    "TablestoreStore",
    "decode",
]
