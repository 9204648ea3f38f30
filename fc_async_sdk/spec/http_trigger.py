# SPDX-License-Identifier: MIT
"""HTTP triggers: their configuration, and which headers and types of content have rules.

Source: the pages "HTTP triggers" and "Invoke a function through an HTTP trigger"
(docs/reference/sources.md).
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final, Literal, get_args

import msgspec

from fc_async_sdk import _decoding
from fc_async_sdk.spec.triggers import UnreadableTrigger

TYPE: Final = "http"
"""API: ``triggerType``."""

LOCAL_PATH: Final = "/_http/"
"""A path of a local runtime that leads to a trigger: ``/_http/{function}/{trigger}/…``."""

Method = Literal["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"]
METHODS: Final[tuple[Method, ...]] = get_args(Method)
"""Values that ``methods`` may list."""

AuthType = Literal["anonymous", "function", "jwt", "basic", "bearer"]
"""Identification of callers; ``function``: by the signature of a request to the API."""

NOT_PASSED_ON: Final = frozenset({"connection", "keep-alive"})
"""Headers of a request that the function does not get."""

HOP_BY_HOP: Final = NOT_PASSED_ON | {
    *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
}
"""Headers for one connection only, which an intermediary does not forward, beside those that
``Connection`` names (RFC 9110, section 7.6.1)."""

RESERVED: Final = HOP_BY_HOP | {"content-disposition", "content-length", "date", "server"}
"""Headers that the service sets itself: those of the function's answer are ignored."""

STATUSES: Final = range(200, 600)
"""A function's answer has one of these; a smaller one announces a further answer."""

DEFAULT_CONTENT_TYPE: Final = "application/json"
"""The content type of an answer that names none."""

HIDDEN_ERROR: Final = b"Internal Server Error"
"""The whole body of 502, if a function in a built-in runtime fails."""

_TEXT: Final = frozenset(
    {
        *("application/json", "application/ld+json", "application/xhtml+xml"),
        *("application/xml", "application/atom+xml", "application/javascript"),
    }
)
_LETTERS: Final = 10
_LONGEST_NAME: Final = 20


class HttpTriggerConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``triggerConfig`` of an HTTP trigger; further keys are kept and not read.

    Attributes:
        methods: At least one.
        auth_type: ``function`` unless it is set (API).
        disable_url_internet: The public URL answers 403.
    """

    methods: tuple[Method, ...]
    auth_type: AuthType = "function"
    disable_url_internet: bool = msgspec.field(default=False, name="disableURLInternet")


_decoding.prepare(HttpTriggerConfig)


def read_config(config: Any) -> HttpTriggerConfig:
    """Return the configuration of an HTTP trigger.

    Args:
        config: ``triggerConfig``, as a mapping or as JSON text.

    Raises:
        UnreadableTrigger: A value is missing or not allowed; the message names it.
    """
    try:
        trigger = _decoding.read(config or {}, HttpTriggerConfig)
    except _decoding.JSON_ERRORS as error:
        raise UnreadableTrigger(
            f"triggerConfig of an HTTP trigger: {error}; methods must list some of "
            f"{', '.join(METHODS)}, and authType must be one of {', '.join(get_args(AuthType))}"
        ) from None
    if not trigger.methods:
        raise UnreadableTrigger(
            f"triggerConfig of an HTTP trigger: methods must list some of {', '.join(METHODS)}"
        )
    return trigger


def is_text(content_type: str) -> bool:
    """Return whether a body of this type is text in the event of a built-in runtime."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in _TEXT


def domain_prefix(function: str, trigger_id: str) -> str:
    """Return the first label of a trigger's host name: the short function name and ten letters.

    The service draws the letters; here they follow from the trigger's id, so that the name stays.
    """
    # A label of a host name neither begins nor ends with a hyphen.
    short = re.sub(r"[^a-z0-9]+", "-", function.lower())[:_LONGEST_NAME].strip("-")
    digest = hashlib.sha256(trigger_id.encode()).digest()[:_LETTERS]
    letters = "".join(chr(ord("a") + byte % 26) for byte in digest)
    return f"{short}-{letters}" if short else f"f-{letters}"
