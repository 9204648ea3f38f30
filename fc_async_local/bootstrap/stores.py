# SPDX-License-Identifier: MIT
"""Opens the stores of a runtime, and names the node among those that share a store.

One word chooses the store: ``sqlite`` (a file in the data folder), ``memory`` (nothing is kept), or
the URL of a PostgreSQL database that several nodes share. The data folder of such a node contains
only the name of the node and copies of code.
"""

from __future__ import annotations

import sqlite3
import uuid
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.services.mns.tables import SCHEMA as MNS_SCHEMA
from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.services.rocketmq.tables import SCHEMA as ROCKETMQ_SCHEMA
from fc_async_local.services.rocketmq.tables import TableLogStore
from fc_async_local.store import factory
from fc_async_local.store.document_cache import DocumentCache
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.store.sqlite import replacement
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.files import FileLock
from fc_async_local.store.sqlite.store import SCHEMA as STORE_SCHEMA
from fc_async_local.wakeups import Wakeups
from fc_async_sdk import _project_folder
from fc_async_sdk._project_folder import PAYLOADS

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from fc_async_local.clock import Clock
    from fc_async_local.settings import Settings
    from fc_async_local.store.postgres.channel import PostgresChannel
    from fc_async_local.store.postgres.database import PostgresDatabase
    from fc_async_local.store.protocol import BlobStore, Store

SQLITE: Final = "sqlite"
SCHEMAS: Final = (STORE_SCHEMA, MNS_SCHEMA, ROCKETMQ_SCHEMA)
"""All tables of the file of the store ``sqlite``."""
MEMORY: Final = "memory"
_FILE: Final = "fc-async.db"
_OBJECTS: Final = "oss"
_NODE_FILE: Final = "node-id"
_ALONE: Final = "local"


class Stores(NamedTuple):
    """The stores of a runtime.

    Attributes:
        wakeups: Tells of changes by this node and by others.
        node_id: The name of this node; the same after a restart.
        objects: Folder of the buckets of OSS, which each node has for itself.
        database: Where the stores are.
        durable: Whether they are kept.
    """

    store: Store
    documents: DocumentCache
    blobs: BlobStore
    messages: TableMessageStore
    logs: TableLogStore
    wakeups: Wakeups
    node_id: str
    objects: Path
    database: factory.AnyDatabase
    durable: bool


class Foundation(NamedTuple):
    """Stores, clock and settings that all parts of a runtime are built on.

    Attributes:
        stores: Where the state is kept.
        clock: The time of the runtime, real or virtual.
        settings: The settings of the runtime.
    """

    stores: Stores
    clock: Clock
    settings: Settings


async def open_stores(
    choice: str,
    data: Path,
    clock: Clock,
    closing: AsyncExitStack,
) -> Stores:
    """Open the stores; ``closing`` closes them.

    Args:
        choice: ``sqlite``, ``memory`` or ``postgresql://…``.
        data: The data folder; it exists.
        clock: What is waited on for changes.
        closing: Closes them.

    Raises:
        ValueError: There is no such store.
        StoreUnusable: It is in use by another runtime, newer than this program, or damaged.
        StoreUnavailable: It cannot be reached, or the disk is full.
    """
    opened = await factory.open_stores(_where(choice, data))
    closing.push_async_callback(opened.aclose)
    shared = choice not in {SQLITE, MEMORY}
    node_id = _node_id(data) if shared else _ALONE
    database = opened.database
    messages = await TableMessageStore.open(database)
    logs = await TableLogStore.open(database)
    if isinstance(database, Database | MemoryStore):
        wakeups = Wakeups(clock)
    else:
        wakeups = Wakeups(clock, _channel(database, closing))
    documents = DocumentCache(opened.documents, wakeups)
    durable = choice != MEMORY
    # A folder of its own: a runtime in memory must not change the objects of a durable one.
    objects = data / (_OBJECTS if durable else f"{_OBJECTS}-{MEMORY}")
    return Stores(
        opened.store,
        documents,
        opened.blobs,
        messages,
        logs,
        wakeups,
        node_id,
        objects,
        database,
        durable,
    )


def database_file(data: Path) -> Path:
    """Return the database of a data folder."""
    return data / _FILE


def state_of(data: Path) -> replacement.State:
    """Return the files of the state in a data folder: a clear deletes objects and payloads, too."""
    return replacement.State(database_file(data), (data / _OBJECTS, data / PAYLOADS))


def settle_state(data: Path) -> None:
    """Finish what a killed process began, and put a state that was imported in its place.

    The caller holds the lock of the state.

    Raises:
        StoreUnavailable: A file cannot be moved.
    """
    state = state_of(data)
    _project_folder.remove_unfinished(state.database)
    try:
        replacement.settle(state)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"the state in {data} cannot be moved: {error}") from error


def _where(choice: str, data: Path) -> str | Path:
    if choice == SQLITE:
        with FileLock(database_file(data)):
            settle_state(data)
        return database_file(data)
    if choice == MEMORY:
        return factory.MEMORY
    if choice.startswith(factory.POSTGRESQL):
        return choice
    raise ValueError(f"store {choice!r} is not known: {SQLITE}, {MEMORY} or postgresql://…")


def _channel(pool: PostgresDatabase, closing: AsyncExitStack) -> PostgresChannel:
    # The driver is an extra; it is installed if there is a pool.
    from fc_async_local.store.postgres.channel import PostgresChannel  # noqa: PLC0415

    channel = PostgresChannel(pool)
    closing.push_async_callback(channel.aclose)
    return channel


def _node_id(data: Path) -> str:
    """Return the name of the node, made once for a data folder.

    After a restart the node takes back the claims that it held under this name.
    """
    file = data / _NODE_FILE
    if not file.exists():
        file.write_text(uuid.uuid4().hex)
    return file.read_text().strip()
