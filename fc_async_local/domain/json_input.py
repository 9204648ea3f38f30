# SPDX-License-Identifier: MIT
"""Reads JSON from outside, or says in one sentence why it cannot be read. Pure.

Invariants:
    What :func:`read` returns can be written as UTF-8 and as JSON again, by any part of the runtime:
    it contains no lone surrogate, no number beyond a double, and is nested at most ``MAX_DEPTH``
    deep.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

MAX_DEPTH: Final = 64
"""Ours: Python's readers and writers of JSON fail at about 1,000, less what the caller has used."""


MAX_VALUES: Final = 1_000_000
"""Ours: about 100 MB, if they are empty objects."""
_LARGE_BYTES: Final = 8 * 1024 * 1024
"""Size above which a text is large: only those with a function's code are, as one string."""


class InvalidJson(ValueError):
    """The text is not JSON that can be kept. The message says why."""


@overload
def read(text: bytes | str) -> Any: ...
@overload
def read(text: bytes | str, kind: type[T]) -> T: ...


def read(text: bytes | str, kind: Any = Any) -> Any:
    """Parse and check a JSON text.

    Args:
        text: The text; bytes are UTF-8.
        kind: What it must be, as msgspec describes it.

    Raises:
        InvalidJson: It is not JSON, of another type, nested too deep, or large with many values.
        MemoryError: It is large, and its strings do not fit into memory.
    """
    try:
        data = text.encode() if isinstance(text, str) else text
        # 160 MB of empty objects took 3 GB, and an upload that did not fit into memory ended the
        # runtime by a signal.
        if len(data) > _LARGE_BYTES:
            _check_large(data)
        value = msgspec.json.decode(data)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidJson(str(error)) from None
    # A text with fewer brackets than that cannot be too deep, and most have few.
    brackets = data.count(b"[") + data.count(b"{")
    if brackets > MAX_DEPTH and _is_deep(value):
        raise _too_deep()
    if kind is Any:
        return value
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise InvalidJson(str(error)) from None


def _check_large(data: bytes) -> None:
    """Refuse what would take much more memory than its text, or memory that there is not."""
    if data.count(b",") > MAX_VALUES:
        raise InvalidJson(f"over {_LARGE_BYTES} bytes long, and has more than {MAX_VALUES} values")
    # msgspec 0.22 writes a string without checking that it got memory for it, which ends the
    # process by SIGSEGV. One with escapes is built in another place first.
    copies = 2 if b"\\" in data else 1
    bytes(len(data) * copies)


def _too_deep() -> InvalidJson:
    return InvalidJson(f"nested more than {MAX_DEPTH} levels deep")


def _is_deep(value: Any) -> bool:
    # Level by level, without recursion: the value may be as deep as the reader of JSON allows.
    level = [value]
    for _ in range(MAX_DEPTH):
        level = list(itertools.chain.from_iterable(map(_items, level)))
        if not level:
            return False
    return any(isinstance(item, list | dict) for item in level)


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
