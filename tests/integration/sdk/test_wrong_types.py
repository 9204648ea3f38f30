# SPDX-License-Identifier: MIT
"""Arguments of wrong types: each is refused by its name, before anything is sent."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

import fc_async_sdk
from fc_async_sdk import errors, operations
from fc_async_sdk.models import AsyncConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WRONG: Final[tuple[Any, ...]] = (
    -1,
    True,
    1.5,
    float("nan"),
    10**30,
    b"x",
    "",
    "5",
    "\ud800",
    [1],
    ["a"],
    {1: 2},
    (1,),
    {1},
    object(),
    timedelta(seconds=0.5),
    int,
)
REQUIRED: Final = {
    "config": AsyncConfig(),
    "delay": 1,
    "events": [],
    "name": "list_functions",
    "payloads": [],
    "reserved_concurrency": 1,
    "trigger_config": {},
    "version_id": "1",
}
_NONE: Final = inspect.Parameter.empty
OTHER_NAMES: Final = {"name": "function"}
"""What an error calls an argument of ``client.function`` instead: its methods have that name."""


def functions() -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield the public functions that send nothing when they are called."""
    for name in operations.__all__:
        if inspect.isfunction(made := getattr(operations, name)):
            yield name, made
    client = fc_async_sdk.client(endpoint_url="http://127.0.0.1:9")
    for name in ("fan_out", "function", "get_paginator", "get_waiter", "group", "task"):
        yield name, getattr(client, name)
    for name in ("task_finished", "task_succeeded", "function_active"):
        wait = client.get_waiter(name).wait

        def begin(wait: Any = wait, **given: Any) -> object:
            # The client is closed: a wait whose arguments are good ends at its first look.
            client.close()
            needed = {"function": "f"} | ({"task_id": "t"} if "task_id" in parameters(wait) else {})
            return wait(**needed, **given)

        begin.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [parameters(wait)[each] for each in ("timeout", "interval", "WaiterConfig")]
        )
        yield name, begin


def parameters(function: Callable[..., object]) -> Any:
    return inspect.signature(function).parameters


FUNCTIONS: Final = dict(functions())


def refusal(function: Callable[..., object], given: dict[str, Any]) -> str:
    """Return why a call was refused, "" if it was not."""
    try:
        function(**given)
    except errors.FcAsyncError as error:
        return str(error)
    except RuntimeError as error:
        if "closed" not in str(error):
            raise
    return ""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_wrong_argument_is_refused_by_its_name(name: str) -> None:
    function = FUNCTIONS[name]
    named = dict(parameters(function))
    named.pop("options", None)  # of create_function and update_function: any, by their names
    needed = {each: REQUIRED.get(each, "x") for each in named if named[each].default is _NONE}
    for argument in named:
        for value in WRONG:
            text = refusal(function, needed | {argument: value})
            wanted = (argument, OTHER_NAMES.get(argument, argument), "ARN")
            assert not text or any(each in text for each in wanted), (argument, value, text)
