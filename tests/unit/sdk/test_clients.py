# SPDX-License-Identifier: MIT
"""The synchronous and the asyncio client say the same."""

from __future__ import annotations

import asyncio
import copy
import inspect
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk import errors, operations
from fc_async_sdk._async_client import AsyncClient
from fc_async_sdk._client import Client
from fc_async_sdk.session import Session, async_client, client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_httpserver import HTTPServer


def methods(cls: type[Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }


SYNC, ASYNC = methods(Client), methods(AsyncClient)
# What they return differs by nature.
MAKERS = {"fan_out", "replay_events", "function", "get_paginator", "get_waiter", "group", "task"}


def test_both_clients_have_the_same_methods() -> None:
    assert SYNC.keys() == ASYNC.keys()


def test_every_operation_is_a_method_of_both() -> None:
    made = {name for name in operations.__all__ if name.islower()}
    assert made - SYNC.keys() == set()


def test_both_clients_have_the_same_signatures() -> None:
    for name, method in SYNC.items():
        sync, asynchronous = inspect.signature(method), inspect.signature(ASYNC[name])
        differs = {"fan_out": {"payloads"}, "replay_events": {"events"}}.get(name, set())
        for one, other in zip(
            sync.parameters.values(), asynchronous.parameters.values(), strict=True
        ):
            assert (one.name, one.kind, one.default) == (other.name, other.kind, other.default)
            assert one.name in differs or one.annotation == other.annotation
        assert name in MAKERS or sync.return_annotation == asynchronous.return_annotation


def test_only_the_asyncio_ones_are_coroutine_functions() -> None:
    waiting = {name for name, method in ASYNC.items() if inspect.iscoroutinefunction(method)}
    assert waiting == SYNC.keys() - MAKERS
    assert not any(map(inspect.iscoroutinefunction, SYNC.values()))


@pytest.mark.parametrize("cls", [Client, AsyncClient])
def test_the_exceptions_of_a_client_are_those_of_the_package(cls: type[Any]) -> None:
    known = {
        name: error
        for name, error in vars(errors).items()
        if isinstance(error, type) and issubclass(error, errors.FcAsyncError)
    }
    shown = {name for name in dir(cls.exceptions) if not name.startswith("_")}
    assert shown == known.keys()
    assert all(getattr(cls.exceptions, name) is error for name, error in known.items())


@pytest.mark.parametrize("cls", [Client, AsyncClient])
def test_every_method_is_documented(cls: type[Any]) -> None:
    assert [name for name, method in methods(cls).items() if not inspect.getdoc(method)] == []


def test_bound_methods_show_their_own_arguments() -> None:
    made = client(endpoint_url="http://127.0.0.1:9")
    assert str(inspect.signature(made.get_function)) == (
        "(function: 'str', *, qualifier: 'str | None' = None) -> 'Function'"
    )
    made.close()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_closing_a_copy_leaves_the_original_open(
    httpserver: HTTPServer, duplicate: Callable[[Any], Any]
) -> None:
    httpserver.expect_request("/2023-03-30/functions/f").respond_with_json({"functionName": "f"})
    with client(endpoint_url=httpserver.url_for(""), region_name="cn-shanghai") as original:
        copied = duplicate(original)
        assert copied.get_function("f").function_name == "f"
        assert (copied.region_name, copied.config) == (original.region_name, original.config)
        copied.close()
        assert original.get_function("f").function_name == "f"


def test_closing_a_copy_of_the_asyncio_client_leaves_the_original_open(
    httpserver: HTTPServer,
) -> None:
    httpserver.expect_request("/2023-03-30/functions/f").respond_with_json({"functionName": "f"})

    async def use() -> str:
        async with async_client(endpoint_url=httpserver.url_for("")) as original:
            await copy.copy(original).close()
            return (await original.get_function("f")).function_name

    assert asyncio.run(use()) == "f"


def test_a_closed_client_does_not_fan_out() -> None:
    made = client(endpoint_url="http://127.0.0.1:9")
    made.close()
    with pytest.raises(RuntimeError, match="closed"):
        made.fan_out("f", [1])


def test_a_fan_out_whose_client_is_closed_before_it_begins_sends_nothing() -> None:
    made = client(endpoint_url="http://127.0.0.1:9")
    run = made.fan_out("f", [1])
    made.close()
    with pytest.raises(RuntimeError, match="closed"):
        run.run()
    assert run.progress.done == 0


def test_a_closed_asyncio_client_does_not_fan_out() -> None:
    async def use() -> None:
        made = async_client(endpoint_url="http://127.0.0.1:9")
        run = made.fan_out("f", [1])
        await made.close()
        with pytest.raises(RuntimeError, match="closed"):
            made.fan_out("f", [1])
        with pytest.raises(RuntimeError, match="closed"):
            await run.run()

    asyncio.run(use())


def test_both_clients_are_made_with_the_same_arguments() -> None:
    assert inspect.signature(client).parameters == inspect.signature(async_client).parameters
    assert (
        inspect.signature(Session.client).parameters
        == inspect.signature(Session.async_client).parameters
    )


SCRIPT = """
import fc_async_sdk
client = fc_async_sdk.client({settings})
client.invoke_async("resize", b"{{}}")
"""
ASYNC_SCRIPT = """
import asyncio, fc_async_sdk
async def main():
    async with fc_async_sdk.async_client({settings}) as client:
        await client.invoke_async("resize", b"{{}}")
asyncio.run(main())
"""


@pytest.mark.parametrize("script", [SCRIPT, ASYNC_SCRIPT], ids=["threads", "asyncio"])
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("region_name='cn-hangzhou'", "NoCredentials: no credentials found: give access_key_id"),
        (
            "endpoint_url='http://127.0.0.1:9'",
            "ConnectFailed: InvokeFunction: no connection to 127",
        ),
    ],
    ids=["without keys", "without a runtime"],
)
def test_a_script_that_cannot_send_ends_in_the_line_of_the_user_and_one_sentence(
    tmp_path: Path, script: str, settings: str, sentence: str
) -> None:
    (tmp_path / "script.py").write_text(script.format(settings=settings))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [sys.executable, "script.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert len(lines) <= 25, done.stderr
    assert done.stderr.count("Traceback") == 1
    [at] = [number for number, line in enumerate(lines) if sentence in line]
    assert not [line for line in lines[at:] if line.lstrip().startswith("File ")]
