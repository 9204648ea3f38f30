# SPDX-License-Identifier: MIT
"""The steps a plan is made of: what each changes, from what to what, and what undoes it.

Data only. Steps are frozen and serialise to JSON without loss, because a plan is reviewed in a
file and a journal of it survives a crash. Nothing here reads or changes an account.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from fc_async_sdk.models import Alias, AsyncConfig
from fc_async_sdk.spec import limits

Sign = Literal["+", "~", "-"]

CURRENT_VERSION = "$published"
"""Stands for the version that a :class:`PublishVersion` of the same function makes in this run."""


class Code(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the code of a function comes from.

    Attributes:
        path: Folder or zip on this machine, absolute; None if it is an object in OSS.
        checksum: CRC-64 of the zip, decimal; the service reports the same of what it runs.
        bucket: OSS bucket.
        object_name: OSS object.
    """

    path: str | None = None
    checksum: str | None = None
    bucket: str | None = None
    object_name: str | None = None


class Base(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """What all steps share.

    Attributes:
        region: Where the function is.
        function: Its name.
    """

    sign: ClassVar[Sign]
    kind: ClassVar[str]

    region: str
    function: str

    @property
    def qualifier_shown(self) -> str:
        """What follows the function's name in a listing, such as ``/prod``."""
        return ""

    @property
    def title(self) -> str:
        """One line without the details, such as ``+ async config orders/prod (cn-hangzhou)``."""
        return f"{self.sign} {self.kind} {self.function}{self.qualifier_shown} ({self.region})"


class CreateFunction(Base, frozen=True, kw_only=True):
    """Create a function. Undone by deleting it."""

    sign: ClassVar[Sign] = "+"
    kind: ClassVar[str] = "function"

    after: dict[str, Any]
    code: Code


class UpdateFunction(Base, frozen=True, kw_only=True):
    """Change settings of a function, its code, or both.

    Attributes:
        before: The settings that change, as they are; None: not set.
        after: The same settings, as they shall be.
        code: New code, or None: stays.
        code_before: Checksum of the code that is replaced. Undoing needs the code itself, which
            is fetched before it is replaced.
    """

    sign: ClassVar[Sign] = "~"
    kind: ClassVar[str] = "function"

    before: dict[str, Any]
    after: dict[str, Any]
    code: Code | None = None
    code_before: str | None = None


class DeleteFunction(Base, frozen=True, kw_only=True):
    """Delete a function. Can't be undone: versions, triggers and code would be lost."""

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


class PutAlias(Base, frozen=True, kw_only=True):
    """Create an alias, or point it to another version.

    Attributes:
        after: As it shall be; its ``version_id`` may be :data:`CURRENT_VERSION`.
        before: As it is, None: it doesn't exist.
    """

    kind: ClassVar[str] = "alias"

    alias: str
    after: Alias
    before: Alias | None = None

    @property
    def sign(self) -> Sign:  # type: ignore[override]
        """``+`` when the alias is new."""
        return "~" if self.before else "+"

    @property
    def qualifier_shown(self) -> str:
        """The alias."""
        return f"/{self.alias}"


class DeleteAlias(Base, frozen=True, kw_only=True):
    """Delete an alias."""

    sign: ClassVar[Sign] = "-"
    kind: ClassVar[str] = "alias"

    alias: str
    before: Alias | None = None

    @property
    def qualifier_shown(self) -> str:
        """The alias."""
        return f"/{self.alias}"


class _OfConfig(Base, frozen=True, kw_only=True):
    kind: ClassVar[str] = "async config"

    qualifier: str = limits.DEFAULT_QUALIFIER

    @property
    def qualifier_shown(self) -> str:
        """Nothing for LATEST."""
        return "" if self.qualifier == limits.DEFAULT_QUALIFIER else f"/{self.qualifier}"


class PutAsyncConfig(_OfConfig, frozen=True, kw_only=True):
    """Create or replace an asynchronous configuration.

    Attributes:
        before: As it is, None: there is none.
        after: As it shall be; exactly this is sent.
    """

    after: AsyncConfig
    before: AsyncConfig | None = None

    @property
    def sign(self) -> Sign:  # type: ignore[override]
        """``+`` when there was none."""
        return "~" if self.before else "+"


class DeleteAsyncConfig(_OfConfig, frozen=True, kw_only=True):
    """Delete an asynchronous configuration. Undone by putting ``before`` back."""

    sign: ClassVar[Sign] = "-"

    before: AsyncConfig | None = None


Step = (
    CreateFunction
    | UpdateFunction
    | DeleteFunction
    | PublishVersion
    | DeleteVersion
    | PutAlias
    | DeleteAlias
    | PutAsyncConfig
    | DeleteAsyncConfig
)


def inverse(step: Step) -> Step | None:
    """The step that undoes another one, as far as one step can.

    Updates of functions and published versions are undone by what the account says; see the
    package ``apply``.

    Returns:
        None if it is not known what there was before, or nothing undoes it.
    """
    at: dict[str, Any] = {"region": step.region, "function": step.function}
    undo: Step | None = None
    match step:
        case CreateFunction():
            undo = DeleteFunction(**at)
        case PutAlias(alias=alias, before=None):
            undo = DeleteAlias(**at, alias=alias, before=step.after)
        case PutAlias(alias=alias, before=Alias() as before):
            undo = PutAlias(**at, alias=alias, after=before, before=step.after)
        case DeleteAlias(alias=alias, before=Alias() as before):
            undo = PutAlias(**at, alias=alias, after=before)
        case PutAsyncConfig(qualifier=qualifier, before=None):
            undo = DeleteAsyncConfig(**at, qualifier=qualifier, before=step.after)
        case PutAsyncConfig(qualifier=qualifier, before=AsyncConfig() as before):
            undo = PutAsyncConfig(**at, qualifier=qualifier, after=before, before=step.after)
        case DeleteAsyncConfig(qualifier=qualifier, before=AsyncConfig() as before):
            undo = PutAsyncConfig(**at, qualifier=qualifier, after=before)
        case _:
            pass
    return undo
