# SPDX-License-Identifier: MIT
"""Structs whose fields have ranges: a struct that exists holds no value outside of them.

Invariants:
    The annotation of a field is the only place where its range is written.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from fc_async_sdk.errors import shorten


class Ranged(msgspec.Struct, frozen=True, kw_only=True):
    """Base of structs that check their fields when they are created.

    Attributes:
        secret: Names of the fields whose values no message may show.

    Raises:
        ValueError: A value is outside of its range; the message has name, range and value.
    """

    secret: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            self.check(name, getattr(self, name))

    @classmethod
    def expected(cls, name: str) -> str:
        """Return in words which values a field takes."""
        hint = _hints(cls)[name]
        if hint is bool:
            return "true or false"
        if get_origin(hint) is Literal:
            return " or ".join(get_args(hint))
        if type(None) in get_args(hint):
            hint = get_args(hint)[0]
        meta: Meta = hint.__metadata__[0]
        return meta.description or f"an integer from {meta.ge} to {meta.le}"

    @classmethod
    def check(cls, name: str, value: object) -> None:
        """Refuse a value that a field does not take.

        Raises:
            ValueError: With name and range; without the value if it may hold a secret.
        """
        cls._convert(name, value, strict=True)

    @classmethod
    def read(cls, name: str, text: str) -> object:
        """Return the value of a field that came as text: ``30000``, ``true``, ``raw``.

        Raises:
            ValueError: As :meth:`check` does.
        """
        return cls._convert(name, text, strict=False)

    @classmethod
    def _convert(cls, name: str, value: object, *, strict: bool) -> object:
        try:
            return msgspec.convert(value, _hints(cls)[name], strict=strict)
        except msgspec.ValidationError:
            got = "" if name in cls.secret else f", got {shorten(value)}"
            raise ValueError(f"{name} must be {cls.expected(name)}{got}") from None


@functools.cache
def _hints(owner: type) -> dict[str, Any]:
    """Return the annotations of a struct; evaluating them takes a millisecond."""
    return get_type_hints(owner, include_extras=True)
