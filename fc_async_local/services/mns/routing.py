# SPDX-License-Identifier: MIT
"""What the endpoints of MNS queues and topics share: parameters, URLs and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.http.messages import Answer
from fc_async_local.services.markup import leaf
from fc_async_local.services.mns import model, wire
from fc_async_local.services.mns.errors import MnsError
from fc_async_local.services.xml_service import base_url, xml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.http.messages import Request
    from fc_async_local.services.mns.model import Creation


def page_of(request: Request) -> tuple[str, str, int]:
    """Prefix, marker and size of a page; lists are asked for in headers, not in the query."""
    headers = request.headers
    size = headers.get("x-mns-ret-number", "")
    plain = size.isascii() and size.isdigit()
    # More digits than any limit has: the largest page. int() fails on more than 4,300.
    limit = int(size[:9]) if plain else model.PAGE.default
    return (
        headers.get("x-mns-prefix", ""),
        headers.get("x-mns-marker", ""),
        min(max(limit, model.PAGE.low), model.PAGE.high),
    )


def flag(parameters: dict[str, str], name: str) -> bool:
    """Whether a parameter is ``true``."""
    return parameters.get(name, "").lower() == "true"


def number(parameters: dict[str, str], name: str) -> int | None:
    """A parameter as a number, None if it is absent.

    Raises:
        MnsError: InvalidQueryString.
    """
    value = parameters.get(name)
    if value is None:
        return None
    try:
        return int(value)
    except ValueError:
        raise MnsError("InvalidQueryString", f"{name}={value!r} is not an integer") from None


def url(request: Request, *segments: str) -> str:
    """Return the URL of a queue, a topic or a subscription."""
    return "/".join((base_url(request), *segments))


def created(creation: Creation, location: str, *, conflict: str, what: str) -> Answer:
    """The answer to a request to make something.

    Raises:
        MnsError: ``conflict``: it exists with other attributes.
    """
    if creation == "different":
        raise MnsError(conflict, f"{what} exists with other attributes")
    status = 201 if creation == "created" else 204
    return Answer(status, headers=(("Location", location),))


def listing(root: str, urls: Sequence[str], marker: str) -> Answer:
    """A page of a list: ``Queues`` of ``Queue`` of ``QueueURL``, and so on."""
    item = root.removesuffix("s")
    entries = [leaf(f"{item}URL", entry) for entry in urls]
    return xml(200, wire.listing(root, item, entries, marker))
