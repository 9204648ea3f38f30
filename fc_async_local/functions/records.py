# SPDX-License-Identifier: MIT
"""The records of the registry, one for each document.

A record contains what was requested (``settings``, in the spelling of the API) and what the service
adds. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import msgspec

from fc_async_local.functions import refusals
from fc_async_local.store.protocol import Change, Document
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import http_trigger, limits

if TYPE_CHECKING:
    from fc_async_local.domain.errors import Rejected

Settings = dict[str, Any]
"""Function settings as the API spells them; only what was set."""


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
        # The expectation is checked by the store, in the transaction of the write: two nodes may
        # write at the same time.
        return Change(self.kind, self.key, msgspec.json.encode(self), expect=expect)

    def deleted(self) -> Change:
        """Return the change that removes this record."""
        return Change(self.kind, self.key, None)


class OwnedRecord(Record, frozen=True, kw_only=True):
    """Base of records that belong to a function and are deleted with it.

    Attributes:
        name_field: The field that tells the records of one function apart.
    """

    name_field: ClassVar[str]

    function: str

    @property
    def key(self) -> str:
        """Function and the value of the field that ``name_field`` names."""
        return self.key_of(self.function, getattr(self, self.name_field))

    @classmethod
    def key_of(cls, function: str, name: str = "") -> str:
        """Return the key of a record; without a name, that of LATEST."""
        return key_in(function, name or limits.DEFAULT_QUALIFIER)

    @classmethod
    def missing(cls, function: str, name: str) -> Rejected:
        """Return the 404 for a record that does not exist."""
        return refusals.not_found(cls.kind, function, name)


class QualifiedRecord(OwnedRecord, frozen=True, kw_only=True):
    """Base of records that belong to one (function, qualifier)."""

    name_field: ClassVar[str] = "qualifier"

    qualifier: str


class NamedRecord(OwnedRecord, frozen=True, kw_only=True):
    """Base of records that belong to a function and have a name that the user chose."""

    name_field: ClassVar[str] = "name"

    name: str


class CodeRef(msgspec.Struct, frozen=True, kw_only=True):
    """An archive; empty for images.

    Attributes:
        checksum: CRC-64 as decimal text: the ``codeChecksum`` that clients see.
        size: In bytes.
        digest: SHA-256 as hexadecimal text; "" of code that an older runtime has stored.
    """

    checksum: str = ""
    size: int = 0
    digest: str = ""

    @property
    def key(self) -> str:
        """The name of the archive in the store and of its unpacked folder.

        Two archives can be made to have one CRC-64, so it does not decide which code runs.
        """
        # Code that an older runtime has stored keeps its key.
        return self.digest or self.checksum


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


class VersionRecord(OwnedRecord, frozen=True, kw_only=True):
    """A published version: a copy that never changes."""

    kind: ClassVar[str] = "version"
    name_field: ClassVar[str] = "version_id"

    version_id: str
    settings: Settings
    code: CodeRef
    function_id: str
    created_at: int
    description: str | None = None


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

    @classmethod
    def missing(cls, function: str, name: str) -> Rejected:
        """Return the 404 of GetAsyncInvokeConfig."""
        return refusals.async_config_not_exists(function, name)


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


class ConcurrencyRecord(QualifiedRecord, frozen=True, kw_only=True):
    """The reserved concurrency of a function: the limit on its instances, of all versions."""

    kind: ClassVar[str] = "concurrency"

    qualifier: str = limits.DEFAULT_QUALIFIER
    reserved: int

    @classmethod
    def key_of(cls, function: str, name: str = "") -> str:  # noqa: ARG003 -- there is one
        """Return the key of the record of a function."""
        return key_in(function, "reserved")

    @classmethod
    def missing(cls, function: str, name: str) -> Rejected:  # noqa: ARG003 -- as above
        """Return the 404 of GetConcurrencyConfig."""
        return refusals.concurrency_not_found(function)


class PauseRecord(OwnedRecord, frozen=True, kw_only=True):
    """A function that was paused.

    Attributes:
        since: When.
        interval_us: Microseconds between the starts of what waited, after it was resumed at a rate;
            0: it is paused.
    """

    kind: ClassVar[str] = "pause"

    since: int
    interval_us: int = 0

    @property
    def key(self) -> str:
        """The key of the record of a function."""
        return self.key_of(self.function)

    @classmethod
    def key_of(cls, function: str, name: str = "") -> str:  # noqa: ARG003 -- there is one
        """Return the key of the record of a function."""
        return key_in(function, "pause")


class ProvisionRecord(QualifiedRecord, frozen=True, kw_only=True):
    """Provisioned instances of one (function, qualifier), as requested."""

    kind: ClassVar[str] = "provision-config"

    settings: Settings


class ScalingRecord(QualifiedRecord, frozen=True, kw_only=True):
    """The scaling configuration of one (function, qualifier), as requested."""

    kind: ClassVar[str] = "scaling-config"

    settings: Settings


class VpcBindingRecord(OwnedRecord, frozen=True, kw_only=True):
    """A VPC that a function is bound to. Only kept and shown: the runtime has no VPCs."""

    kind: ClassVar[str] = "vpc-binding"
    name_field: ClassVar[str] = "vpc_id"

    vpc_id: str


OWNED: Final[tuple[type[OwnedRecord], ...]] = (
    VersionRecord,
    AliasRecord,
    AsyncConfigRecord,
    TriggerRecord,
    ConcurrencyRecord,
    PauseRecord,
    ProvisionRecord,
    ScalingRecord,
    VpcBindingRecord,
)

_KINDS: Final[tuple[type[Record], ...]] = (FunctionRecord, *OWNED)
READERS: Final = {cls.kind: msgspec.json.Decoder(cls).decode for cls in _KINDS}
"""Decoders of documents by kind."""


def decode(document: Document) -> Record | None:
    """Read a document; return None if it is of another kind."""
    read = READERS.get(document.kind)
    return None if read is None else read(document.body)
