# SPDX-License-Identifier: MIT
"""Cuts ordered lists into the pages of list operations. Pure.

A token names the last item of a page, so the next page is right also if items were added or removed
meanwhile.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from fc_async_local.functions import refusals
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_local.domain.errors import Rejected

ItemT = TypeVar("ItemT")

_MOMENT: Final = re.compile("[0-9]{1,18}", re.ASCII)


class Page(NamedTuple):
    """The request for a page: at most ``limit`` items, from ``token`` on."""

    limit: int = limits.PAGE_SIZE.default
    token: str = ""


def seal(list_name: str, position: str) -> str:
    """Return a position in a list as an opaque token that needs no escaping in a URL."""
    content = f"{list_name}:{position}".encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def unseal(list_name: str, token: str) -> str:
    """Return the position that a token stands for.

    Raises:
        Rejected: 400 InvalidArgument: the token was not made by :func:`seal` for this list.
    """
    try:
        padded = token.encode() + b"=" * (-len(token) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (ValueError, UnicodeError):
        text = ""
    name, colon, position = text.partition(":")
    # PostgreSQL keeps no NUL in a text: such a token would be answered 500.
    if not colon or name != list_name or "\0" in position:
        raise _foreign(token)
    return position


def seal_moment(
    list_name: str,
    at: int,
    key: str,
) -> str:
    """Return the position of an item that is sorted by time, then by key, as :func:`seal` does."""
    return seal(list_name, f"{at}:{key}")


def unseal_moment(list_name: str, token: str) -> tuple[int, str]:
    """Return time and key that a token stands for.

    Raises:
        Rejected: 400 InvalidArgument: the token was not made by :func:`seal_moment` for this list.
    """
    at, colon, key = unseal(list_name, token).partition(":")
    if not colon or not _MOMENT.fullmatch(at):
        raise _foreign(token)
    return int(at), key


def _foreign(token: str) -> Rejected:
    return refusals.invalid_argument(
        f"nextToken {shorten(token)} is not a token of this list: pass the nextToken of the page "
        "before"
    )


def cut(
    items: Sequence[ItemT],
    page: Page,
    position: Callable[[ItemT], str],
    *,
    of: str,
    descending: bool = False,
) -> tuple[list[ItemT], str]:
    """Return one page and the token of the next one ("" at the end).

    Args:
        items: The whole list, sorted by ``position``.
        page: The requested page.
        position: Returns the sort key of an item, a text.
        of: The name of the list; tokens of other lists are refused.
        descending: The list is sorted from the greatest to the least.
    """
    remaining = list(items)
    if page.token:
        # By comparison, not by index: the item that the token names may be deleted by now.
        last = unseal(of, page.token)
        if descending:
            remaining = [item for item in items if position(item) < last]
        else:
            remaining = [item for item in items if position(item) > last]
    chosen = remaining[: page.limit]
    if len(chosen) == len(remaining):
        return chosen, ""
    return chosen, seal(of, position(chosen[-1]))
