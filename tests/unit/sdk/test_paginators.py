# SPDX-License-Identifier: MIT
"""Lists of any length."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fc_async_sdk
from fc_async_sdk import models, paginators
from fc_async_sdk.errors import InvalidParameter, InvalidResponse
from fc_async_sdk.models import AsyncTask, AsyncTaskPage

PAGES: dict[str | None, AsyncTaskPage] = {
    None: AsyncTaskPage(
        tasks=tuple(AsyncTask(task_id=f"t{n}", status="Running") for n in (1, 2)), next_token="a"
    ),
    "a": AsyncTaskPage(tasks=(), next_token="b"),
    "b": AsyncTaskPage(tasks=(AsyncTask(task_id="t3", status="Failed"),), next_token=""),
}


class Lists:
    """Answers as ``client.list_async_tasks`` does and remembers how it was asked."""

    def __init__(self, pages: dict[str | None, AsyncTaskPage] = PAGES) -> None:
        self._pages = pages
        self.asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *args, **kwargs) -> AsyncTaskPage:
        self.asked.append((args, kwargs))
        return self._pages[kwargs["next_token"]]

    async def later(self, *args, **kwargs) -> AsyncTaskPage:
        return self(*args, **kwargs)


def test_items_of_all_pages_come_in_order() -> None:
    lists = Lists()
    pages = paginators.Paginator[AsyncTaskPage, AsyncTask](lists, "tasks").paginate("f", limit=2)
    assert [task.task_id for task in pages.items()] == ["t1", "t2", "t3"]
    assert lists.asked == [
        (("f",), {"limit": 2, "next_token": token}) for token in (None, "a", "b")
    ]


def test_pages_are_asked_for_when_they_are_needed() -> None:
    lists = Lists()
    pages = paginators.Paginator[AsyncTaskPage, AsyncTask](lists, "tasks").paginate("f")
    next(iter(pages))
    assert len(lists.asked) == 1


def test_iterating_again_begins_again() -> None:
    pages = paginators.Paginator[AsyncTaskPage, AsyncTask](Lists(), "tasks").paginate("f")
    assert len(list(pages)) == len(list(pages)) == 3


def test_a_paginator_begins_at_the_given_token() -> None:
    pages = paginators.Paginator[AsyncTaskPage, AsyncTask](Lists(), "tasks")
    assert [task.task_id for task in pages.paginate("f", next_token="b").items()] == ["t3"]


@pytest.mark.parametrize("again", ["a", "b"], ids=["at once", "after others"])
def test_a_token_that_comes_again_ends_it(again: str) -> None:
    lists = Lists(
        {
            None: AsyncTaskPage(next_token="a"),
            "a": AsyncTaskPage(next_token=again),
            "b": AsyncTaskPage(next_token="a"),
        }
    )
    pages = paginators.Paginator[AsyncTaskPage, AsyncTask](lists, "tasks").paginate("f")
    with pytest.raises(InvalidResponse, match="again and again"):
        list(pages)


def test_the_asyncio_paginator_yields_the_same_items() -> None:
    lists = Lists()

    async def collect() -> list[str]:
        paginator = paginators.AsyncPaginator[AsyncTaskPage, AsyncTask](lists.later, "tasks")
        return [task.task_id async for task in paginator.paginate("f").items()]

    assert asyncio.run(collect()) == ["t1", "t2", "t3"]
    assert len(lists.asked) == 3


def test_every_list_has_a_paginator_and_its_items_exist() -> None:
    with fc_async_sdk.client(endpoint_url="http://127.0.0.1:9") as client:
        lists = {name for name in dir(client) if name.startswith("list_")}
        assert lists == set(paginators.ITEMS)
        for name in lists:
            assert client.get_paginator(name) is not None  # type: ignore[call-overload]
    pages = [cls for name, cls in vars(models).items() if name.endswith("Page")]
    assert {paginators.ITEMS[name] for name in lists} <= {
        field for page in pages for field in page.__struct_fields__
    }


def test_an_unknown_name_says_what_there_is() -> None:
    with (
        fc_async_sdk.client(endpoint_url="http://127.0.0.1:9") as client,
        pytest.raises(InvalidParameter, match="list_async_tasks"),
    ):
        client.get_paginator("list_nothing")  # type: ignore[call-overload]


def test_a_list_is_read_as_boto3_reads_it() -> None:
    lists = Lists()
    pages = paginators.Paginator[AsyncTaskPage, AsyncTask](lists, "tasks").paginate(
        "f", PaginationConfig={"MaxItems": 1, "PageSize": 2, "StartingToken": "b"}
    )
    assert [task.task_id for task in pages.items()] == ["t3"]
    assert lists.asked == [(("f",), {"limit": 2, "next_token": "b"})]
    few = paginators.Paginator[AsyncTaskPage, AsyncTask](lists, "tasks").paginate(
        "f", PaginationConfig={"MaxItems": 2}
    )
    assert [task.task_id for task in few.items()] == ["t1", "t2"]
    with pytest.raises(InvalidParameter, match="has MaxItems, PageSize and StartingToken"):
        paginators.Paginator(lists, "tasks").paginate("f", PaginationConfig={"Limit": 1})
    with pytest.raises(InvalidParameter, match="MaxItems='5'"):
        paginators.Paginator(lists, "tasks").paginate("f", PaginationConfig={"MaxItems": "5"})


def test_pages_are_searched_with_jmespath() -> None:
    pages = paginators.Paginator[AsyncTaskPage, AsyncTask](Lists(), "tasks").paginate("f")
    assert list(pages.search("tasks[?status=='Running'].taskId")) == ["t1", "t2"]
    assert list(pages.search("tasks[0].status")) == ["Running", "Failed"]


def test_asyncio_pages_are_limited_and_searched_likewise() -> None:
    async def read() -> tuple[list[str], list[Any]]:
        made = paginators.AsyncPaginator[AsyncTaskPage, AsyncTask](Lists().later, "tasks")
        few = made.paginate("f", PaginationConfig={"MaxItems": 1})
        return (
            [task.task_id async for task in few.items()],
            [found async for found in made.paginate("f").search("tasks[].taskId")],
        )

    assert asyncio.run(read()) == (["t1"], ["t1", "t2", "t3"])
