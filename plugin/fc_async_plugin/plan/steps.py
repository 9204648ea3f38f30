# SPDX-License-Identifier: MIT
"""The steps of a plan: what each changes, from what to what, and what undoes it.

Invariants:

- Steps are frozen data. No function here reads or changes an account.
- Steps serialise to JSON without loss: a plan is reviewed in a file, and its journal is read after
  a crash.
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
        return DeleteFunction(region=self.region, function=self.function)


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


class PutAlias(Base, frozen=True, kw_only=True):
    """Create an alias, or point it to another version.

    Attributes:
        after: The new alias; its ``version_id`` may be :data:`CURRENT_VERSION`.
        before: The current alias; None: it does not exist.
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

    def inverse(self) -> PutAlias | DeleteAlias:
        """Put the old alias back, or delete the new one."""
        at = {"region": self.region, "function": self.function, "alias": self.alias}
        if self.before is None:
            return DeleteAlias(**at, before=self.after)
        return PutAlias(**at, after=self.before, before=self.after)


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

    def inverse(self) -> PutAlias | None:
        """Put the alias back, if it is known."""
        if self.before is None:
            return None
        return PutAlias(
            region=self.region, function=self.function, alias=self.alias, after=self.before
        )


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
        before: The current configuration; None: there is none.
        after: The new configuration; exactly this is sent.
    """

    after: AsyncConfig
    before: AsyncConfig | None = None

    @property
    def sign(self) -> Sign:  # type: ignore[override]
        """``+`` when there was none."""
        return "~" if self.before else "+"

    def inverse(self) -> PutAsyncConfig | DeleteAsyncConfig:
        """Put the old configuration back, or delete the new one."""
        at = {"region": self.region, "function": self.function, "qualifier": self.qualifier}
        if self.before is None:
            return DeleteAsyncConfig(**at, before=self.after)
        return PutAsyncConfig(**at, after=self.before, before=self.after)


class DeleteAsyncConfig(_OfConfig, frozen=True, kw_only=True):
    """Delete an asynchronous configuration. Undone by putting ``before`` back."""

    sign: ClassVar[Sign] = "-"

    before: AsyncConfig | None = None

    def inverse(self) -> PutAsyncConfig | None:
        """Put the configuration back, if it is known."""
        if self.before is None:
            return None
        return PutAsyncConfig(
            region=self.region,
            function=self.function,
            qualifier=self.qualifier,
            after=self.before,
        )


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
