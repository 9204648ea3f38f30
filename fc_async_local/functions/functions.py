# SPDX-License-Identifier: MIT
"""Operations on functions and their published versions; the code archives that these have.

An archive is read completely before it is kept, by checksum; the runner unpacks it. It comes with
the request, or is an object that the request names: in the temporary bucket of deploy tools, which
is kept here, or in a bucket of OSS.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_local.domain.errors import Rejected
from fc_async_local.execution import archive
from fc_async_local.functions import function_rules, paging, refusals
from fc_async_local.functions.aliases import check_description, describe_version
from fc_async_local.functions.records import (
    OWNED,
    AliasRecord,
    CodeRef,
    FunctionRecord,
    Restriction,
    VersionRecord,
)
from fc_async_local.functions.snapshot import with_settings
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from fc_async_local.clock import Clock
    from fc_async_local.functions.function_rules import Upload
    from fc_async_local.functions.paging import Page
    from fc_async_local.functions.snapshot import SnapshotCache
    from fc_async_local.store.protocol import BlobStore

    ReadObject = Callable[[str, str, int], Awaitable[bytes]]
    """Returns an object by bucket, key and most bytes; raises ``Rejected``."""

_LARGEST: Final = 500 * 1024 * 1024
"""Bytes of an archive in OSS (docs/reference/sources.md, quotas)."""


class FunctionFilter(NamedTuple):
    """The filter of ListFunctions. Empty means any; texts match anywhere in the field."""

    prefix: str = ""
    name: str = ""
    description: str = ""
    runtime: str = ""
    tags: str = ""
    """A JSON list of ``{"Key", "Value"}``; a function must have all of them."""

    def matches(self, record: FunctionRecord) -> bool:
        """Return whether a function matches, apart from its tags."""
        return (
            record.name.startswith(self.prefix)
            and self.name in record.name
            and self.description in (record.settings.get("description") or "")
            and self.runtime in {"", record.settings.get("runtime")}
        )

    def required_tags(self) -> dict[str, str]:
        """Return the tags to match.

        Raises:
            Rejected: 400 InvalidArgument.
        """
        return function_rules.check_tags(refusals.json_of(self.tags, "tags"))


class Functions:
    """Create, read, update, delete and list functions; publish versions."""

    def __init__(self, cache: SnapshotCache, storage: CodeStorage) -> None:
        self._cache = cache
        self._storage = storage

    def _describe(
        self, record: FunctionRecord | VersionRecord, function: FunctionRecord
    ) -> dict[str, Any]:
        return function_rules.describe(record, function, self._cache.account)

    async def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """CreateFunction.

        Raises:
            Rejected: 400 InvalidArgument, 409 FunctionAlreadyExists.
        """
        name = function_rules.check_name(body.get("functionName"))
        settings = function_rules.check_settings(body)
        tags = function_rules.check_tags(body.get("tags"))
        upload = function_rules.check_code(body, required=True)
        # Before the archive is stored; the write below refuses a function that came meanwhile.
        if (await self._cache.read()).find(FunctionRecord, name) is not None:
            raise refusals.function_exists(name)
        code = await self._storage.keep(upload) if upload is not None else CodeRef()
        now = self._cache.now()
        record = FunctionRecord(
            name=name,
            function_id=self._cache.new_id(),
            settings=settings,
            code=code,
            created_at=now,
            modified_at=now,
            tags=tags,
        )
        await self._cache.write(record.stored("absent"), refused=refusals.function_exists(name))
        return self._describe(record, record)

    async def update(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateFunction: settings that the body leaves out are kept.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        upload = function_rules.check_code(body, required=False)
        # Before the archive is read, which may take seconds, and again below, under the lock.
        (await self._cache.read()).function(name)
        code = await self._storage.keep(upload) if upload is not None else None
        async with self._cache.writing:
            before = (await self._cache.read()).function(name)
            record = with_settings(
                before,
                settings=function_rules.check_settings(body, before.settings),
                code=code or before.code,
                modified_at=self._cache.now(),
            )
            await self._store(record)
        return self._describe(record, record)

    async def _store(self, record: FunctionRecord) -> None:
        gone = refusals.function_not_found(record.name)
        await self._cache.write(record.stored("present"), refused=gone)

    async def disable_invocation(self, name: str, body: Mapping[str, Any]) -> bool:
        """DisableFunctionInvocation.

        Returns:
            Whether running attempts must be ended (``abortOngoingRequest``).

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        reason = body.get("reason")
        if reason is not None and not isinstance(reason, str):
            raise refusals.invalid_argument(f"reason must be a string, got {shorten(reason)}")
        abort = body.get("abortOngoingRequest")
        if abort is not None and not isinstance(abort, bool):
            raise refusals.invalid_argument(
                f"abortOngoingRequest must be true or false, got {shorten(abort)}"
            )
        # What waits stays in the queue and goes on after the function is enabled again.
        await self._restrict(name, Restriction(reason=reason or "", modified_at=self._cache.now()))
        return bool(abort)

    async def enable_invocation(self, name: str) -> None:
        """EnableFunctionInvocation; no-op for a function that is not disabled.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        await self._restrict(name, None)

    async def _restrict(self, name: str, restriction: Restriction | None) -> None:
        async with self._cache.writing:
            before = (await self._cache.read()).function(name)
            await self._store(msgspec.structs.replace(before, restriction=restriction))

    async def get(self, name: str, qualifier: str = "") -> dict[str, Any]:
        """GetFunction.

        Raises:
            Rejected: 404 FunctionNotFound, VersionNotFound or AliasNotFound.
        """
        snapshot = await self._cache.read()
        return self._describe(snapshot.resolve(name, qualifier), snapshot.function(name))

    async def code(self, name: str, qualifier: str = "") -> tuple[CodeRef, bytes | None]:
        """Return the archive of a function or version.

        Raises:
            Rejected: 404 FunctionNotFound, VersionNotFound or AliasNotFound.
        """
        record = (await self._cache.read()).resolve(name, qualifier)
        return record.code, await self._storage.fetch(record.code)

    async def delete(self, name: str) -> None:
        """DeleteFunction, with everything that belongs to it.

        Waiting invocations become Invalid when they are due.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        async with self._cache.writing:
            snapshot = await self._cache.read()
            changes = [snapshot.function(name).deleted()]
            # Everything that belongs to it, in one write: a function of the same name must begin
            # without.
            for cls in OWNED:
                changes += [record.deleted() for record in snapshot.all(cls, name)]
            await self._cache.write(*changes)

    async def listing(
        self, criteria: FunctionFilter, page: Page
    ) -> tuple[list[dict[str, Any]], str]:
        """ListFunctions, by name.

        Raises:
            Rejected: 400 InvalidArgument: limit, token or tags.
        """
        tags = criteria.required_tags()
        functions = (await self._cache.read()).all(FunctionRecord)
        tagged = [function for function in functions if tags.items() <= function.tags.items()]
        matching = [function for function in tagged if criteria.matches(function)]
        chosen, token = paging.cut(matching, page, lambda record: record.name, of="functions")
        return [self._describe(record, record) for record in chosen], token

    async def names(self) -> list[str]:
        """Return the names of all functions, sorted."""
        return [record.name for record in (await self._cache.read()).all(FunctionRecord)]

    # --- versions -----------------------------------------------------------------------------

    async def publish_version(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """PublishFunctionVersion: freeze the unpublished code and settings.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        description = check_description(body.get("description"))
        async with self._cache.writing:
            function = (await self._cache.read()).function(name)
            # A copy, not a reference: the function may change, a version never does.
            version = VersionRecord(
                function=name,
                version_id=str(function.next_version),
                settings=function.settings,
                code=function.code,
                function_id=function.function_id,
                created_at=self._cache.now(),
                description=description,
            )
            counted = msgspec.structs.replace(function, next_version=function.next_version + 1)
            changed = refusals.concurrent_update(f"function '{name}'")
            await self._cache.write(
                version.stored("absent"), counted.stored("present"), refused=changed
            )
        return describe_version(version)

    async def list_versions(
        self,
        name: str,
        page: Page,
        *,
        backward: bool = True,
    ) -> tuple[list[dict[str, Any]], str]:
        """ListFunctionVersions; backward is from the newest to the oldest.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        snapshot = await self._cache.read()
        snapshot.function(name)
        versions = snapshot.all(VersionRecord, name)
        versions.sort(key=_version_position, reverse=backward)
        chosen, token = paging.cut(
            versions,
            page,
            _version_position,
            of="versions",
            descending=backward,
        )
        return [describe_version(version) for version in chosen], token

    async def delete_version(self, name: str, version_id: str) -> None:
        """DeleteFunctionVersion, with its asynchronous configuration.

        Raises:
            Rejected: 404 FunctionNotFound or VersionNotFound; 400 InvalidArgument while an alias
                points to it.
        """
        async with self._cache.writing:
            snapshot = await self._cache.read()
            version = snapshot.owned(VersionRecord, name, version_id)
            for alias in snapshot.all(AliasRecord, name):
                if version_id in {alias.version_id, *(alias.weights or ())}:
                    raise refusals.invalid_argument(
                        f"version '{version_id}' is used by alias '{alias.name}'; "
                        "point the alias elsewhere first"
                    )
            config = snapshot.async_config(name, version_id)
            changes = [version.deleted()]
            if config is not None:
                changes.append(config.deleted())
            await self._cache.write(*changes)


def _version_position(version: VersionRecord) -> str:
    """Return the id, padded: as texts, 10 would come before 9."""
    return version.version_id.rjust(10, "0")


async def _no_object(
    bucket: str,
    _name: str,
    _limit: int,
) -> bytes:
    raise Rejected(404, "NoSuchBucket", f"the bucket '{bucket}' does not exist")


class CodeStorage:
    """Keeps code archives.

    Args:
        blobs: The store of the archives.
        clock: Tells when an archive was put.
    """

    def __init__(self, blobs: BlobStore, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock
        self._read_object: ReadObject = _no_object

    def use_objects(self, read: ReadObject) -> None:
        """Read code that a request names in a bucket of OSS in this way from now on."""
        self._read_object = read

    async def keep(self, upload: Upload) -> CodeRef:
        """Keep the code of a create or update request.

        Raises:
            Rejected: 400 InvalidArgument: there is no such object, it is not a zip archive that can
                be unpacked, or it has another checksum than the request says.
        """
        data = upload.archive
        name = "code.zipFile"
        if data is None:
            data = await self._object(upload)
            name = f"object '{upload.name}'"
        try:
            # Unpacked once to check it: code that cannot be unpacked would fail at each attempt,
            # and its invocations would be retried for hours. In a thread: it may take seconds.
            await asyncio.to_thread(archive.check_archive, data)
        except archive.ArchiveRefused as error:
            raise refusals.invalid_argument(f"{name}: {error}") from None
        # CRC-64, because clients compare it with that of the service.
        checksum = archive.checksum(data)
        if upload.checksum and upload.checksum != checksum:
            raise refusals.invalid_argument(
                f"code.checksum is {upload.checksum}, but the archive's CRC-64 is {checksum}"
            )
        # Stored by SHA-256: a CRC-64 can be forged, so it must not decide which code runs.
        digest = await asyncio.to_thread(archive.digest, data)
        code = CodeRef(
            checksum=checksum,
            size=len(data),
            digest=digest,
        )
        await self._blobs.put_blob(code.key, data, now=self._clock.now())
        return code

    async def _object(self, upload: Upload) -> bytes:
        archive_bytes = await self._blobs.get_blob(object_key(upload.bucket, upload.name))
        if archive_bytes is not None:
            return archive_bytes
        try:
            return await self._read_object(upload.bucket, upload.name, _LARGEST)
        except Rejected as error:
            location = f"object '{upload.name}' in bucket '{upload.bucket}'"
            raise refusals.invalid_argument(f"{location} cannot be read: {error.message}") from None

    async def fetch(self, code: CodeRef) -> bytes | None:
        """Return the archive, or None if the code is an image or was lost."""
        return await self._blobs.get_blob(code.key) if code.key else None

    async def upload(
        self,
        bucket: str,
        name: str,
        data: bytes,
    ) -> None:
        """Keep an uploaded object until it is pruned; it replaces one of the same name."""
        await self._blobs.put_blob(object_key(bucket, name), data, now=self._clock.now())

    async def prune(self, in_use: Collection[str], *, used_before: int) -> int:
        """Delete uploaded objects and code last used before a time; return how many.

        Args:
            in_use: Keys of the code of all functions and versions.
            used_before: Milliseconds since the epoch.
        """
        return await self._blobs.prune_blobs(
            in_use,
            now=self._clock.now(),
            used_before=used_before,
        )


def object_key(bucket: str, name: str) -> str:
    """Return the blob key of an uploaded object; it is never equal to that of code."""
    # A slash is in no checksum, so a client cannot replace the code of a function by an upload.
    return f"{bucket}/{name}"
