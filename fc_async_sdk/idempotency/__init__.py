# SPDX-License-Identifier: MIT
"""Handlers that may be executed more than once, and do their work once.

FC executes an asynchronous invocation at least once. :func:`idempotent` records in a store what
was done for a key, and gives repeats the stored result::

    from fc_async_sdk.idempotency import RedisStore, by_field, idempotent, once

    store = RedisStore(redis.Redis(host=os.environ["REDIS_HOST"]))

    @idempotent(store, key=by_field("order.id"))
    def handler(event, context):
        order = json.loads(event)["order"]
        return {"receipt": once("charge", payments.charge, order["id"], order["amount"])}

Invariants:

- Of several executions with one key, one runs at a time, as long as clocks differ by less than
  the margin and the platform ends a function at its timeout.
- An effect that is performed by :func:`once` happens at most once for each key, also if processes
  are killed and clocks differ: its intent is stored before it, by a conditional write.
- Nothing of a store's client is imported here: the client is made by the user.
"""

from fc_async_sdk.idempotency.handler import current_key, idempotent, once, once_async
from fc_async_sdk.idempotency.keys import by_field, by_request_id, by_task_id
from fc_async_sdk.idempotency.runs import forget, resolve
from fc_async_sdk.idempotency.states import Record
from fc_async_sdk.stores import (
    MemoryStore,
    RedisStore,
    SqliteStore,
    SqlStore,
    Store,
    TablestoreStore,
)

__all__ = [
    "MemoryStore",
    "Record",
    "RedisStore",
    "SqlStore",
    "SqliteStore",
    "Store",
    "TablestoreStore",
    "by_field",
    "by_request_id",
    "by_task_id",
    "current_key",
    "forget",
    "idempotent",
    "once",
    "once_async",
    "resolve",
]
