# SPDX-License-Identifier: MIT
"""The steps of a plan, as data: what changes an account, and what undoes it.

:mod:`.planner` makes them from two states; the package ``apply`` performs them.

Invariants:

- Steps are frozen data. No function here reads or changes an account.
- Steps serialise to JSON without loss: a plan is reviewed in a file, and its journal is read after
  a crash.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from fc_async_plugin.project.state import Channel, Code, Of, Place
from fc_async_sdk.spec import limits

Sign = Literal["+", "~", "-"]

CURRENT_VERSION = "$published"
"""Stands for the version that a :class:`PublishVersion` of the same function makes in this run."""


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
        of: Kind of the document, a key of :data:`fc_async_plugin.deploy.plan.kinds.KINDS`.
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
