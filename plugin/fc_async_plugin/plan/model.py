# SPDX-License-Identifier: MIT
"""Plans as data: the state of a template, that of an account, and the steps between them.

:mod:`.wanted` makes the first, :mod:`fc_async_plugin.account.remote` reads the second, and
:mod:`.planner` compares them.

Invariants:

- Steps are frozen data. No function here reads or changes an account.
- Steps serialise to JSON without loss: a plan is reviewed in a file, and its journal is read after
  a crash.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple

import msgspec

from fc_async_plugin.template.problems import Position
from fc_async_sdk.models import Alias, AsyncConfig, Function, Trigger
from fc_async_sdk.spec import limits

Sign = Literal["+", "~", "-"]
Of = Literal["queue", "topic", "event bus", "alias", "async config", "concurrency", "trigger"]
"""Kinds of documents. The first three stand alone: ``function`` is then their own name."""

CURRENT_VERSION = "$published"
"""Stands for the version that a :class:`PublishVersion` of the same function makes in this run."""


class Place(NamedTuple):
    """A function of one account."""

    region: str
    function: str

    def __str__(self) -> str:
        return f"{self.function} ({self.region})"


class Channel(NamedTuple):
    """A queue, topic or event bus of the account."""

    of: Of
    region: str
    name: str


class Code(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Source of the code of a function.

    Attributes:
        path: Folder or zip on this machine, absolute; None if it is an object in OSS.
        checksum: CRC-64 of the zip, decimal; the service reports the same of what it runs.
        contents: Digest of the files in the zip; zips with other bytes may have the same.
        bucket: OSS bucket.
        object_name: OSS object.
    """

    path: str | None = None
    checksum: str | None = None
    contents: str | None = None
    bucket: str | None = None
    object_name: str | None = None


