# SPDX-License-Identifier: MIT
"""The records of functions in memory, and the resolution of qualifiers in them.

Records are decoded when they are first read. This module does not read the store: the document
cache keeps the records current.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fc_async_local.functions import refusals
from fc_async_local.functions.records import (
    RESERVED,
    AliasRecord,
    AnyRecord,
    AsyncConfigRecord,
    ConcurrencyRecord,
    FunctionRecord,
    TriggerRecord,
    VersionRecord,
    decode,
    key_in,
)
from fc_async_local.store.protocol import Document
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fc_async_local.domain.errors import Rejected
    from fc_async_local.store.document_cache import DocumentCache
    from fc_async_local.store.protocol import Change

RecordT = TypeVar("RecordT", bound=AnyRecord)
NamedT = TypeVar("NamedT", AliasRecord, TriggerRecord)


class Snapshot:
    """Records by kind and key.

    Args:
        documents: The documents of the runtime.

    Attributes:
        derived: Values that were derived from the records; cleared with the next change.
    """

    def __init__(self, documents: DocumentCache) -> None:
        self._documents = documents
        self._decoded: dict[tuple[str, str], AnyRecord | None] = {}
        self.derived: dict[tuple[str, ...], Any] = {}
        documents.listen(self._forget)

    def _forget(self, changes: Sequence[Change] | None) -> None:
        if changes is None:
            self._decoded.clear()
        for change in changes or ():
            self._decoded.pop((change.kind, change.key), None)
        self.derived.clear()

    def find(self, cls: type[RecordT], key: str) -> RecordT | None:
        """Return the record of a key, None if there is none."""
        body = self._documents.get(cls.kind, key)
        return None if body is None else self._decode(cls, key, body)

    def all(self, cls: type[RecordT], function: str | None = None) -> list[RecordT]:
        """Return every record of a kind, sorted by key; only those of one function if named."""
        prefix = "" if function is None else key_in(function, "")
        found = (
            self._decode(cls, key, body) for key, body in self._documents.items(cls.kind, prefix)
        )
        return [record for record in found if record is not None]

    def named(self, cls: type[NamedT], function: str, prefix: str) -> list[NamedT]:
        """Return the records of a function whose names begin with a prefix, sorted by name.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        self.function(function)
        return [record for record in self.all(cls, function) if record.name.startswith(prefix)]

    def _decode(self, cls: type[RecordT], key: str, body: bytes) -> RecordT | None:
        place = (cls.kind, key)
        if place not in self._decoded:
            self._decoded[place] = decode(Document(cls.kind, key, body))
        record = self._decoded[place]
        return record if isinstance(record, cls) else None

    def function(self, name: str) -> FunctionRecord:
        """Return a function.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        record = self.find(FunctionRecord, name)
        if record is None:
            raise refusals.function_not_found(name)
        return record

    def version(self, name: str, version_id: str) -> VersionRecord:
        """Return a published version.

        Raises:
            Rejected: 404 FunctionNotFound or VersionNotFound.
        """
        return self._owned(VersionRecord, name, version_id, refusals.version_not_found)

    def alias(self, name: str, alias: str) -> AliasRecord:
        """Return an alias.

        Raises:
            Rejected: 404 FunctionNotFound or AliasNotFound.
        """
        return self._owned(AliasRecord, name, alias, refusals.alias_not_found)

    def trigger(self, name: str, trigger: str) -> TriggerRecord:
        """Return a trigger.

        Raises:
            Rejected: 404 FunctionNotFound or TriggerNotFound.
        """
        return self._owned(TriggerRecord, name, trigger, refusals.trigger_not_found)

    def _owned(
        self, cls: type[RecordT], name: str, own: str, missing: Callable[[str, str], Rejected]
    ) -> RecordT:
        self.function(name)
        record = self.find(cls, key_in(name, own))
        if record is None:
            raise missing(name, own)
        return record

    def async_config(self, name: str, qualifier: str) -> AsyncConfigRecord | None:
        """Return the configuration of exactly this qualifier, or None."""
        return self.find(AsyncConfigRecord, key_in(name, qualifier or limits.DEFAULT_QUALIFIER))

    def concurrency(self, name: str) -> ConcurrencyRecord | None:
        """Return the reserved concurrency of a function, or None."""
        return self.find(ConcurrencyRecord, key_in(name, RESERVED))

    def draw(self, name: str, qualifier: str, roll: float) -> str:
        """Return a version of an alias with weights; for any other qualifier the qualifier.

        Args:
            name: Function name.
            qualifier: See :meth:`resolve`.
            roll: A number in [0, 1) that picks the version.
        """
        alias = self.find(AliasRecord, key_in(name, qualifier))
        return pick_version(alias, roll) if alias is not None and alias.weights else qualifier

    def resolve(self, name: str, qualifier: str) -> FunctionRecord | VersionRecord:
        """Return the unpublished code or the version that a qualifier stands for.

        Args:
            name: Function name.
            qualifier: "" or LATEST, a version id, or an alias (its main version).

        Raises:
            Rejected: 404 FunctionNotFound, VersionNotFound or AliasNotFound.
        """
        function = self.function(name)
        if qualifier in {"", limits.DEFAULT_QUALIFIER}:
            return function
        if limits.VERSION_ID_PATTERN.fullmatch(qualifier):
            return self.version(name, qualifier)
        return self.version(name, self.alias(name, qualifier).version_id)


def pick_version(alias: AliasRecord, roll: float) -> str:
    """Return the version that a call through an alias goes to.

    The weights of the additional versions divide [0, 1) from below, lowest version first; the rest
    goes to the main version of the alias.
    """
    weights: Mapping[str, float] = alias.weights or {}
    passed = 0.0
    for version_id in sorted(weights, key=int):
        passed += weights[version_id]
        if roll < passed:
            return version_id
    return alias.version_id


def with_settings(record: FunctionRecord, **changes: object) -> FunctionRecord:
    """Return the function after a change of code or settings, as its next edition."""
    return msgspec.structs.replace(record, edition=record.edition + 1, **changes)


class SnapshotCache:
    """The records of functions, decoded.

    Args:
        documents: The documents of the runtime.

    Attributes:
        documents: The same.
        known: The records as they were read last.
        writing: Held from the read to the write if what is written depends on what was read.
    """

    def __init__(self, documents: DocumentCache) -> None:
        self.documents = documents
        self.known = Snapshot(documents)
        self.writing = asyncio.Lock()

    async def read(self) -> Snapshot:
        """Return the records as of now.

        Raises:
            StoreUnavailable: The store cannot be read now.
        """
        await self.documents.refresh()
        return self.known

    async def write(self, changes: Sequence[Change]) -> None:
        """Write all changes or none.

        Raises:
            ChangeRefused: An expectation did not hold.
            StoreUnavailable: The store cannot write now.
        """
        await self.documents.write(*changes)
