# SPDX-License-Identifier: MIT
"""Types that msgspec decodes into, made ready before threads share them; its errors."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

JSON_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""Errors of a decoder for input that is not JSON of the expected type."""

T = TypeVar("T")


def prepare(*types: Any) -> None:
    """Fill msgspec's field tables of these types; call it at module level, where they are defined.

    msgspec fills the table of a Struct at its first use, and publishes it before it is complete:
    a second thread that decodes into the same type at that moment reads a null pointer and the
    process ends with a segmentation fault (msgspec 0.19 to 0.22, ``StructInfo_Convert`` in
    ``_core.c``). The import lock of the defining module keeps other threads away until the table
    is complete.

    Args:
        types: Struct classes, or any type that a decoder takes.
    """
    for kind in types:
        msgspec.json.Decoder(kind)


def read(document: object, kind: type[T]) -> T:
    """Return a document, which is a mapping or JSON text, as a type.

    Raises:
        DecodeError, UnicodeError, RecursionError: As :data:`JSON_ERRORS` lists them.
    """
    if isinstance(document, str):
        return msgspec.json.decode(document, type=kind)
    return msgspec.convert(document, kind)
