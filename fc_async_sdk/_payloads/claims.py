# SPDX-License-Identifier: MIT
"""Claims: what travels in place of a payload that lies in a store.

A claim is the JSON document ``{"$fc-async.claim": {"store", "key", "sha256", "size"}}``.

Invariants:

- A claim exists only after its object was written as a whole.
- Keys are made of the content: a second writer of the same content writes the same object.
- What is read has the hash and the size of the claim. A claim cannot name any other object, and its
  key has the hash of the content: a sender that does not know the content cannot name it.
- Nothing is deleted: retries, replays and failure queues need the object for days.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, TypeVar

import msgspec

from fc_async_sdk import errors
from fc_async_sdk._decoding import JSON_ERRORS, prepare
from fc_async_sdk._payloads import envelopes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

T = TypeVar("T")

NAME: Final = f"{envelopes.PREFIX}claim"
VARIABLE: Final = "FCASYNC_PAYLOADS"
"""Environment variable that names the store, ``oss://BUCKET`` or the path of a folder. Function
Compute refuses variables of functions with ``FC_`` in front of their names."""
OLD_VARIABLE: Final = "FC_ASYNC_PAYLOADS"
"""Its former name, which is still read: senders outside of functions may have it."""
PREFIX: Final = "fc-async/v1/"
"""Precedes all keys."""
THRESHOLD: Final = 100 * 1024
"""Bytes of the largest payload that is sent as it is, if the store has no ``threshold``."""
MEMORY: Final = 256 * 1024 * 1024
"""Bytes of the largest payload that is read into memory, if no other limit is known."""

_LONGEST: Final = 4096
_KEY: Final = re.compile(
    rf"{PREFIX}[\w$-]{{1,257}}/\d{{4}}-\d\d-\d\d/(?P<sha256>[0-9a-f]{{64}})(?:\.gz)?", re.ASCII
)
_SAMPLE: Final = 64 * 1024
_WORTH: Final = 0.9


def named_store(environ: Mapping[str, str]) -> str:
    """Return the store that the environment names, "" if it names none."""
    return environ.get(VARIABLE) or environ.get(OLD_VARIABLE, "")


class PayloadStore(Protocol):
    """Interface of a store of payloads. It may be used by several threads.

    It may have an attribute ``threshold``: bytes of the largest payload that is sent as it is.
    """

    @property
    def name(self) -> str:
        """Identify the store in claims and messages, such as ``oss://bucket``."""
        ...

    def put(self, key: str, data: bytes | BinaryIO) -> None:
        """Store an object as a whole, in place of one with the same key.

        Raises:
            PermissionError: Access is denied.
            Exception: It failed in another way.
        """
        ...

    def get(self, key: str) -> Iterable[bytes]:
        """Return the content of an object in pieces.

        Raises:
            FileNotFoundError: There is none.
            PermissionError: Access is denied.
            Exception: It failed in another way.
        """
        ...

    def exists(self, key: str) -> bool:
        """Return whether there is an object."""
        ...


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Place, hash and size of a payload in a store.

    Attributes:
        store: Name of the store that it was written to.
        key: Key of the object; one that ends with ``.gz`` is compressed.
        sha256: Hash of the payload, in hexadecimal digits.
        size: Bytes of the payload.
    """

    store: str
    key: str
    sha256: str
    size: int

    def encode(self) -> bytes:
        """Return the document that is sent."""
        return msgspec.json.encode({NAME: self})


prepare(Claim)


def check(store: PayloadStore | None) -> PayloadStore | None:
    """Return the store that an argument ``large`` is, or None.

    Raises:
        InvalidParameter: It is something else.
    """
    if store is None:
        return None
    if not all(callable(getattr(store, verb, None)) for verb in ("put", "get", "exists")):
        raise errors.InvalidParameter(
            "large", type(store).__name__, "must be a store, such as payloads.FolderStore(path)"
        )
    return store


def threshold(store: PayloadStore) -> int:
    """Return the bytes of the largest payload that is sent as it is."""
    return int(getattr(store, "threshold", THRESHOLD))


def find(payload: bytes) -> Claim | None:
    """Return the claim that a payload is; None if it is another payload.

    Args:
        payload: Bytes, such as the event of a handler.

    Raises:
        UnreadableClaim: It is a claim of another version, or incomplete.
    """
    # A claim is short. Payloads of megabytes are not searched for one.
    envelope = envelopes.read(payload) if len(payload) <= _LONGEST else None
    if envelope is None or envelope.name != NAME:
        return None
    try:
        return of({NAME: msgspec.json.decode(envelope.body)})
    except JSON_ERRORS:
        return None


def of(document: object) -> Claim | None:
    """Return the claim that a decoded payload is, or None.

    Raises:
        UnreadableClaim: It is a claim of another version, or incomplete.
    """
    if not isinstance(document, dict) or list(document) != [NAME]:
        return None
    try:
        claim = msgspec.convert(document[NAME], Claim)
    except msgspec.ValidationError as error:
        raise errors.UnreadableClaim(f"the claim is invalid: {error}") from error
    # A sender could name any object of the bucket otherwise, and have the function read it.
    key = _KEY.fullmatch(claim.key)
    if key is None or key["sha256"] != claim.sha256 or claim.size < 0:
        raise errors.UnreadableClaim(
            f"the key {errors.shorten(claim.key)} is not one of this version: update fc-async "
            "where the payload is read"
        )
    return claim


def write(store: PayloadStore, function: str, payload: bytes) -> Claim:
    """Write a payload to a store.

    Args:
        store: The store.
        function: Name of the function that the payload is for or from; part of the key.
        payload: The payload.

    Raises:
        PayloadStoreDenied: The store denies access.
        PayloadStoreFailed: The store failed.
    """
    import hashlib  # noqa: PLC0415 -- few payloads are large
    import time  # noqa: PLC0415 -- same

    digest = hashlib.sha256(payload).hexdigest()
    # The day is for people and lifecycle rules. It is the sender's clock, so nothing is deleted
    # by it alone: payloads of waiting tasks went once.
    day = time.strftime("%Y-%m-%d", time.gmtime())
    packed = _packed(payload)
    name = re.sub(r"[^\w$-]", "_", function, flags=re.ASCII)[:257] or "_"
    ending = "" if packed is payload else ".gz"
    key = f"{PREFIX}{name}/{day}/{digest}{ending}"
    with _told(store, key, "written"):
        store.put(key, packed)
    return Claim(store=store.name, key=key, sha256=digest, size=len(payload))


def _packed(payload: bytes) -> bytes:
    """Return a payload compressed, or as it is if that saves little."""
    import gzip  # noqa: PLC0415 -- few payloads are large

    # The beginning tells: pictures and archives are not compressed as a whole in vain.
    sample = payload[:_SAMPLE]
    if len(gzip.compress(sample, 1)) > len(sample) * _WORTH:
        return payload
    # Without a time in it, the same payload is the same object.
    packed = gzip.compress(payload, 3, mtime=0)
    return packed if len(packed) < len(payload) * _WORTH else payload


def read(store: PayloadStore, claim: Claim) -> Iterator[bytes]:
    """Yield a payload in pieces; the last step checks it as a whole.

    Raises:
        PayloadNotFound: The store does not have it, or not any more.
        PayloadDamaged: It is not what was written.
        PayloadStoreDenied: The store denies access.
        PayloadStoreFailed: The store failed.
    """
    import hashlib  # noqa: PLC0415 -- few payloads are large
    import zlib  # noqa: PLC0415 -- same

    digest = hashlib.sha256()
    size = 0
    unpack = zlib.decompressobj(wbits=31) if claim.key.endswith(".gz") else None
    with _told(store, claim.key, "read", written=claim.store):
        try:
            for piece in store.get(claim.key):
                # A piece that grows to more than the claim says is damaged: it is not unpacked.
                # One byte more than there may be is enough to see that.
                room = claim.size - size + 1
                data = unpack.decompress(piece, room) if unpack else piece
                size += len(data)
                if size > claim.size:
                    break
                digest.update(data)
                yield data
        except zlib.error:
            size = -1
    if size != claim.size or digest.hexdigest() != claim.sha256:
        raise errors.PayloadDamaged(
            "the object is not what was written: its hash or its size differs",
            store=store.name,
            key=claim.key,
        )


def fetch(store: PayloadStore, claim: Claim, limit: int = MEMORY) -> bytes:
    """Return a payload.

    Args:
        store: The store that has it.
        claim: The claim.
        limit: Bytes that may be read into memory.

    Raises:
        PayloadOverMemory: It is larger than the limit.
        LargePayloadError: It cannot be read; see :func:`read`.
    """
    if claim.size > limit:
        raise errors.PayloadOverMemory(
            f"the payload has {claim.size} bytes, {limit} may be read into memory: read it as a "
            "file with payloads.fetch(..., stream=True), or give the function more memory",
            store=store.name,
            key=claim.key,
        )
    return b"".join(read(store, claim))


def opened(store: PayloadStore | None, payload: bytes) -> bytes:
    """Return the payload that a claim stands for; other payloads as they are.

    Raises:
        LargePayloadError: It cannot be read; see :func:`fetch`.
    """
    if store is None:
        return payload
    claim = find(payload)
    return payload if claim is None else fetch(store, claim)


def check_opened(payload: bytes, subject: str) -> None:
    """Check that a payload is not a claim.

    Raises:
        UnreadableClaim: It is one: the reader has no store.
    """
    if claim := find(payload):
        raise _unopened(claim, subject)


def check_decoded(value: T, subject: str) -> T:
    """Return a payload that was decoded from JSON, if it is not a claim.

    Raises:
        UnreadableClaim: It is one: the reader has no store.
    """
    if claim := of(value):
        raise _unopened(claim, subject)
    return value


def _unopened(claim: Claim, subject: str) -> errors.UnreadableClaim:
    return errors.UnreadableClaim(
        f"{subject} is a claim of {claim.size} bytes in {claim.store}: read it with large=store, "
        "event.open(store) or payloads.fetch(store, payload)",
        store=claim.store,
        key=claim.key,
    )


def within(store: PayloadStore, context: Any) -> PayloadStore:
    """Return a store with the credentials of an invocation, if it has use for them."""
    bind = getattr(store, "within", None)
    bound: PayloadStore = store if bind is None else bind(context)
    return bound


def call(store: PayloadStore | None, work: Callable[..., T], *args: Any) -> T:  # noqa: ARG001 -- as async_call
    """Call a function."""
    return work(*args)


async def async_call(store: PayloadStore | None, work: Callable[..., T], *args: Any) -> T:
    """Call a function: in a thread if it may read or write a store."""
    if store is None:
        return work(*args)
    import asyncio  # noqa: PLC0415 -- imports are billed, and most functions are not coroutines

    return await asyncio.to_thread(work, *args)


@contextlib.contextmanager
def _told(
    store: PayloadStore,
    key: str,
    verb: str,
    written: str = "",
) -> Iterator[None]:
    """Turn errors of a store into those of the SDK."""
    location = {"store": store.name, "key": key}
    try:
        yield
    except errors.FcAsyncError:
        raise
    except Exception as error:
        if written and isinstance(error, (FileNotFoundError, KeyError)):
            raise errors.PayloadNotFound(_why_missing(store.name, written), **location) from error
        if isinstance(error, PermissionError):
            text = f"the payload cannot be {verb}: {error}"
            raise errors.PayloadStoreDenied(text, **location) from error
        text = f"the payload cannot be {verb}: {type(error).__name__}: {error}"
        raise errors.PayloadStoreFailed(text, **location) from error


def _why_missing(name: str, written: str) -> str:
    """Return why a store may lack a payload.

    Args:
        name: Of the store that was asked.
        written: Name of the store that the payload was written to.
    """
    if name == written:
        return (
            "the store does not have the payload any more: its lifecycle rule may have removed it"
        )
    return (
        f"the payload was written to another store, {written}: name the same store where it is "
        f"sent and where it is read, such as with {VARIABLE}"
    )
