# SPDX-License-Identifier: MIT
"""No container is left behind: after Ctrl-C, after kill -9, and after a kill of the reaper, too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

import aiodocker
import psutil
import pytest

import fc_async_sdk
from fc_async_local.execution.containers.spec import FUNCTION_LABEL
from fc_async_tests.container_engine import IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_sdk import Client

pytestmark = pytest.mark.slow

MINUTE = 60


@pytest.fixture
def function() -> str:
    """A name that no other test has, so that its containers are known."""
    return f"left-{uuid.uuid4().hex}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, container_engine: str) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", container_engine)
    return tmp_path


@contextlib.contextmanager
def runtime() -> Iterator[tuple[subprocess.Popen[str], Client]]:
    command = [sys.executable, "-m", "fc_async_plugin", "local", "start", "--format", "json"]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            with fc_async_sdk.client(endpoint_url=ready["fc"]) as client:
                yield process, client
        finally:
            process.kill()


def create(client: Client, function: str) -> None:
    client.create_function(
        function,
        handler="unused",
        runtime="custom-container",
        custom_container_config={"image": IMAGE, "port": 9000},
        timeout=60,
        instance_concurrency=10,
    )
    client.put_async_invoke_config(function, async_task=True)


def containers(function: str) -> list[str]:
    async def names() -> list[str]:
        filters = json.dumps({"label": [f"{FUNCTION_LABEL}={function}"]})
        async with aiodocker.Docker() as docker:
            listed = await docker.containers.list(all=True, filters=filters)
            return [container.id for container in listed]

    return asyncio.run(names())


def wait_until(condition: Any) -> None:
    ends = time.monotonic() + MINUTE
    while not condition():
        assert time.monotonic() < ends, "not within a minute"
        time.sleep(0.1)


def test_ctrl_c_leaves_no_container(function: str) -> None:
    with runtime() as (process, client):
        create(client, function)
        client.invoke_async(function, b"sleep 30")
        wait_until(lambda: containers(function))
        process.send_signal(signal.SIGINT)
        process.wait(MINUTE)
    assert containers(function) == []


def test_a_killed_runtime_leaves_no_container_and_all_its_calls_end(function: str) -> None:
    with runtime() as (process, client):
        create(client, function)
        for number in range(50):
            client.invoke_async(function, b"quiet", task_id=f"task-{number}")
        wait_until(lambda: containers(function))
        process.kill()
    wait_until(lambda: not containers(function))
    with runtime() as (process, client):

        def states() -> list[Any]:
            return [
                client.get_async_task(function, f"task-{number}").status for number in range(50)
            ]

        wait_until(lambda: set(states()) == {"Succeeded"})
        process.send_signal(signal.SIGINT)
        process.wait(MINUTE)
    wait_until(lambda: not containers(function))


def test_what_a_power_cut_left_is_removed_at_the_next_start(function: str) -> None:
    with runtime() as (process, client):
        create(client, function)
        client.invoke_async(function, b"sleep 30")
        wait_until(lambda: containers(function))
        children = psutil.Process(process.pid).children()
        reapers = [child for child in children if "reaper" in " ".join(child.cmdline())]
        assert reapers
        for reaper in reapers:
            os.kill(reaper.pid, signal.SIGKILL)
        process.kill()
    (left,) = containers(function)
    with runtime():
        wait_until(lambda: left not in containers(function))


def test_containers_of_others_are_not_touched(function: str) -> None:
    async def start() -> str:
        async with aiodocker.Docker() as docker:
            config = {"Image": IMAGE, "Labels": {FUNCTION_LABEL: "other"}}
            container = await docker.containers.create(config)
            await container.start()
            return container.id

    async def remove(name: str) -> str:
        async with aiodocker.Docker() as docker:
            container = await docker.containers.get(name)
            status: str = (await container.show())["State"]["Status"]
            await container.kill()
            await container.delete(force=True)
            return status

    other = asyncio.run(start())
    with runtime() as (process, client):
        create(client, function)
        client.invoke(function, b"event")
        process.kill()
    wait_until(lambda: not containers(function))
    assert asyncio.run(remove(other)) == "running"