class Base(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """The common fields of all steps.

    Attributes:
        region: Region of the function.
        function: Its name.
    """

    sign: ClassVar[Sign]
    kind: ClassVar[str]

    region: str
    function: str

    @property
    def place(self) -> Place:
        """The function."""
        return Place(self.region, self.function)

    @property
    def qualifier_shown(self) -> str:
        """The part after the function's name in a listing, such as ``/prod``."""
        return ""

    @property
    def title(self) -> str:
        """One line without the details, such as ``+ async config orders/prod (cn-hangzhou)``."""
        return f"{self.sign} {self.kind} {self.function}{self.qualifier_shown} ({self.region})"

    def inverse(self) -> Step | None:
        """Return the step that undoes this one.

        The package ``apply`` undoes updates of functions and published versions by what it finds
        in the account.

        Returns:
            None if the state before is unknown, or no step undoes this one.
        """
        return None


class CreateFunction(Base, frozen=True, kw_only=True):
    """Create a function. Undone by deleting it."""

    sign: ClassVar[Sign] = "+"
    kind: ClassVar[str] = "function"

    after: dict[str, Any]
    code: Code

    def inverse(self) -> DeleteFunction:
        """Delete the function."""
        return DeleteFunction(**self.place._asdict())


class UpdateFunction(Base, frozen=True, kw_only=True):
    """Change settings of a function, its code, or both.

    Attributes:
        before: The current values of the settings that change; None: not set.
        after: The new values of the same settings.
        code: New code; None: the code does not change.
        code_before: Checksum of the code that is replaced. The code itself is downloaded before it
            is replaced, because undoing needs it.
    """

    sign: ClassVar[Sign] = "~"
    kind: ClassVar[str] = "function"

    before: dict[str, Any]
    after: dict[str, Any]
    code: Code | None = None
    code_before: str | None = None


class DeleteFunction(Base, frozen=True, kw_only=True):
    """Delete a function. Cannot be undone: versions, triggers and code would be lost."""

    sign: ClassVar[Sign] = "-"
    kind: ClassVar[str] = "function"


class PublishVersion(Base, frozen=True, kw_only=True):
    """Publish the current code as a version. Undone by deleting that version."""

    sign: ClassVar[Sign] = "+"
    kind: ClassVar[str] = "version"

    description: str = ""


class DeleteVersion(Base, frozen=True, kw_only=True):
    """Delete a version that this run published."""

    sign: ClassVar[Sign] = "-"
    kind: ClassVar[str] = "version"

    version: str

    @property
    def qualifier_shown(self) -> str:
        """The version."""
        return f"/{self.version}"


class Document(Base, frozen=True, kw_only=True):
    """A step on a document that belongs to a function, such as a trigger.

    Attributes:
        of: Kind of the document, a key of :data:`fc_async_plugin.plan.kinds.KINDS`.
        name: Its name among those of its kind; "" if a function has at most one.
        before: The current document; None: there is none, or it is not known.
    """

    of: Of
    name: str = ""
    before: dict[str, Any] | None = None

    @property
    def kind(self) -> str:  # type: ignore[override]
        """The kind of the document."""
        return self.of

    @property
    def qualifier_shown(self) -> str:
        """The name of the document, unless there is only one or it is LATEST."""
        return "" if self.name in {"", limits.DEFAULT_QUALIFIER} else f"/{self.name}"

    @property
    def channel(self) -> Channel:
        """The queue, topic or event bus that it is about."""
        return Channel(self.of, self.region, self.function)

    @property
    def about(self) -> dict[str, Any]:
        """The fields that name the document, for another step on it."""
        return {**self.place._asdict(), "of": self.of, "name": self.name}


class Put(Document, frozen=True, kw_only=True):
    """Create or replace a document.

    Attributes:
        after: The new document, with the names of the API.
    """

    after: dict[str, Any]

    @property
    def sign(self) -> Sign:  # type: ignore[override]
        """``+`` when there was none."""
        return "+" if self.before is None else "~"

    def inverse(self) -> Put | Delete:
        """Put the old document back, or delete the new one."""
        if self.before is None:
            return Delete(**self.about, before=self.after)
        return Put(**self.about, after=self.before, before=self.after)


class Delete(Document, frozen=True, kw_only=True):
    """Delete a document. Undone by putting ``before`` back."""

    sign: ClassVar[Sign] = "-"

    def inverse(self) -> Put | None:
        """Put the document back, if it is known."""
        return None if self.before is None else Put(**self.about, after=self.before)


Step = (
    CreateFunction | UpdateFunction | DeleteFunction | PublishVersion | DeleteVersion | Put | Delete
)


class WantedFunction(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one function that a template asks for.

    Attributes:
        configs: Asynchronous configuration by qualifier; empty: the template has no block.
        settings: Settings with the names of CreateFunction; None: the function is not deployed.
        code: Its code, if the function is deployed and has code.
        triggers: Triggers by name, with the names of CreateTrigger and ``triggerConfig`` as an
            object; None: the function is not deployed.
        concurrency: Its concurrency configuration by the name "", empty if it has none; None: the
            function is not deployed.
        position: Where the template names it.
    """

    configs: dict[str, AsyncConfig]
    position: Position
    settings: dict[str, Any] | None = None
    code: Code | None = None
    triggers: dict[str, dict[str, Any]] | None = None
    concurrency: dict[str, dict[str, Any]] | None = None

    @property
    def qualifiers(self) -> set[str]:
        """Versions and aliases that configuration and triggers name, LATEST included."""
        triggers = (self.triggers or {}).values()
        return {*self.configs, *(one["qualifier"] for one in triggers)}


class RemoteFunction(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one function in an account.

    Attributes:
        function: The function; None: it does not exist.
        contents: Digest of the files in its code; None: it was not needed, or cannot be had.
        configs: Asynchronous configuration by qualifier.
        aliases: Aliases by name; None: they were not read.
        versions: Ids of versions; None: they were not read.
        triggers: Triggers by name, as :class:`WantedFunction` has them; None: they were not read.
        concurrency: Concurrency configuration by the name ""; None: it was not read.
    """

    function: Function | None = None
    contents: str | None = None
    configs: dict[str, AsyncConfig] = {}
    aliases: dict[str, Alias] | None = None
    versions: frozenset[str] | None = None
    triggers: dict[str, dict[str, Any]] | None = None
    concurrency: dict[str, dict[str, Any]] | None = None


Wanted = dict[Place, WantedFunction]
Remote = dict[Place, RemoteFunction]


def trigger_document(trigger: Trigger) -> dict[str, Any]:
    """Return a trigger of the account as steps have it: what was configured, nothing else."""
    try:
        config = msgspec.json.decode(trigger.trigger_config or "{}")
    except msgspec.DecodeError:
        config = trigger.trigger_config
    document = {
        "triggerType": trigger.trigger_type,
        "sourceArn": trigger.source_arn,
        "triggerConfig": config,
        "invocationRole": trigger.invocation_role,
        "qualifier": trigger.qualifier or limits.DEFAULT_QUALIFIER,
        "description": trigger.description,
    }
    return {name: value for name, value in document.items() if value is not None and value != ""}
