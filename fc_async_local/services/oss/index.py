# SPDX-License-Identifier: MIT
"""The index of buckets, objects and uploads: a SQLite file of its own, beside their content.

Invariants:
    Keys are compared as bytes of UTF-8, which is their order in lists.
    What happened to an object is written in the transaction that changes it.
    Methods are called by threads, one transaction at a time.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from fc_async_local.services.oss.model import (
    Bucket,
    Listing,
    OssError,
    Part,
    StoredObject,
    Upload,
    bucket_missing,
    key_missing,
)
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fc_async_local.services.oss.model import Wanted
    from fc_async_sdk.admin.models import ObjectEvent

T = TypeVar("T")

NAME: Final = "index.db"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key BLOB NOT NULL, document BLOB NOT NULL, PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, document BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, document BLOB NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, document BLOB NOT NULL
);
"""
_encode: Final = msgspec.json.encode


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
        self._durable = "FULL" if durable else "OFF"
        with _answering():
            self._database = sqlite3.connect(
                folder / NAME, isolation_level=None, check_same_thread=False
            )
            self._database.executescript(f"PRAGMA journal_mode = WAL;\n{_SCHEMA}")

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
        with self._lock, _answering():
            self._database.execute(f"PRAGMA synchronous = {self._durable if flush else 'OFF'}")
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")

    # --- buckets ---

    def buckets(self) -> list[Bucket]:
        """Return all buckets by name."""
        return self._all(Bucket, "SELECT document FROM buckets ORDER BY name")

    def bucket(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            OssError: NoSuchBucket.
        """
        found = self._all(Bucket, "SELECT document FROM buckets WHERE name = ?", name)
        if not found:
            raise bucket_missing(name)
        return found[0]

    def put_bucket(self, bucket: Bucket) -> None:
        """Write a bucket."""
        self._run("INSERT OR REPLACE INTO buckets VALUES (?, ?)", bucket.name, _encode(bucket))

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket.

        Raises:
            OssError: NoSuchBucket; BucketNotEmpty: it has objects or uploads.
        """
        self.bucket(name)
        for table in ("objects", "uploads"):
            if self._run(f"SELECT 1 FROM {table} WHERE bucket = ? LIMIT 1", name).fetchone():  # noqa: S608 -- two names
                raise OssError("BucketNotEmpty", f"the bucket {name!r} has {table}: delete them")
        self._run("DELETE FROM buckets WHERE name = ?", name)

    # --- objects ---

    def find(self, bucket: str, key: str) -> StoredObject | None:
        """Return an object, or None.

        Raises:
            OssError: NoSuchBucket.
        """
        self.bucket(bucket)
        query = "SELECT document FROM objects WHERE bucket = ? AND key = ?"
        found = self._all(StoredObject, query, bucket, key.encode())
        return found[0] if found else None

    def object(self, bucket: str, key: str) -> StoredObject:
        """Return an object.

        Raises:
            OssError: NoSuchBucket, NoSuchKey.
        """
        found = self.find(bucket, key)
        if found is None:
            raise key_missing(key)
        return found

    def put(self, bucket: str, found: StoredObject) -> None:
        """Write an object in place of the one of its key."""
        statement = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?)"
        self._run(statement, bucket, found.key.encode(), _encode(found))

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object."""
        self._run("DELETE FROM objects WHERE bucket = ? AND key = ?", bucket, key.encode())

    def page(self, bucket: str, wanted: Wanted) -> Listing:
        """Return a page of the list of objects.

        Raises:
            OssError: NoSuchBucket.
        """
        self.bucket(bucket)
        prefix, delimiter = wanted.prefix.encode(), wanted.delimiter.encode()
        last = wanted.after.encode()
        begin = max(prefix, last + b"\0")
        objects: list[StoredObject] = []
        prefixes: list[str] = []
        while True:
            count = len(objects) + len(prefixes)
            row = self._run(
                "SELECT key, document FROM objects WHERE bucket = ? AND key >= ?"
                " ORDER BY key LIMIT 1",
                *(bucket, begin),
            ).fetchone()
            if row is None or not row[0].startswith(prefix):
                return Listing(objects, prefixes, "")
            key: bytes = row[0]
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            common = key[: at + len(delimiter)] if at >= 0 else b""
            if count == wanted.limit and not (common and common == last):
                return Listing(objects, prefixes, last.decode())
            if common:
                if common != last:
                    prefixes.append(common.decode())
                # Behind all keys that begin with it; no byte of UTF-8 is 0xFF.
                begin, last = common[:-1] + bytes([common[-1] + 1]), common
            else:
                objects.append(msgspec.json.decode(row[1], type=StoredObject))
                begin, last = key + b"\0", key

    # --- uploads ---

    def uploads(self, bucket: str, prefix: str = "") -> list[Upload]:
        """Return the uploads in parts, by key and id.

        Raises:
            OssError: NoSuchBucket.
        """
        self.bucket(bucket)
        query = "SELECT document FROM uploads WHERE bucket = ? ORDER BY key, id"
        found = self._all(Upload, query, bucket)
        return [upload for upload in found if upload.key.startswith(prefix)]

    def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return an upload.

        Raises:
            OssError: NoSuchBucket, NoSuchUpload.
        """
        self.bucket(bucket)
        found = self._all(Upload, "SELECT document FROM uploads WHERE id = ?", upload_id)
        if not found or (found[0].bucket, found[0].key) != (bucket, key):
            raise OssError("NoSuchUpload", "there is no such upload, or it has ended")
        return found[0]

    def put_upload(self, upload: Upload) -> None:
        """Write an upload."""
        values = (upload.id, upload.bucket, upload.key.encode(), _encode(upload))
        self._run("INSERT INTO uploads VALUES (?, ?, ?, ?)", *values)

    def end_upload(self, upload_id: str) -> list[Part]:
        """Delete an upload, and return its parts."""
        parts = self.parts(upload_id)
        self._run("DELETE FROM uploads WHERE id = ?", upload_id)
        self._run("DELETE FROM parts WHERE upload = ?", upload_id)
        return parts

    def parts(self, upload_id: str) -> list[Part]:
        """Return the parts of an upload in their order."""
        return self._all(
            Part, "SELECT document FROM parts WHERE upload = ? ORDER BY number", upload_id
        )

    def put_part(self, upload_id: str, part: Part) -> None:
        """Write a part in place of the one of its number."""
        values = (upload_id, part.number, _encode(part))
        self._run("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", *values)

    # --- events ---

    def put_event(self, at: int, event: ObjectEvent) -> None:
        """Write what happened to an object, until the triggers have been fired."""
        self._run("INSERT INTO events (at, document) VALUES (?, ?)", at, _encode(event))

    def events(self) -> Sequence[tuple[int, int, bytes]]:
        """Return the number, time and document of what triggers have not been fired for."""
        return self._run("SELECT id, at, document FROM events ORDER BY id").fetchall()

    def delete_event(self, number: int) -> None:
        """Delete an event."""
        self._run("DELETE FROM events WHERE id = ?", number)

    # --- content ---

    def files(self) -> set[tuple[str, str]]:
        """Return bucket and name of each file that an object or a part has."""
        objects = self._run("SELECT bucket, document FROM objects").fetchall()
        parts = self._run(
            "SELECT u.bucket, p.document FROM parts p JOIN uploads u ON u.id = p.upload"
        ).fetchall()
        return {
            (bucket, msgspec.json.decode(document)["content"]["file"])
            for bucket, document in objects + parts
        }

    def _run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._database.execute(statement, values)

    def _all(self, kind: type[T], statement: str, *values: Any) -> list[T]:
        return [
            msgspec.json.decode(document, type=kind)
            for (document,) in self._run(statement, *values).fetchall()
        ]


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """Turn what the disk refuses into the error that is answered with 503."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the index of OSS cannot be used: {error}") from error
