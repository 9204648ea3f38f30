# SPDX-License-Identifier: MIT
"""Values as JSON, and JSON as values of a type that the user names.

Types are msgspec Structs, dataclasses, attrs classes, TypedDicts and what is built of them; and
classes with the methods ``model_validate_json`` and ``model_dump_json``, as pydantic's models have.

Invariants:

- Bytes and text are payloads as they are: they are not encoded as JSON.
- A value that JSON does not have is refused with its place. Inside an object of a declared type, a
  field may have any type that msgspec reads back.
- No error holds a value: a payload may hold secrets.
"""

from __future__ import annotations

import enum
import functools
import math
import re
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

import msgspec
from msgspec import inspect

from fc_async_sdk._decoding import JSON_ERRORS
from fc_async_sdk._payloads import claims
from fc_async_sdk.errors import InvalidParameter, InvalidPayload

if TYPE_CHECKING:
    import json

T = TypeVar("T")

_PLACE: Final = re.compile(r" - at `(?P<place>[^`]*)`$")
_ENCODE_ERRORS: Final = (TypeError, ValueError, OverflowError, RecursionError)
_ADVICE: Final = {
    "Decimal": "use str(value) or float(value)",
    "set": "use a list",
    "frozenset": "use a list",
    "bytes": "use a text, such as base64",
    "bytearray": "use a text, such as base64",
    "memoryview": "use a text, such as base64",
    "datetime": "use value.isoformat()",
    "date": "use value.isoformat()",
    "time": "use value.isoformat()",
    "UUID": "use str(value)",
}
_OTHERWISE: Final = "use dicts, lists, texts, numbers, true, false and null"


# --- to JSON ----------------------------------------------------------------------------------


def to_json(name: str, value: Any) -> bytes:
    """Encode a value as JSON.

    Args:
        name: What the value is, for the error.
        value: The value.

    Raises:
        InvalidParameter: The value, or a part of it, has no form in JSON. The error names the place
            and the type.
    """
    try:
        if _is_model(value):
            return value.model_dump_json().encode()  # type: ignore[no-any-return]  # a text
        return _encoder().encode(value).encode()
    except _ENCODE_ERRORS as error:
        raise _refusal(name, value, error) from error


# Cached: json.dumps makes an encoder for each call, most of the time of a small payload.
@functools.cache
def _encoder() -> json.JSONEncoder:
    import json  # noqa: PLC0415 -- functions that only read do without it

    return json.JSONEncoder(
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
        default=_plain,
    )


def _is_model(value: object) -> bool:
    """Tell whether a value has the methods of a model of pydantic."""
    return hasattr(value, "model_dump_json")


