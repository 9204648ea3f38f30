# SPDX-License-Identifier: MIT
"""The event of an HTTP trigger that a function in a built-in runtime gets. Pure.

Source: the page "Invoke a function through an HTTP trigger" of the user guide
(docs/reference/sources.md).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote

from fc_async_sdk.spec import http_trigger, times

if TYPE_CHECKING:
    from collections.abc import Iterable

Document = dict[str, Any]

VERSION: Final = "v1"
"""``version`` of the document."""


class Circumstances(NamedTuple):
    """Facts of an event beside the request itself.

    Attributes:
        at: When the request came, in milliseconds since the epoch.
        request_id: Of the invocation.
        domain: The host name of the trigger.
        source_ip: The address of the client.
        protocol: Of the request.
        account_id: Of the function.
    """

    at: int
    request_id: str = "1-64f6cd87-15197d0b-d07710222f9d"
    domain: str = "orders-abcdefghij.cn-hangzhou.fcapp.run"
    source_ip: str = "203.0.113.7"
    protocol: str = "HTTP/1.1"
    account_id: str = "1234567890123456"


def request(
    target: str,
    circumstances: Circumstances,
    *,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Document:
    """Return the event of a request.

    Args:
        target: Path and query, percent-encoded.
        circumstances: The rest.
        method: Of the request.
        headers: Names and values; names may repeat. ``Host`` is left out, as by the service.
        body: Of the request.
    """
    path, _, query = target.partition("?")
    shown = _joined((_canonical(name), value) for name, value in headers)
    # The service leaves it out: domainName has it.
    shown.pop("Host", None)
    text, is_base64 = _text(body, shown.get("Content-Type", ""))
    return {
        "version": VERSION,
        "rawPath": path,
        "headers": shown,
        "queryParameters": _joined(parse_qsl(query, keep_blank_values=True)),
        "body": text,
        "isBase64Encoded": is_base64,
        "requestContext": {
            "accountId": circumstances.account_id,
            "domainName": circumstances.domain,
            "domainPrefix": circumstances.domain.partition(".")[0],
            "requestId": circumstances.request_id,
            "time": times.rfc3339(circumstances.at),
            "timeEpoch": str(circumstances.at),
            "http": {
                "method": method,
                "path": unquote(path),
                "protocol": circumstances.protocol,
                "sourceIp": circumstances.source_ip,
                "userAgent": shown.get("User-Agent", ""),
            },
        },
    }


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return one value for each name: several values are joined with a comma."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _canonical(name: str) -> str:
    """Return the name of a header as Go writes it: ``X-Request-Id``."""
    # Functions look for these spellings, and a dict knows no other case.
    return "-".join([part[:1].upper() + part[1:].lower() for part in name.split("-")])


def _text(body: bytes, content_type: str) -> tuple[str, bool]:
    """Return a body as text, and whether it is base64.

    A body that has another type than text, or none, is base64 also if it is empty (the sample of
    the page). A body of a text type that is not UTF-8 cannot be text in JSON: base64, too.
    """
    if http_trigger.is_text(content_type):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True
