# SPDX-License-Identifier: MIT
"""The index of buckets, objects and uploads: documents by path, in a SQLite file of its own.

A path is the kind of the document, then names; the last one may hold any byte. Paths are ordered as
their bytes, so keys have the order of OSS's lists.

Invariants:
    Methods are called by threads, one transaction at a time.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from fc_async_local.services.oss import INDEX
from fc_async_local.services.oss.content import answering
from fc_async_local.services.oss.model import (
    Bucket,
    Content,
    Listing,
    OssError,
    Part,
    StoredObject,
    Upload,
)
from fc_async_sdk.admin.models import ObjectEvent
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_local.services.oss.model import PageRequest

T = TypeVar("T")

_KINDS: Final[dict[type[object], bytes]] = {
    Bucket: b"b",
    StoredObject: b"o",
    Upload: b"u",
    Part: b"p",
    ObjectEvent: b"e",
}
_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS documents (path BLOB PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID;
"""
_FIRST_FROM: Final = "SELECT path, document FROM documents WHERE path >= ? ORDER BY path LIMIT 1"


class Index:
    """The index in a folder.

    Args:
        folder: Of the file; made if it does not exist.
        durable: Whether a change is on the disk before it is acknowledged.

    Raises:
        StoreUnavailable: The file cannot be opened.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._durable = durable
        with answering():
            self._database = sqlite3.connect(
                folder / INDEX,
                isolation_level=None,
                check_same_thread=False,
            )
            self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    @contextlib.contextmanager
    def transaction(self, *, flush: bool = True) -> Iterator[None]:
        """Hold the lock of the index and commit at the end; an error undoes the changes.

        Args:
            flush: Whether the changes must survive a power loss.
        """
        with self._lock, answering():
            # An event that was fired need not survive a power loss: fired again, it is the same
            # invocation.
            synchronous = "FULL" if flush and self._durable else "OFF"
            self._database.execute(f"PRAGMA synchronous = {synchronous}")
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    def find(self, kind: type[T], *names: str) -> T | None:
        """Return a document, or None."""
        statement = "SELECT document FROM documents WHERE path = ?"
        row = self._database.execute(statement, (_path(kind, *names),)).fetchone()
        return msgspec.json.decode(row[0], type=kind) if row else None

    def put(self, document: object, *names: str) -> None:
        """Write a document in place of the one of its path."""
        path = _path(type(document), *names)
        values = (path, msgspec.json.encode(document))
        self._database.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", values)

    def delete(self, kind: type[object], *names: str) -> None:
        """Delete a document."""
        self._database.execute("DELETE FROM documents WHERE path = ?", (_path(kind, *names),))

    def all(self, kind: type[T], *names: str) -> dict[str, T]:
        """Return the documents below a path, in their order, by the rest of their paths."""
        start = _path(kind, *names, "")
        rows = self._database.execute(
            "SELECT path, document FROM documents WHERE path >= ? AND path < ? ORDER BY path",
            (start, start[:-1] + b"\1"),
        )
        documents: dict[str, T] = {}
        for path, document in rows:
            remainder = path[len(start) :].decode()
            documents[remainder] = msgspec.json.decode(document, type=kind)
        return documents

    def bucket(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            OssError: NoSuchBucket.
        """
        bucket = self.find(Bucket, name)
        if bucket is None:
            text = f"the bucket {shorten(name)} does not exist: create it first"
            raise OssError("NoSuchBucket", text)
        return bucket

    def object(self, bucket: str, key: str) -> StoredObject:
        """Return an object.

        Raises:
            OssError: NoSuchBucket, NoSuchKey.
        """
        self.bucket(bucket)
        stored = self.find(StoredObject, bucket, key)
        if stored is None:
            raise OssError("NoSuchKey", f"the object {shorten(key)} does not exist")
        return stored

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return an upload.

        Raises:
            OssError: NoSuchBucket, NoSuchUpload.
        """
        self.bucket(bucket)
        upload = self.find(Upload, bucket, upload_id)
        if upload is None or upload.key != key:
            raise OssError("NoSuchUpload", "there is no such upload, or it has ended")
        return upload

    def end_upload(self, bucket: str, upload_id: str) -> list[Content]:
        """Delete an upload and its parts, and return their content."""
        parts = self.all(Part, bucket, upload_id)
        for number in parts:
            self.delete(Part, bucket, upload_id, number)
        self.delete(Upload, bucket, upload_id)
        return [part.content for part in parts.values()]

    def page(self, bucket: str, page_request: PageRequest) -> Listing:
        """Return a page of the list of objects.

        Raises:
            OssError: NoSuchBucket.
        """
        self.bucket(bucket)
        below = _path(StoredObject, bucket, "")
        prefix = below + page_request.prefix.encode()
        last = below + page_request.after.encode()
        delimiter = page_request.delimiter.encode()
        begin = max(prefix, last + b"\0")
        objects: list[StoredObject] = []
        prefixes: list[str] = []
        # One row at a time: a common prefix may stand for a million keys, which are passed over.
        while True:
            row = self._database.execute(_FIRST_FROM, (begin,)).fetchone()
            if row is None or not row[0].startswith(prefix):
                return Listing(objects, prefixes, "")
            path: bytes = row[0]
            common = _common_prefix(path, len(prefix), delimiter)
            is_listed = bool(common) and common == last
            is_full = len(objects) + len(prefixes) == page_request.limit
            if is_full and not is_listed:
                return Listing(objects, prefixes, last[len(below) :].decode())
            if not common:
                objects.append(msgspec.json.decode(row[1], type=StoredObject))
                begin = path + b"\0"
                last = path
                continue
            if not is_listed:
                prefixes.append(common[len(below) :].decode())
            # Behind all keys that begin with it; no byte of UTF-8 is 0xFF.
            begin = common[:-1] + bytes([common[-1] + 1])
            last = common

    def files(self) -> set[tuple[str, str]]:
        """Return bucket and name of each file that an object or a part has."""
        # From "o" to "p": objects and parts, the kinds that have a file.
        rows = self._database.execute(
            "SELECT path, document FROM documents WHERE path >= x'6f00' AND path < x'7100'"
        )
        named = set()
        for path, document in rows:
            bucket = path.split(b"\0")[1].decode()
            named.add((bucket, msgspec.json.decode(document)["content"]["file"]))
        return named


def _common_prefix(path: bytes, prefix_length: int, delimiter: bytes) -> bytes:
    """Return a path up to the first delimiter behind the prefix; empty if it is an entry itself."""
    if not delimiter:
        return b""
    at = path.find(delimiter, prefix_length)
    return path[: at + len(delimiter)] if at >= 0 else b""


def _path(kind: type[object], *names: str) -> bytes:
    return b"\0".join([_KINDS[kind], *(name.encode() for name in names)])
