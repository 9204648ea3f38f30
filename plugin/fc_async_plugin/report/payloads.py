# SPDX-License-Identifier: MIT
"""Shows payloads decoded: JSON, errors as tracebacks, events with their parts, what claims name.

Invariants:

- Numbers and strings of JSON are shown as they came; only spaces and line ends are added.
- A payload that is on one line and fits is not changed at all.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_plugin.account import stored_payloads
from fc_async_plugin.report.tables import cell_width
from fc_async_sdk import events
from fc_async_sdk.errors import InvalidEvent
from fc_async_sdk.events.error_documents import error_lines

if TYPE_CHECKING:
    from fc_async_sdk.events import DestinationEvent, Payload

_DEEPEST: Final = 3
"""Events within events that are decoded: each stage of a pipeline adds one."""
_NAMES: Final = 11


def lines(payload: bytes, width: int | None, *, depth: int = 0) -> list[str]:
    """Return a payload as lines; none if it is empty.

    Args:
        payload: Any bytes.
        width: Columns of the terminal that are left for it, or None for a pipe.
        depth: Number of events around it.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        encoded = base64.b64encode(payload).decode()
        return [f"base64, {len(payload)} bytes: {encoded}"]
    stored = stored_payloads.look_up(payload)
    if stored is not None:
        return [stored.note, *lines(stored.content or b"", width, depth=depth)]
    failed = error_lines(payload)
    if failed:
        return failed
    event = _event(payload) if depth < _DEEPEST else None
    if event is not None:
        return [_title(event), *event_lines(event, width, depth=depth + 1)]
    is_line = "\n" not in text
    fits = width is None or cell_width(text) <= width
    if is_line and fits:
        return [text] if text else []
    return _formatted(payload, text).splitlines()


def event_lines(event: DestinationEvent, width: int | None, *, depth: int = 1) -> list[str]:
    """Return the request and the response of a destination event, decoded."""
    shown: list[str] = []
    remaining = None if width is None else width - _NAMES - 2
    for name, payload in (("request", event.request), ("response", event.response)):
        first, *continuation = lines(as_bytes(payload), remaining, depth=depth) or ["-"]
        shown.append(f"  {name:<{_NAMES}}{first}")
        shown += [f"  {'':<{_NAMES}}{line}" for line in continuation]
    return shown


def as_bytes(payload: Payload) -> bytes:
    """Return the bytes of a payload; those on the wire if they are not valid base64."""
    try:
        return payload.bytes()
    except InvalidEvent:
        return payload.raw


def _event(payload: bytes) -> DestinationEvent | None:
    # Cheaper than parsing each payload, which may have megabytes.
    if b'"requestContext"' not in payload:
        return None
    try:
        return events.parse(payload)
    except InvalidEvent:
        return None


def _title(event: DestinationEvent) -> str:
    outcome = "succeeded" if event.succeeded else f"failed ({outcome_of(event)})"
    return f"event of {event.function}, which {outcome}"


def outcome_of(event: DestinationEvent) -> str:
    """Return why the invocation of an event failed, in the words of the service."""
    return event.condition or event.function_error or f"status {event.status_code}"


def _formatted(payload: bytes, text: str) -> str:
    """Return JSON with one value a line; other text as it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return msgspec.json.format(payload, indent=2).decode()
    except (msgspec.DecodeError, RecursionError):
        return text
