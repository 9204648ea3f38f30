# SPDX-License-Identifier: MIT
"""OSS triggers: their configuration, which events they match, which of them overlap. Pure.

Source: the pages "OSS triggers" and "Event formats of triggers" of the user guide
(docs/reference/sources.md).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_sdk import _decoding
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX: Final = "oss:"
"""Before the names of events in ``triggerConfig``, not in event documents."""
_ANY: Final = "*"
_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "ObjectCreated": (
        "PutObject",
        "PostObject",
        "CopyObject",
        "PutSymlink",
        "AppendObject",
        "InitiateMultipartUpload",
        "UploadPart",
        "UploadPartCopy",
        "CompleteMultipartUpload",
    ),
    "ObjectRemoved": ("DeleteObject", "DeleteObjects", "AbortMultipartUpload"),
    "ObjectModified": ("UpdateObjectMeta",),
    "ObjectReplication": ("ObjectCreated", "ObjectModified", "ObjectRemoved"),
}
CREATED: Final = "ObjectCreated:PutObject"
"""The event of an upload, as event documents name it: without ``oss:``."""

NAMES: Final = tuple(
    f"{group}:{action}" for group, actions in _ACTIONS.items() for action in actions
)
"""The events of objects, as event documents name them."""

EVENTS: Final = frozenset({f"{PREFIX}{name}" for name in NAMES} | {f"{PREFIX}ObjectCreated:{_ANY}"})
"""The values of ``events`` in ``triggerConfig``."""

_CREATED: Final = f"{PREFIX}ObjectCreated:"
_PARTS: Final = tuple(
    f"{_CREATED}{action}" for action in ("InitiateMultipartUpload", "UploadPart", "UploadPartCopy")
)
"""Events of an upload in parts before its end, ``CompleteMultipartUpload``."""
_OBJECTS: Final = tuple(
    event
    for event in (f"{_CREATED}{action}" for action in _ACTIONS["ObjectCreated"])
    if event not in _PARTS
)
"""Events of ``ObjectCreated`` after which there is a new object, or a longer one."""

_BUCKET: Final = re.compile(r"acs:oss:([a-z0-9-]*):(\d*):([a-z0-9][a-z0-9-]{1,61}[a-z0-9])")
_CONFIG: Final = "triggerConfig"
_KEY_BYTES: Final = 1023
"""OSS: the longest key of an object."""


class InvalidOssTrigger(ValueError):
    """The configuration of an OSS trigger is invalid.

    Attributes:
        path: Keys of the field within the trigger.
    """

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


class InvalidObject(ValueError):
    """An object's key, or an event, does not exist in OSS."""


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    prefix: str = ""
    suffix: str = ""


class _Filter(msgspec.Struct, frozen=True, kw_only=True):
    key: _Key = _Key()


class _Config(msgspec.Struct, frozen=True, kw_only=True):
    events: tuple[str, ...]
    filter: _Filter = _Filter()


_decoding.prepare(_Config)


class OssTrigger(msgspec.Struct, frozen=True, kw_only=True):
    """Condition under which an OSS trigger fires.

    Attributes:
        bucket: Name of the bucket.
        events: Values of :data:`EVENTS`.
        prefix: Beginning of the keys, "" for all.
        suffix: End of the keys, "" for all.
    """

    bucket: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    def matches(self, event: str, key: str) -> bool:
        """Return whether it fires for an event of an object.

        Args:
            event: One of :data:`NAMES`.
            key: Key of the object.
        """
        if not key.startswith(self.prefix) or not key.endswith(self.suffix):
            return False
        return any(_covers(pattern, f"{PREFIX}{event}") for pattern in self.events)

    def fires_for_new_objects(self) -> bool:
        """Return whether it fires when an object is written."""
        return any(_covers(pattern, event) for pattern in self.events for event in _OBJECTS)


def events_of_parts(events: Iterable[str]) -> tuple[str, ...]:
    """Return the events of uploads in parts, besides the last one, that a trigger matches.

    Args:
        events: ``events`` of a ``triggerConfig``.
    """
    patterns = tuple(events)
    return tuple(part for part in _PARTS if any(_covers(pattern, part) for pattern in patterns))


