# SPDX-License-Identifier: MIT
"""The records of the registry, one for each document.

A record contains what was requested (``settings``, in the spelling of the API) and what the service
adds. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, ClassVar, Final, Literal

import msgspec

from fc_async_local.store.protocol import Change, Document
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import http_trigger, limits

Settings = dict[str, Any]
"""Function settings as the API spells them; only what was set."""

RESERVED: Final = "reserved"
"""The key of the reserved concurrency within a function."""


def rfc3339(at: int) -> str:
    """Return milliseconds since the epoch as the API writes them: ``2020-08-20T02:28:21Z``."""
    return datetime.fromtimestamp(at / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_in(function: str, name: str) -> str:
    """Return the key of a record that belongs to a function; it begins with the function's name."""
    return f"{function}/{name}"


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all records. ``kind`` and ``key`` name the document."""

    kind: ClassVar[str]

    @property
    def key(self) -> str:
        """The document's key, unique within its kind."""
        raise NotImplementedError

    def stored(self, expect: Literal["any", "absent", "present"] = "any") -> Change:
        """Return the change that stores this record, if the expectation holds."""
        return Change(self.kind, self.key, msgspec.json.encode(self), expect=expect)

    def deleted(self) -> Change:
        """Return the change that removes this record."""
        return Change(self.kind, self.key, None)


class QualifiedRecord(Record, frozen=True, kw_only=True):
    """Base of records that belong to one (function, qualifier)."""

    function: str
    qualifier: str

    @property
    def key(self) -> str:
        """Function and qualifier."""
        return key_in(self.function, self.qualifier)


class NamedRecord(Record, frozen=True, kw_only=True):
    """Base of records that belong to a function and have a name that the user chose."""

    function: str
    name: str

    @property
    def key(self) -> str:
        """Function and name."""
        return key_in(self.function, self.name)


class CodeRef(msgspec.Struct, frozen=True, kw_only=True):
    """An archive: CRC-64 as decimal text (``codeChecksum``) and size in bytes; empty for images."""

    checksum: str = ""
    size: int = 0


class Restriction(msgspec.Struct, frozen=True, kw_only=True):
    """Reason why a function may not be invoked, and the time since when."""

    reason: str = ""
    modified_at: int


class FunctionRecord(Record, frozen=True, kw_only=True):
    """A function: its unpublished code and settings.

    Attributes:
        function_id: Distinguishes a function from an earlier one of the same name.
        edition: Counts changes of code or settings.
        next_version: The id of the next version; ids are never used twice.
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
    """The asynchronous configuration of one (function, qualifier).

    Attributes:
        config: What was set.
        written: Where a template has its destinations, such as ``s.yaml:12:9``, by outcome; empty
            if the last deployment did not say.
        waived: The outcomes that a comment there takes out of the search for cycles.
    """

    kind: ClassVar[str] = "async-config"

    config: AsyncConfig
    created_at: int
    modified_at: int
    written: dict[str, str] = {}
    waived: tuple[str, ...] = ()


class TriggerRecord(NamedRecord, frozen=True, kw_only=True):
    """A trigger of a function.

    Attributes:
        written: Where a template has it; "" if the last deployment did not say.
        waived: Whether a comment there takes it out of the search for cycles.
    """

    kind: ClassVar[str] = "trigger"

    trigger_id: str
    settings: Settings
    created_at: int
    modified_at: int
    written: str = ""
    waived: bool = False

    @property
    def is_http(self) -> bool:
        """Return whether it is an HTTP trigger."""
        return self.settings.get("triggerType") == http_trigger.TYPE

    @property
    def qualifier(self) -> str:
        """The version or alias that it calls."""
        return str(self.settings.get("qualifier") or limits.DEFAULT_QUALIFIER)


class ConcurrencyRecord(Record, frozen=True, kw_only=True):
    """The reserved concurrency of a function: the limit on its instances."""

    kind: ClassVar[str] = "concurrency"

    function: str
    reserved: int

    @property
    def key(self) -> str:
        """Function and :data:`RESERVED`."""
        return key_in(self.function, RESERVED)

    @property
    def qualifier(self) -> str:
        """LATEST: the limit holds for all versions together."""
        return limits.DEFAULT_QUALIFIER


class ProvisionRecord(QualifiedRecord, frozen=True, kw_only=True):
    """Provisioned instances of one (function, qualifier), as requested."""

    kind: ClassVar[str] = "provision-config"

    settings: Settings


class ScalingRecord(QualifiedRecord, frozen=True, kw_only=True):
    """The scaling configuration of one (function, qualifier), as requested."""

    kind: ClassVar[str] = "scaling-config"

    settings: Settings


class VpcBindingRecord(Record, frozen=True, kw_only=True):
    """A VPC that a function is bound to. Only kept and shown: the runtime has no VPCs."""

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
"""Records that belong to a function and are deleted with it."""

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
    """Read a document; return None if it is of another kind."""
    decoder = _DECODERS.get(document.kind)
    if decoder is None:
        return None
    record: AnyRecord = decoder.decode(document.body)
    return record