def plain(value: object) -> object:
    """Return a value in which dicts stand for objects of declared types, at any depth."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if _is_model(value) or _is_declared(type(value)):
        return _plain(value)
    return value


def _plain(value: Any) -> Any:
    """Return the JSON form of what json does not know.

    Raises:
        TypeError: It has none.
    """
    if _is_model(value):
        return msgspec.json.decode(value.model_dump_json())
    if _is_declared(type(value)):
        return msgspec.to_builtins(value, enc_hook=_plain)
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"JSON has no {type(value).__name__}")


class _Culprit(NamedTuple):
    """A part of a value that JSON does not have."""

    path: str
    shown: object
    kind: str
    advice: str


def _refusal(name: str, value: object, error: Exception) -> InvalidParameter:
    try:
        culprit = next(_without_json(value, "$"), None)
    except RecursionError:
        culprit = None  # a value that contains itself
    if culprit is not None:
        return InvalidParameter(
            name,
            culprit.shown,
            f"JSON has no such {culprit.kind} (at {culprit.path}): {culprit.advice}",
        )
    shown = sorted(map(str, value)) if isinstance(value, Mapping) else type(value).__name__
    return InvalidParameter(name, shown, f"cannot be written as JSON: {error}")


def _without_json(value: object, path: str) -> Iterator[_Culprit]:
    """Yield the parts of a value that JSON does not have."""
    if isinstance(value, float):
        if not math.isfinite(value):
            yield _Culprit(path, value, "number", "use null or a text")
    elif isinstance(value, dict):
        for key, item in value.items():
            if key is not None and not isinstance(key, (str, int, float)):
                yield _Culprit(path, type(key).__name__, "key", "use a text")
            yield from _without_json(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _without_json(item, f"{path}[{index}]")
    elif value is not None and not isinstance(value, (str, int)):
        yield from _of_another_type(value, path)


def _of_another_type(value: object, path: str) -> Iterator[_Culprit]:
    try:
        plain = _plain(value)
    except _ENCODE_ERRORS:
        kind = type(value).__name__
        yield _Culprit(path, kind, "type", _ADVICE.get(kind, _OTHERWISE))
    else:
        yield from _without_json(plain, path)


# --- from JSON --------------------------------------------------------------------------------

_decoders: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}
_making: Final = threading.Lock()


def check_type(name: str, kind: object) -> None:
    """Check that values can be read into a type, and prepare it for several threads.

    Raises:
        InvalidParameter: They cannot.
    """
    if kind is bytes or kind is str or hasattr(kind, "model_validate_json"):
        return
    try:
        custom = isinstance(inspect.type_info(kind), inspect.CustomType)
        if not custom:
            _decoder(kind)
    except (TypeError, NameError) as error:
        raise InvalidParameter(
            name, kind, f"is not a type that JSON can be read as: {error}"
        ) from (error)
    if custom:
        raise InvalidParameter(
            name,
            kind,
            "must be a msgspec Struct, a dataclass, a TypedDict, a class with model_validate_json, "
            "bytes, str, or made of these",
        )


def from_json(kind: type[T], data: bytes, *, subject: str = "the payload") -> T:
    """Decode a payload into a value of a type.

    Args:
        kind: The type. bytes takes the payload as it is, str takes it as UTF-8, Any what its JSON
            holds, or the bytes if they are not JSON.
        data: The payload.
        subject: What it is, for the error.

    Raises:
        InvalidPayload: It does not fit.
        UnreadableClaim: It is a claim, which stands for the payload.
    """
    if kind is bytes:
        return cast("T", data)
    claims.check_opened(data, subject)
    if kind is Any:
        try:
            return cast("T", msgspec.json.decode(data))
        except JSON_ERRORS:
            return cast("T", data)
    expected = getattr(kind, "__name__", None) or str(kind)
    try:
        if kind is str:
            return cast("T", data.decode())
        if hasattr(kind, "model_validate_json"):
            validated: T = cast("Any", kind).model_validate_json(data)
            return validated
        decoded: T = _decoder(kind).decode(data)
    except JSON_ERRORS as error:
        reason, path = split_place(error)
        raise InvalidPayload(
            expected, reason if data else "it is empty", path, what=subject
        ) from error
    except ValueError as error:
        # The whole message of pydantic quotes the input, which may be a secret. Nor is the error
        # the cause of ours: a traceback would show it.
        raise InvalidPayload(expected, *_first(error), what=subject) from None
    return decoded


def conform(name: str, kind: Any, value: object) -> None:
    """Check that a value is of a type and can be read back as it, before it is sent.

    Models are not looked into: they were validated when they were made.

    Raises:
        InvalidParameter: It is not.
    """
    if kind is Any:
        return
    shown = getattr(kind, "__name__", None) or str(kind)
    is_sent_as_it_is = _is_model(kind) or kind in {bytes, str}
    is_class = is_sent_as_it_is or (isinstance(kind, type) and _is_declared(kind))
    if is_class and not isinstance(value, kind):
        raise InvalidParameter(name, type(value).__name__, f"must be of type {shown}")
    if is_sent_as_it_is:
        return
    # Dataclasses and Structs do not check their fields when they are made. What the function could
    # not decode is an error here, before it is sent.
    try:
        msgspec.convert(msgspec.to_builtins(value, enc_hook=_plain), kind, dec_hook=_model)
    except (msgspec.ValidationError, *_ENCODE_ERRORS) as error:
        reason, path = split_place(error)
        raise InvalidParameter(
            name, type(value).__name__, f"is not a valid {shown}: {reason} (at {path})"
        ) from error


def split_place(error: Exception) -> tuple[str, str]:
    """Return what msgspec says and the place in the document that it names, "$" if none."""
    reason = str(error)
    match = _PLACE.search(reason)
    if match is None:
        return reason, "$"
    return reason[: match.start()], match["place"]


def _is_declared(kind: type) -> bool:
    """Tell whether a type is a Struct, a dataclass or a class of attrs."""
    return (
        issubclass(kind, msgspec.Struct)
        or hasattr(kind, "__dataclass_fields__")
        or hasattr(kind, "__attrs_attrs__")
    )


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    decoder = _decoders.get(kind)
    if decoder is None:
        # One at a time: see fc_async_sdk._decoding.prepare.
        with _making:
            decoder = _decoders.setdefault(kind, msgspec.json.Decoder(kind, dec_hook=_model))
    return decoder


def _model(kind: Any, value: object) -> object:
    """Make a model of pydantic inside another type."""
    if hasattr(kind, "model_validate_json"):
        try:
            return kind.model_validate_json(msgspec.json.encode(value))
        except ValueError as error:
            raise ValueError(_first(error)[0]) from None
    raise TypeError(f"JSON cannot be read as {getattr(kind, '__name__', kind)}")


def _first(error: ValueError) -> tuple[str, str]:
    """Return the first complaint of a validation error of pydantic, and its place."""
    details: Any = getattr(error, "errors", None)
    if not callable(details):
        return type(error).__name__, "$"
    complaints: Any = details(
        include_url=False,
        include_input=False,
        include_context=False,
    )
    first = complaints[0]
    path = "$"
    for step in first["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return str(first["msg"]), path
