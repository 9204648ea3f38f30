# SPDX-License-Identifier: MIT
"""The records of functions in memory: found, resolved by qualifier, read and deleted by operations.

Records are decoded when they are first read. This module does not read the store: the document
cache keeps the records current.
"""

from __future__ import annotations

import abc
import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from fc_async_local.functions import paging, refusals
from fc_async_local.functions.records import (
    AliasRecord,
    AsyncConfigRecord,
    ConcurrencyRecord,
    FunctionRecord,
    OwnedRecord,
    Record,
    VersionRecord,
    decode,
    key_in,
)
from fc_async_local.store.protocol import ChangeRefused, Document
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fc_async_local.domain.errors import Rejected
    from fc_async_local.domain.rules import Account
    from fc_async_local.functions.paging import Page
    from fc_async_local.store.document_cache import DocumentCache
    from fc_async_local.store.protocol import Change

RecordT = TypeVar("RecordT", bound=Record)
OwnedT = TypeVar("OwnedT", bound=OwnedRecord)


class Snapshot:
    """Records by kind and key.

    Args:
        documents: The documents of the runtime.

    Attributes:
        derived: Values that were derived from the records; cleared with the next change.
    """

    def __init__(self, documents: DocumentCache) -> None:
        self._documents = documents
        self._decoded: dict[tuple[str, str], Record | None] = {}
        self.derived: dict[tuple[str, ...], Any] = {}
        documents.listen(self._forget)

    def _forget(self, changes: Sequence[Change] | None) -> None:
        if changes is None:
            self._decoded.clear()
        else:
            for change in changes:
                self._decoded.pop((change.kind, change.key), None)
        # A derived value may be made of several records, so any change may have made it old.
        self.derived.clear()

    def find(self, cls: type[RecordT], key: str) -> RecordT | None:
        """Return the record of a key, None if there is none."""
        # From memory: an invocation looks up several records.
        body = self._documents.get(cls.kind, key)
        return None if body is None else self._decode(cls, key, body)

    def all(
        self,
        cls: type[RecordT],
        function: str | None = None,
        prefix: str = "",
    ) -> list[RecordT]:
        """Return every record of a kind, sorted by key.

        Args:
            cls: The kind.
            function: Only those of one function; None: of all.
            prefix: How the names of these records in their function begin.
        """
        beginning = "" if function is None else key_in(function, prefix)
        records = []
        for key, body in self._documents.items(cls.kind, beginning):
            record = self._decode(cls, key, body)
            if record is not None:
                records.append(record)
        return records

    def _decode(
        self,
        cls: type[RecordT],
        key: str,
        body: bytes,
    ) -> RecordT | None:
        document_id = (cls.kind, key)
        # Decoded at the first use: each invocation reads records, and few of them change.
        if document_id not in self._decoded:
            self._decoded[document_id] = decode(Document(cls.kind, key, body))
        record = self._decoded[document_id]
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

    def owned(
        self,
        cls: type[OwnedT],
        name: str,
        member: str,
    ) -> OwnedT:
        """Return a record of a function.

        Args:
            cls: Its kind.
            name: The function.
            member: Which of its records: a version, an alias, the name of a trigger, a qualifier.

        Raises:
            Rejected: 404 FunctionNotFound, or that of the kind.
        """
        self.function(name)
        record = self.find(cls, cls.key_of(name, member))
        if record is None:
            raise cls.missing(name, member or limits.DEFAULT_QUALIFIER)
        return record

    def async_config(self, name: str, qualifier: str) -> AsyncConfigRecord | None:
        """Return the configuration of exactly this qualifier, or None."""
        return self.find(AsyncConfigRecord, AsyncConfigRecord.key_of(name, qualifier))

    def concurrency(self, name: str) -> ConcurrencyRecord | None:
        """Return the reserved concurrency of a function, or None."""
        return self.find(ConcurrencyRecord, ConcurrencyRecord.key_of(name))

    def draw(
        self,
        name: str,
        qualifier: str,
        roll: float,
    ) -> str:
        """Return a version of an alias with weights; for any other qualifier the qualifier.

        Args:
            name: Function name.
            qualifier: See :meth:`resolve`.
            roll: A number in [0, 1) that picks the version.
        """
        alias = self.find(AliasRecord, key_in(name, qualifier))
        if alias is None or not alias.weights:
            return qualifier
        return pick_version(alias, roll)

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
        # Digits are a version: no alias can have such a name.
        if not limits.VERSION_ID_PATTERN.fullmatch(qualifier):
            qualifier = self.owned(AliasRecord, name, qualifier).version_id
        return self.owned(VersionRecord, name, qualifier)


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
    return msgspec.structs.replace(
        record,
        edition=record.edition + 1,
        **changes,
    )


