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
    from collections.abc import Mapping
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
            wrong = [one for one in values if not form.fullmatch(one) or one.count("*") > 1]
            if wrong:
                raise OssError("InvalidArgument", f"{name} {shorten(wrong[0])} is not valid")
            if not values and name in {"AllowedOrigin", "AllowedMethod"}:
                raise OssError("MalformedXML", f"a CORS rule has no {name}")


def headers(document: str, origin: str, method: str, asked: Mapping[str, str]) -> HeaderList | None:
    """Return the headers that let a page read an answer; None if no rule allows its request.

    Args:
        document: The rules; "" without any.
        origin: Of the page.
        method: Of the request, or of the one that a preflight asks for.
        asked: Headers of the request.
    """
    if not document:
        return None
    names = re.findall(r"[^\s,]+", asked.get("access-control-request-headers", ""))
    root = DIALECT.read(document.encode(), ROOT)
    for rule in root.findall("CORSRule"):
        methods = _texts(rule, "AllowedMethod")
        wanted = [("AllowedOrigin", origin), *(("AllowedHeader", name) for name in names)]
        if method in methods and all(_allows(rule, *one) for one in wanted):
            found = {
                "Allow-Origin": [origin],
                "Allow-Methods": methods,
                "Allow-Headers": names,
                "Expose-Headers": _texts(rule, "ExposeHeader"),
                "Max-Age": _texts(rule, "MaxAgeSeconds")[:1],
            }
            answer = [(f"Access-Control-{k}", ", ".join(v)) for k, v in found.items() if v]
            varies = (text(root, "ResponseVary") or "").strip().lower() == "true"
            return [*answer, ("Vary", "Origin")] if varies else answer
    return None


def _texts(rule: Element, name: str) -> list[str]:
    return [(one.text or "").strip() for one in rule.findall(name)]


def _allows(rule: Element, name: str, value: str) -> bool:
    """Return whether a value is one of those in a rule; ``*`` stands for any characters."""
    allowed = (".*".join(map(re.escape, one.split("*"))) for one in _texts(rule, name))
    return any(re.fullmatch(one, value, re.IGNORECASE) for one in allowed)
