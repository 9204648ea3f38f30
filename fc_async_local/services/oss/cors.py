# SPDX-License-Identifier: MIT
"""CORS rules of a bucket, for requests of pages of another origin. Pure.

Source: the pages "PutBucketCors" and "Options" of the API reference
(https://www.alibabacloud.com/help/en/oss/developer-reference/putbucketcors).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fc_async_local.services.markup import text
from fc_async_local.services.oss.model import OssError
from fc_async_local.services.oss.wire import DIALECT
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from fc_async_local.http.messages import HeaderList

ROOT: Final = "CORSConfiguration"
_MOST: Final = 10
"""Rules of a bucket."""
_VALUES: Final = {
    "AllowedOrigin": re.compile(r"[!-~]+", re.ASCII),
    "AllowedMethod": re.compile("GET|PUT|POST|DELETE|HEAD"),
    "AllowedHeader": re.compile(r"[!-~]+", re.ASCII),
    "ExposeHeader": re.compile(r"[!-)+-~]+", re.ASCII),
    "MaxAgeSeconds": re.compile(r"\d{1,9}", re.ASCII),
}
"""Forms of the elements of a rule."""


def check(document: bytes) -> None:
    """Check the rules of a bucket.

    Raises:
        OssError: MalformedXML; InvalidArgument: a value is not valid.
    """
    rules = DIALECT.read(document, ROOT).findall("CORSRule")
    if not 0 < len(rules) <= _MOST:
        raise OssError("InvalidArgument", f"{len(rules)} CORS rules: 1 to {_MOST}")
    for rule in rules:
        for name, form in _VALUES.items():
            values = _texts(rule, name)
            for value in values:
                if not form.fullmatch(value) or value.count("*") > 1:
                    raise OssError("InvalidArgument", f"{name} {shorten(value)} is not valid")
            if not values and name in {"AllowedOrigin", "AllowedMethod"}:
                raise OssError("MalformedXML", f"a CORS rule has no {name}")


def headers(
    document: str,
    origin: str,
    method: str,
    request_headers: Mapping[str, str],
) -> HeaderList | None:
    """Return the headers that let a page read an answer; None if no rule allows its request.

    Args:
        document: The rules; "" without any.
        origin: Of the page.
        method: Of the request, or of the one that a preflight asks for.
        request_headers: Headers of the request.
    """
    if not document:
        return None
    names = re.findall(r"[^\s,]+", request_headers.get("access-control-request-headers", ""))
    root = DIALECT.read(document.encode(), ROOT)
    varies = (text(root, "ResponseVary") or "").strip().lower() == "true"
    for rule in root.findall("CORSRule"):
        if not _allows_request(rule, origin, method, names):
            continue
        answer = _headers_of(rule, origin, names)
        if varies:
            answer.append(("Vary", "Origin"))
        return answer
    return None


def _allows_request(
    rule: Element,
    origin: str,
    method: str,
    names: Iterable[str],
) -> bool:
    if method not in _texts(rule, "AllowedMethod"):
        return False
    if not _allows(rule, "AllowedOrigin", origin):
        return False
    return all(_allows(rule, "AllowedHeader", name) for name in names)


def _headers_of(rule: Element, origin: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the headers of a rule; one without a value is left out."""
    values = {
        "Allow-Origin": [origin],
        "Allow-Methods": _texts(rule, "AllowedMethod"),
        "Allow-Headers": names,
        "Expose-Headers": _texts(rule, "ExposeHeader"),
        "Max-Age": _texts(rule, "MaxAgeSeconds")[:1],
    }
    named = {name: ", ".join(texts) for name, texts in values.items() if texts}
    return [(f"Access-Control-{name}", text) for name, text in named.items()]


def _texts(rule: Element, name: str) -> list[str]:
    return [(element.text or "").strip() for element in rule.findall(name)]


def _allows(rule: Element, name: str, value: str) -> bool:
    """Return whether a value is one of those in a rule; ``*`` stands for any characters."""
    for pattern in _texts(rule, name):
        # Not fnmatch: there "?" and "[" have a meaning, too.
        expression = ".*".join(map(re.escape, pattern.split("*")))
        if re.fullmatch(expression, value, re.IGNORECASE):
            return True
    return False
