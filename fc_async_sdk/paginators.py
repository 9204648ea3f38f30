# SPDX-License-Identifier: MIT
"""Lists of any length, page by page or item by item.

::

    pages = client.get_paginator("list_async_tasks").paginate("f", status="Failed")
    for task in pages.items():
        ...

A paginator asks for a page when it is needed and never before.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from fc_async_sdk.errors import ConfigurationError, InvalidParameter, InvalidResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

Page = TypeVar("Page")
Item = TypeVar("Item")

ITEMS: Final[Mapping[str, str]] = {
    "list_aliases": "aliases",
    "list_async_invoke_configs": "configs",
    "list_async_tasks": "tasks",
    "list_concurrency_configs": "configs",
    "list_function_versions": "versions",
    "list_functions": "functions",
    "list_triggers": "triggers",
}
"""Field of each list that holds the items of a page."""


def items_of(name: object) -> str:
    """Return the field that holds the items of a page.

    Raises:
        InvalidParameter: There is no such paginator.
    """
    if not isinstance(name, str) or name not in ITEMS:
        raise InvalidParameter("name", name, f"must be one of these:\n{', '.join(ITEMS)}")
    return ITEMS[name]


class _Source(NamedTuple):
    """A list to read: the client's method, its arguments, and the field with the items."""

    method: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    items: str
    most: int | None = None

    @classmethod
    def of(
        cls,
        method: Callable[..., Any],
        items: str,
        args: Any,
        kwargs: Any,
    ) -> _Source:
        """Return a list to read, with boto3's ``PaginationConfig`` as arguments of the method.

        Raises:
            InvalidParameter: The configuration has another name, or a wrong number.
        """
        configuration = kwargs.pop("PaginationConfig", None) or {}
        config = dict(configuration) if isinstance(configuration, Mapping) else {"": configuration}
        most = config.pop("MaxItems", None)
        if most is not None and (type(most) is not int or most < 1):
            raise InvalidParameter("MaxItems", most, "must be a whole number, 1 or more")
        for boto3_name, argument in (("PageSize", "limit"), ("StartingToken", "next_token")):
            if boto3_name in config:
                kwargs[argument] = config.pop(boto3_name)
        if config:
            raise InvalidParameter(
                "PaginationConfig", configuration, "has MaxItems, PageSize and StartingToken"
            )
        return cls(method, args, kwargs, items, most)

    def next_token(self, page: Any, seen: set[str | None]) -> str | None:
        """Return the token of the next page; None for the last page."""
        following: str | None = page.next_token or None
        # A service that repeats a token would be asked for ever, and the caller would hold the
        # same items again and again.
        if following is not None and following in seen:
            raise InvalidResponse(f"the same page comes again and again (token {following!r})")
        seen.add(following)
        return following


def _compiled(expression: str) -> Callable[[Any], list[Any]]:
    """Return a function that searches a page."""
    try:
        import jmespath  # noqa: PLC0415 -- only search needs it
    except ModuleNotFoundError as error:
        raise ConfigurationError("search() needs jmespath: pip install jmespath") from error
    compiled = jmespath.compile(expression)

    def find(page: Any) -> list[Any]:
        # Expressions name the fields as the service spells them, so the page is written first.
        document = msgspec.json.decode(msgspec.json.encode(page))
        match = compiled.search(document)
        if match is None:
            return []
        return match if isinstance(match, list) else [match]

    return find


class Pages(Generic[Page, Item]):
    """The pages of one list. Iterating again begins again."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Page]:
        source = self._source
        token: str | None = source.kwargs.get("next_token")
        seen = {token}
        while True:
            page = source.method(*source.args, **{**source.kwargs, "next_token": token})
            yield page
            token = source.next_token(page, seen)
            if token is None:
                return

    def items(self) -> Iterator[Item]:
        """Yield the items of all pages, in the order of the pages."""
        name = self._source.items
        pages = (getattr(page, name) for page in self)
        return islice(chain.from_iterable(pages), self._source.most)

    def search(self, expression: str) -> Iterator[Any]:
        """Yield what a JMESPath expression finds in each page, as in boto3: ``tasks[].taskId``.

        Raises:
            ConfigurationError: The package ``jmespath`` is not installed.
        """
        find = _compiled(expression)
        for page in self:
            yield from find(page)


class AsyncPages(Generic[Page, Item]):
    """The pages of one list, for ``async for``. Iterating again begins again."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    async def __aiter__(self) -> AsyncIterator[Page]:
        source = self._source
        token: str | None = source.kwargs.get("next_token")
        seen = {token}
        while True:
            page = await source.method(*source.args, **{**source.kwargs, "next_token": token})
            yield page
            token = source.next_token(page, seen)
            if token is None:
                return

    async def items(self) -> AsyncIterator[Item]:
        """Yield the items of all pages, in the order of the pages."""
        remaining = sys.maxsize if self._source.most is None else self._source.most
        async for page in self:
            for item in getattr(page, self._source.items)[:remaining]:
                yield item
                remaining -= 1
            # Before the next page is requested in vain.
            if not remaining:
                return

    async def search(self, expression: str) -> AsyncIterator[Any]:
        """Yield what a JMESPath expression finds in each page; see :meth:`Pages.search`."""
        find = _compiled(expression)
        async for page in self:
            for match in find(page):
                yield match


class Paginator(Generic[Page, Item]):
    """Walks one kind of list; made by ``client.get_paginator``."""

    def __init__(self, method: Callable[..., Page], items: str) -> None:
        self._method = method
        self._items = items

    def paginate(self, *args: Any, **kwargs: Any) -> Pages[Page, Item]:
        """Yield the pages of a list.

        Args:
            *args: Those of the client's method of the same name.
            **kwargs: The same; ``limit`` is the size of a page, ``next_token`` where to begin. As
                in boto3, ``PaginationConfig`` has ``PageSize``, ``StartingToken`` and ``MaxItems``,
                the largest number of :meth:`items`, 1 or more.

        Raises:
            InvalidParameter: The configuration has another name, or a wrong number.
        """
        return Pages(_Source.of(self._method, self._items, args, kwargs))


class AsyncPaginator(Generic[Page, Item]):
    """Walks one kind of list; made by ``client.get_paginator``."""

    def __init__(self, method: Callable[..., Awaitable[Page]], items: str) -> None:
        self._method = method
        self._items = items

    def paginate(self, *args: Any, **kwargs: Any) -> AsyncPages[Page, Item]:
        """Yield the pages of a list.

        Args:
            *args: Those of the client's method of the same name.
            **kwargs: The same; ``limit`` is the size of a page, ``next_token`` where to begin. As
                in boto3, ``PaginationConfig`` has ``PageSize``, ``StartingToken`` and ``MaxItems``,
                the largest number of :meth:`items`, 1 or more.

        Raises:
            InvalidParameter: The configuration has another name, or a wrong number.
        """
        return AsyncPages(_Source.of(self._method, self._items, args, kwargs))