def events_of_objects(events: Iterable[str]) -> tuple[str, ...]:
    """Return events that fire once for an upload in parts: those of a trigger, without its parts.

    Args:
        events: ``events`` of a ``triggerConfig``; a ``*`` becomes what it stands for.
    """
    whole: list[str] = []
    for event in events:
        # The last of _OBJECTS is CompleteMultipartUpload: the end of the same upload.
        if event in _PARTS:
            whole.append(_OBJECTS[-1])
        else:
            whole += _OBJECTS if event.endswith(_ANY) else (event,)
    return tuple(dict.fromkeys(whole))


def bucket_of(source_arn: str) -> str | None:
    """Return the bucket that a ``sourceArn`` names, or None."""
    match = _BUCKET.fullmatch(source_arn)
    return match.group(3) if match else None


def read(source_arn: str, config: object) -> OssTrigger:
    """Return what an OSS trigger fires for.

    Args:
        source_arn: ``sourceArn``.
        config: ``triggerConfig``, as a mapping or as JSON text.

    Raises:
        InvalidOssTrigger: A field is missing, has another type, or an invalid value.
    """
    bucket = bucket_of(source_arn)
    if bucket is None:
        raise InvalidOssTrigger(
            ("sourceArn",),
            f"sourceArn {shorten(source_arn)} is invalid:"
            " acs:oss:{region}:{account}:{bucket}",
        )
    events, key = config_of(config)
    return OssTrigger(
        bucket=bucket,
        events=events,
        prefix=key.prefix,
        suffix=key.suffix,
    )


def config_of(config: object) -> tuple[tuple[str, ...], _Key]:
    """Return the events and the filter of a ``triggerConfig``.

    Raises:
        InvalidOssTrigger: A field is missing, has another type, or an invalid value.
    """
    try:
        trigger = _decoding.read(config, _Config)
    except _decoding.JSON_ERRORS as error:
        raise InvalidOssTrigger((_CONFIG,), f"triggerConfig: {error}") from None
    if not trigger.events:
        raise InvalidOssTrigger((_CONFIG, "events"), "events is empty: name at least one event")
    for event in trigger.events:
        if event not in EVENTS:
            raise InvalidOssTrigger(
                (_CONFIG, "events"),
                f"events: {shorten(event)} does not exist; there are {', '.join(sorted(EVENTS))}",
            )
    key = trigger.filter.key
    if key.prefix.startswith("/"):
        raise InvalidOssTrigger(
            (_CONFIG, "filter", "key", "prefix"),
            f"filter.key.prefix {shorten(key.prefix)} must not begin with '/'",
        )
    return trigger.events, key


def check_object(event: str, key: str) -> None:
    """Refuse an event of an object that OSS cannot have.

    Raises:
        InvalidObject: The event is not one of :data:`NAMES`, or the key is invalid.
    """
    if event not in NAMES:
        raise InvalidObject(f"event {shorten(event)} does not exist: {', '.join(NAMES)}")
    if not key or key[0] in "/\\" or len(key.encode()) > _KEY_BYTES:
        raise InvalidObject(
            f"key {shorten(key)} is invalid: 1 to {_KEY_BYTES} bytes, not '/' or '\\' in front"
        )


def overlap(trigger: OssTrigger, other: OssTrigger) -> bool:
    """Return whether OSS refuses two triggers beside each other.

    It does if an event, the prefixes and the suffixes overlap: one prefix begins with the other,
    one suffix ends with the other.
    """
    if trigger.bucket != other.bucket:
        return False
    if not any(_share(a, b) for a in trigger.events for b in other.events):
        return False
    # The shorter prefix matches more keys: it overlaps with each longer one that begins with it.
    prefixes = sorted((trigger.prefix, other.prefix), key=len)
    suffixes = sorted((trigger.suffix, other.suffix), key=len)
    return prefixes[1].startswith(prefixes[0]) and suffixes[1].endswith(suffixes[0])


def _share(pattern: str, other: str) -> bool:
    return _covers(pattern, other) or _covers(other, pattern)


def _covers(pattern: str, event: str) -> bool:
    if pattern.endswith(_ANY):
        return event.startswith(pattern.removesuffix(_ANY))
    return pattern == event
