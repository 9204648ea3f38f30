# SPDX-License-Identifier: MIT
"""Identity of the work of an event, and the part of its payload that is compared.

Invariants:

- A missing part of a key is an error: different events must not meet in one key.
- Equal JSON documents have the same fingerprint, whatever their spacing and order of names; of a
  claim it is the hash of the payload, which is not read.
- Numbers that differ have different keys and fingerprints, also where a float is the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_sdk import errors
from fc_async_sdk._payloads import claims, envelopes

if TYPE_CHECKING:
    from collections.abc import Callable

    Key = Callable[[Any, Any], object]

_READABLE: Final = 256
"""Longer keys are hashed, and those with characters that a database may refuse, such as NUL."""

_ENVELOPES: Final = (
    (claims.NAME, ": it is a claim; put @handler(..., large=store) above @idempotent"),
    (envelopes.HOP, ": it waits for its slot; put @handler(..., pace=pace) above @idempotent"),
)

_SCOPE: Final = 128
"""Largest length of a scope: that of the name of a function."""


def by_request_id(_: object, context: object) -> object:
    """Use the request id, which FC keeps over all attempts and redeliveries of one invocation."""
    return getattr(context, "request_id", None)


def by_task_id(_: object, context: object) -> object:
    """Use ``context.task_id``, for custom runtimes that read ``x-fc-async-task-id``.

    The context of FC's built-in Python runtimes has no task id: put it into the payload, and use
    ``by_field("task_id")``.
    """
    return getattr(context, "task_id", None)


def by_field(*paths: str) -> Key:
    """Use fields of the payload.

    Args:
        paths: Names in a JSON payload, with dots for nested ones: ``"order.id"``.

    Raises:
        InvalidParameter: No path is given.
    """
    if not paths or not all(map(_is_name, paths)):
        raise errors.InvalidParameter("paths", paths, "must name at least one field")

    def key(event: object, _: object) -> object:
        document = as_document(event)
        fields = [_look_up(document, path) for path in paths]
        return fields[0] if len(fields) == 1 else fields

    return key


def _is_name(path: object) -> bool:
    return isinstance(path, str) and path != ""


def _look_up(document: object, path: str) -> object:
    for name in path.split("."):
        if not isinstance(document, Mapping) or name not in document:
            raise errors.KeyMissing(
                f"the payload has no field {path!r}, which is the key{_why_missing(document)}"
            )
        document = document[name]
    if document is None:
        raise errors.KeyMissing(f"the field {path!r} of the payload is null, and it is the key")
    return document


def _why_missing(document: object) -> str:
    """Return the end of the message for a payload that a decorator above would have opened."""
    if not isinstance(document, Mapping):
        return ""
    for envelope, reason in _ENVELOPES:
        if envelope in document:
            return reason
    return ""


def key_text(scope: str, value: object) -> str:
    """Return the key under which a record is stored.

    Args:
        scope: Separates functions that share a store.
        value: What the key function returned.

    Raises:
        KeyMissing: The value, or a part of it, is None or empty.
        InvalidParameter: It is not a JSON value, or the scope is too long.
    """
    # A key with an empty part would be shared by all events that lack it: the second one would get
    # the result of the first.
    parts = _parts(value)
    if not parts or any(part is None or part == "" for part in parts):
        raise errors.KeyMissing(f"the key of this event is {value!r}")
    if not scope.isprintable() or len(scope.encode()) > _SCOPE:
        raise errors.InvalidParameter("scope", scope, f"must be printable, at most {_SCOPE} bytes")
    try:
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise errors.InvalidParameter(
            "key", value, "must be text, a number or a list of them"
        ) from error
    key = f"{scope}/{text}" if scope else text
    is_readable = key.isprintable() and len(key.encode()) <= _READABLE
    return key if is_readable else f"{scope}/sha256:{_hash(text)}"


def _parts(value: object) -> Sequence[object]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return [value]
    return value


def fingerprint(event: object, compare: Callable[[Any], object] | None) -> str:
    """Return the hash of the compared part of an event.

    Args:
        event: What the handler gets.
        compare: Returns that part; None: the whole event.

    Raises:
        InvalidParameter: The part is neither bytes nor text nor a value that JSON can represent.
    """
    part = event if compare is None else compare(event)
    try:
        document = as_document(part)
        claim = claims.of(document)
        if claim is not None:
            # Not of the whole claim: the key of its object has the day of its writing.
            return claim.sha256
        if isinstance(document, bytes):
            return hashlib.sha256(document).hexdigest()
        return _hash(json.dumps(document, sort_keys=True))
    except (TypeError, ValueError) as error:
        raise errors.InvalidParameter(
            "compare", part, f"must return bytes or a JSON value ({error})"
        ) from error


def as_document(event: Any) -> object:
    """Return an event as JSON values; bytes that are not JSON as they are.

    Raises:
        TypeError: It cannot be represented as JSON.
    """
    # The typed events of the SDK, which know their document.
    if hasattr(event, "to_dict"):
        return event.to_dict()
    if isinstance(event, str):
        # Half of a surrogate pair must not fail here: it is part of what identifies the work.
        event = event.encode("utf-8", "surrogatepass")
    if isinstance(event, (bytes, bytearray, memoryview)):
        raw = bytes(event)
        try:
            return _loads(raw)
        except (ValueError, RecursionError):
            return raw
    if hasattr(event, "model_dump_json"):
        return _loads(event.model_dump_json())
    return msgspec.to_builtins(event, str_keys=True)


def _loads(text: str | bytes) -> object:
    return json.loads(text, parse_float=_number)


def _number(text: str) -> object:
    """Return a number of a JSON document: a float, or what tells it from all other numbers."""
    value = float(text)
    exact = _canonical(text)
    # Two decimals that are one float were one key, and the second order got the first's receipt.
    return value if exact == _canonical(repr(value)) else {"number": exact}


def _canonical(number: str) -> str:
    """Return the same text for all forms of a number: ``1.5``, ``1.50`` and ``15e-1``."""
    mantissa, _, exponent = number.lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return f"{sign}e0"
    trailing_zeros = len(digits) - len(significant)
    power = int(exponent or 0) + trailing_zeros - len(fraction)
    return f"{sign}{significant}e{power}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
