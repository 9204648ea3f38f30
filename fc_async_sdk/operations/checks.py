# SPDX-License-Identifier: MIT
"""Checks of arguments before a request is sent: a mistake costs no request.

Every check returns the value in the form that goes out, or raises one of
:class:`~fc_async_sdk.errors.InvalidRequest`'s kinds. Numbers come from
:mod:`fc_async_sdk.spec.limits`. Nothing here changes what the caller passed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk._payloads import values
from fc_async_sdk.errors import InvalidParameter, PayloadTooLarge
from fc_async_sdk.spec import async_config as spec
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_sdk.models import AsyncConfig

_QUALIFIER: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NAME_LENGTH: Final = 512
_SECOND: Final = timedelta(seconds=1)

Payload = bytes | bytearray | memoryview | str | Any
"""Bytes go out as they are, text as UTF-8, anything else as JSON; None is an empty payload."""


def segment(name: str, value: object) -> str:
    """Return a name that becomes one segment of the path.

    The service, not the SDK, knows which names exist, so ``/``, ``?`` and Unicode go through,
    encoded. What no path can carry is refused.
    """
    if not isinstance(value, str):
        raise InvalidParameter(name, value, "must be a string")
    if not value:
        raise InvalidParameter(name, value, "must not be empty")
    # Clients and proxies take these out of a path (RFC 3986, section 5.2.4), and another operation
    # would be called.
    if value in {".", ".."}:
        raise InvalidParameter(name, value, "is a relative path, not a name")
    if len(value) > _NAME_LENGTH or _CONTROL.search(value):
        raise InvalidParameter(
            name, value, f"must be at most {_NAME_LENGTH} characters, none of them control ones"
        )
    return text(name, value)


def new_name(name: str, value: object, pattern: re.Pattern[str]) -> str:
    """Return the name of a new resource, which must follow the service's grammar."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidParameter(
            name,
            value,
            "must be a letter or _, then letters, digits, _ and -, at most 128 in all",
        )
    return value


def version_id(value: object, name: str = "version_id") -> str:
    """Return a version: a decimal string of 1 to 10 digits."""
    if not isinstance(value, str) or not limits.VERSION_ID_PATTERN.fullmatch(value):
        raise InvalidParameter(name, value, "must be a string of 1 to 10 digits")
    return value


def qualifier(value: object) -> str | None:
    """Return a version, an alias, or None, which means LATEST."""
    if value is None:
        return None
    if not isinstance(value, str) or not _QUALIFIER.fullmatch(value):
        raise InvalidParameter("qualifier", value, "must be a version, an alias or LATEST")
    return value


def flag(name: str, value: object) -> bool | None:
    """Return True, False or None; other values are refused, also 0 and 1."""
    if value is not None and not isinstance(value, bool):
        raise InvalidParameter(name, value, "must be True, False or None")
    return value


def integer(name: str, value: object, allowed: limits.Range) -> int | None:
    """Return a whole number inside its range, or None; ``True`` and 1.0 are refused."""
    if value is None:
        return None
    if type(value) is not int or value not in allowed:
        raise InvalidParameter(
            name, value, f"must be a whole number from {allowed.low} to {allowed.high}"
        )
    return value


def async_config(config: AsyncConfig) -> AsyncConfig:
    """Return a configuration whose switches and numbers the service takes.

    Its destinations were checked when they were parsed.

    Raises:
        InvalidParameter: A value is out of its range, or of another type.
    """
    # The spec has the names of the service, an error the name of the argument.
    arguments = dict(zip(config.__struct_encode_fields__, config.__struct_fields__, strict=True))
    names = ("asyncTask", *spec.RANGES)
    scalars = {name: getattr(config, arguments[name]) for name in names}
    for violation in spec.check(scalars):
        name = arguments[violation.path[-1]]
        raise InvalidParameter(name, violation.value, f"must be {violation.expected}")
    return config


def delay(value: object) -> int | None:
    """Return a delay like :func:`some_delay`, or None."""
    return None if value is None else some_delay(value)


def some_delay(value: object) -> int:
    """Return seconds (or those of a timedelta of whole seconds) in the open interval (0, 3600)."""
    seconds: object = value
    if isinstance(value, timedelta):
        # A fraction stays one, and is refused: a delay that is rounded is not what was asked for.
        seconds = value.total_seconds() if value.microseconds else value // _SECOND
    # Not isinstance: True is an int for Python.
    if type(seconds) is not int or seconds not in limits.DELAY_SECONDS:
        raise InvalidParameter(
            "delay",
            value,
            f"must be whole seconds from {limits.DELAY_SECONDS.low} to "
            f"{limits.DELAY_SECONDS.high}; leave it out for no delay",
        )
    return seconds


def task_id(value: object) -> str | None:
    """Return a task id, or None to let the service make one."""
    return None if value is None else new_name("task_id", value, limits.TASK_ID_PATTERN)


def payload(value: Payload, limit: int) -> bytes:
    """Return the payload as bytes, within its limit."""
    data = _encode(value)
    if len(data) > limit:
        raise PayloadTooLarge(len(data), limit)
    return data


def _encode(value: Payload) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if not isinstance(value, str):
        return values.to_json("payload", value)
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise InvalidParameter("payload", "str", f"must be encodable as UTF-8: {error}") from error


def text(name: str, value: object) -> str:
    """Return a text that can be sent."""
    if not isinstance(value, str):
        raise InvalidParameter(name, value, "must be a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidParameter(name, value, "must be encodable as UTF-8") from None
    return value


def some_text(name: str, value: object) -> str | None:
    """Return a text like :func:`text`, or None."""
    return None if value is None else text(name, value)


def fields(name: str, value: object) -> dict[str, Any]:
    """Return a copy of a mapping of any JSON; None is empty."""
    if value is not None and not isinstance(value, Mapping):
        raise InvalidParameter(name, type(value).__name__, "must be a mapping, such as a dict")
    return dict(value or {})


def choice(name: str, value: object, allowed: tuple[str, ...]) -> str | None:
    """Return one of a few words, or None."""
    if value is None:
        return None
    if not isinstance(value, str) or value not in allowed:
        raise InvalidParameter(name, value, f"must be one of {', '.join(allowed)}")
    return value


def timeout(name: str, value: object) -> float | None:
    """Return a number of seconds, more than 0 and not too large for sockets, or None."""
    if value is None:
        return None
    if not limits.is_wait(value):
        raise InvalidParameter(name, value, f"must be {limits.WAIT_EXPECTED}")
    return float(value)


def tags(value: object) -> list[dict[str, Any]] | None:
    """Return a copy of a list of tags as the service has them, or None."""
    if value is None:
        return None
    if not isinstance(value, Sequence) or not all(isinstance(tag, Mapping) for tag in value):
        raise InvalidParameter("tags", value, 'must be like [{"Key": "team", "Value": "data"}]')
    return [dict(tag) for tag in value]


def text_map(name: str, value: object) -> dict[str, str] | None:
    """Return a copy of a mapping of text to text, or None."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidParameter(name, type(value).__name__, "must map strings to strings")
    # The keys of what is wrong, never the values: they may be secrets.
    wrong = [key for key, text in value.items() if not _are_texts(key, text)]
    if wrong:
        raise InvalidParameter(name, wrong, "must map strings to strings")
    return dict(value)


def _are_texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)