class SnapshotCache:
    """The records of functions, decoded, and what operations write into them.

    Args:
        documents: The documents of the runtime.
        now: Returns milliseconds since the epoch, for created and modified times.
        account: Region and account in ARNs.
        new_id: Makes ids of functions and triggers.

    Attributes:
        known: The records as they were read last.
        writing: Held from the read to the write if what is written depends on what was read.
    """

    def __init__(
        self,
        documents: DocumentCache,
        now: Callable[[], int],
        account: Account,
        new_id: Callable[[], str],
    ) -> None:
        self.documents = documents
        self.now = now
        self.account = account
        self.new_id = new_id
        self.known = Snapshot(documents)
        # What a write was decided on stays true until it is written. Other nodes are kept apart by
        # the expectation of each change.
        self.writing = asyncio.Lock()

    async def read(self) -> Snapshot:
        """Return the records as of now.

        Raises:
            StoreUnavailable: The store cannot be read now.
        """
        await self.documents.refresh()
        return self.known

    async def write(self, *changes: Change, refused: Rejected | None = None) -> None:
        """Write all changes or none.

        Args:
            changes: What to write.
            refused: The error if an expectation of a change does not hold.

        Raises:
            Rejected: As given.
            StoreUnavailable: The store cannot write now.
        """
        try:
            await self.documents.write(*changes)
        except ChangeRefused:
            if refused is None:
                raise
            raise refused from None


class Resources(abc.ABC, Generic[OwnedT]):
    """One kind of resources of a function, with the operations that all kinds share.

    Args:
        cache: The configuration of the runtime.

    Attributes:
        record: What is stored of a resource.
    """

    record: type[OwnedT]

    def __init__(self, cache: SnapshotCache) -> None:
        self._cache = cache

    @abc.abstractmethod
    def _describe(self, record: OwnedT) -> dict[str, Any]:
        """Return a resource in the form of the API."""

    async def get(self, function: str, name: str = "") -> dict[str, Any]:
        """Answer the get operation.

        Args:
            function: Name of the function.
            name: Name of the resource, or a qualifier; "": LATEST.

        Raises:
            Rejected: 404 FunctionNotFound, or that of the kind.
        """
        return self._describe(await self._existing(function, name))

    async def _existing(self, function: str, name: str) -> OwnedT:
        return (await self._cache.read()).owned(self.record, function, name)

    async def delete(self, function: str, name: str) -> None:
        """Answer the delete operation.

        Raises:
            Rejected: 404 FunctionNotFound, or that of the kind.
        """
        async with self._cache.writing:
            await self._cache.write((await self._existing(function, name)).deleted())

    async def listing(
        self,
        function: str | None,
        page: Page,
        *,
        prefix: str = "",
    ) -> tuple[list[dict[str, Any]], str]:
        """Return a page of the resources of one function or of all, and the next token.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        snapshot = await self._cache.read()
        if function is not None:
            snapshot.function(function)
        records = snapshot.all(self.record, function, prefix)
        chosen, token = paging.cut(records, page, lambda record: record.key, of=self.record.kind)
        return [self._describe(record) for record in chosen], token
