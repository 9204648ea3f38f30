# SPDX-License-Identifier: MIT
"""What the registry keeps: one record per document, and how it is written down.

Records hold what was asked for (``settings`` in the API's spelling) beside what the service adds.
They decide nothing. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, ClassVar, Final, Literal

import msgspec

from fc_async_local.store.protocol import Change, Document
from fc_async_sdk.models import AsyncConfig

Settings = dict[str, Any]
"""Function settings as the API spells them; only what was set."""

RESERVED: Final = "reserved"
"""The one word under which a function's concurrency is kept."""


def rfc3339(at: int) -> str:
    """Return milliseconds since the epoch as the API writes them: ``2020-08-20T02:28:21Z``."""
    return datetime.fromtimestamp(at / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_in(function: str, name: str) -> str:
    """The key of what a function owns: all of it begins with the function's name."""
    return f"{function}/{name}"


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all records. ``kind`` and ``key`` name the document."""

    kind: ClassVar[str]

    @property
    def key(self) -> str:
        """The document's key, unique within its kind."""
        raise NotImplementedError

    def stored(self, expect: Literal["any", "absent", "present"] = "any") -> Change:
        """The write that keeps this record, if the store finds what is expected."""
        return Change(self.kind, self.key, msgspec.json.encode(self), expect=expect)

    def deleted(self) -> Change:
        """The write that removes this record."""
        return Change(self.kind, self.key, None)


class QualifiedRecord(Record, frozen=True, kw_only=True):
    """Base of what is configured for one (function, qualifier)."""

    function: str
    qualifier: str

    @property
    def key(self) -> str:
        """Function and qualifier."""
        return key_in(self.function, self.qualifier)


class NamedRecord(Record, frozen=True, kw_only=True):
    """Base of what a function has under a name that the user chose."""

    function: str
    name: str

    @property
    def key(self) -> str:
        """Function and name."""
        return key_in(self.function, self.name)


class CodeRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which archive: CRC-64 as decimal text (``codeChecksum``) and bytes; empty for images."""

    checksum: str = ""
    size: int = 0


class Restriction(msgspec.Struct, frozen=True, kw_only=True):
    """Why a function may not be invoked, and since when."""

    reason: str = ""
    modified_at: int


class FunctionRecord(Record, frozen=True, kw_only=True):
    """A function: its unpublished code and settings.

    Attributes:
        function_id: Distinguishes a function from an earlier one of the same name.
        edition: Counts changes of code or settings.
        next_version: Version ids are never used twice.
        restriction: Set while invocation is disabled.
    """

    kind: ClassVar[str] = "function"

    name: str
    function_id: str
    settings: Settings
    code: CodeRef
    created_at: int
    modified_at: int
    edition: int = 1
    next_version: int = 1
    tags: dict[str, str] = {}
    restriction: Restriction | None = None

    @property
    def key(self) -> str:
        """The function's name."""
        return self.name


class VersionRecord(Record, frozen=True, kw_only=True):
    """A published version: a copy that never changes."""

    kind: ClassVar[str] = "version"

    function: str
    version_id: str
    settings: Settings
    code: CodeRef
    function_id: str
    created_at: int
    description: str | None = None

    @property
    def key(self) -> str:
        """Function and version."""
        return key_in(self.function, self.version_id)


class AliasRecord(NamedRecord, frozen=True, kw_only=True):
    """A name for a version, or for several with weights."""

    kind: ClassVar[str] = "alias"

    version_id: str
    created_at: int
    modified_at: int
    description: str | None = None
    weights: dict[str, float] | None = None


class AsyncConfigRecord(QualifiedRecord, frozen=True, kw_only=True):
    """The asynchronous configuration of one (function, qualifier)."""

    kind: ClassVar[str] = "async-config"

    config: AsyncConfig
    created_at: int
    modified_at: int


class TriggerRecord(NamedRecord, frozen=True, kw_only=True):
    """What invokes a function besides the API."""

    kind: ClassVar[str] = "trigger"

    trigger_id: str
    settings: Settings
    created_at: int
    modified_at: int


class ConcurrencyRecord(Record, frozen=True, kw_only=True):
    """How many instances a function may use at most."""

    kind: ClassVar[str] = "concurrency"

    function: str
    reserved: int

    @property
    def key(self) -> str:
        """Function and :data:`RESERVED`."""
        return key_in(self.function, RESERVED)


class ProvisionRecord(QualifiedRecord, frozen=True, kw_only=True):
    """Provisioned instances of one (function, qualifier), as they were asked for."""

    kind: ClassVar[str] = "provision-config"

    settings: Settings


class ScalingRecord(QualifiedRecord, frozen=True, kw_only=True):
    """The scaling configuration of one (function, qualifier), as it was asked for."""

    kind: ClassVar[str] = "scaling-config"

    settings: Settings


class VpcBindingRecord(Record, frozen=True, kw_only=True):
    """A VPC from which alone a function may be invoked. Kept and shown; there is no VPC here."""

    kind: ClassVar[str] = "vpc-binding"

    function: str
    vpc_id: str

    @property
    def key(self) -> str:
        """Function and VPC."""
        return key_in(self.function, self.vpc_id)


OwnedRecord = (
    VersionRecord
    | AliasRecord
    | AsyncConfigRecord
    | TriggerRecord
    | ConcurrencyRecord
    | ProvisionRecord
    | ScalingRecord
    | VpcBindingRecord
)
"""What belongs to a function and goes with it."""

AnyRecord = FunctionRecord | OwnedRecord

OWNED: Final[tuple[type[OwnedRecord], ...]] = (
    VersionRecord,
    AliasRecord,
    AsyncConfigRecord,
    TriggerRecord,
    ConcurrencyRecord,
    ProvisionRecord,
    ScalingRecord,
    VpcBindingRecord,
)

_DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    cls.kind: msgspec.json.Decoder(cls) for cls in (FunctionRecord, *OWNED)
}


def decode(document: Document) -> AnyRecord | None:
    """Read a document; None when it is of somebody else's kind."""
    decoder = _DECODERS.get(document.kind)
    if decoder is None:
        return None
    record: AnyRecord = decoder.decode(document.body)
    return record
