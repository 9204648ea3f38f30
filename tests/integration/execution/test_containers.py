# SPDX-License-Identifier: MIT
"""Images run in containers of Docker or podman."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

import aiodocker
import pytest

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_local.execution.containers.spec import FUNCTION_LABEL
from fc_async_local.execution.mounts import MountPoint
from fc_async_local.execution.protocol import HealthCheck
from fc_async_tests.container_engine import IMAGE, with_podman

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow


class Images:
    """Functions of images, and what the engine knows of their containers."""

    def __init__(self, workshop: Any, address: str) -> None:
        self.workshop = workshop
        self.address = address
        # Another process may run these tests on the same engine.
        self.function = f"f-{uuid.uuid4().hex}"

    def attempt(self, payload: bytes = b"", **settings) -> Any:
        defaults = {
            "function": self.function,
            "runtime": "custom-container",
            "image": IMAGE,
            "code_checksum": "",
        }
        return self.workshop.attempt(payload, **(defaults | settings))

    async def run(self, payload: bytes = b"", **settings) -> Any:
        return await self.workshop.runner.run(self.attempt(payload, **settings))

    def play(self, scenario: Callable[[], Any], **bounds) -> Any:
        return self.workshop.play(scenario, **bounds)

    def once(self, payload: bytes = b"", **settings) -> Any:
        return self.play(lambda: self.run(payload, **settings))

    async def containers(self) -> list[dict[str, Any]]:
        filters = json.dumps({"label": [f"{FUNCTION_LABEL}={self.function}"]})
        async with aiodocker.Docker(url=self.address) as docker:
            listed = await docker.containers.list(all=True, filters=filters)
            return [await container.show() for container in listed]

    async def until(self, condition: Callable[[list[dict[str, Any]]], bool]) -> None:
        while not condition(await self.containers()):  # noqa: ASYNC110 -- engines set no events
            await asyncio.sleep(0.05)


@pytest.fixture
def images(workshop, container_engine: str, monkeypatch: pytest.MonkeyPatch) -> Images:
    monkeypatch.setenv("DOCKER_HOST", container_engine)
    return Images(workshop, container_engine)


def error_of(outcome: Any) -> str:
    text: str = json.loads(outcome.payload)["errorMessage"]
    return text


def test_an_image_answers_calls_in_one_container_and_leaves_none(images: Images) -> None:
    async def scenario() -> tuple[Any, ...]:
        first = await images.run(b"event")
        second = await images.run(b"event")
        return first, second, await images.containers()

    first, second, running = images.play(scenario)
    assert (first.kind, first.payload) == (OutcomeKind.SUCCESS, b"event")
    assert second.instance_id == first.instance_id
    assert len(running) == 1
    assert b"listening on 9000 with from the image\nend of request-1\n" in first.log
    assert second.log == b"end of request-2\n"
    assert first.memory_mb > 0
    assert asyncio.run(images.containers()) == []


def test_a_container_has_its_limits_and_nothing_of_this_machine(images: Images) -> None:
    async def scenario() -> tuple[Any, ...]:
        answer = await images.run(b"environment", memory_mb=256, cpu=0.5, environment={"A": "1"})
        return answer.payload.decode(), (await images.containers())[0]

    variables, container = images.play(scenario)
    lines = set(variables.splitlines())
    assert {"OF_IMAGE=yes", "A=1", "FC_SERVER_PORT=9000", "ALIBABA_CLOUD_ACCESS_KEY_ID=local"} <= (
        lines
    )
    assert not any(line.startswith("VIRTUAL_ENV=") for line in lines)
    host = container["HostConfig"]
    assert host["Memory"] == 256 << 20
    assert host["NanoCpus"] == 500_000_000
    assert host["PidsLimit"] == 1024
    assert "no-new-privileges" in host["SecurityOpt"]
    assert not host["Privileged"]
    assert host["NetworkMode"] != "host"
    assert not any("sock" in str(mount) for mount in container["Mounts"] or ())
    published = container["NetworkSettings"]["Ports"]["9000/tcp"]
    assert [binding["HostIp"] for binding in published] == ["127.0.0.1"]


def test_command_entrypoint_and_port_of_the_template_take_the_place_of_the_image_s(
    images: Images,
) -> None:
    entrypoint = ("/bin/busybox", "sh")
    outcome = images.once(port=8080, entrypoint=entrypoint, command=("/server.sh", "mine"))
    assert outcome.log.startswith(b"listening on 8080 with mine\n")


def test_six_calls_at_once_on_one_fixed_port_run_in_six_containers(images: Images) -> None:
    async def scenario() -> list[Any]:
        return await asyncio.gather(*(images.run(b"sleep 2") for _ in range(6)))

    outcomes = images.play(scenario)
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.SUCCESS}
    assert len({outcome.instance_id for outcome in outcomes}) == 6


def test_a_container_over_its_time_limit_is_killed(images: Images) -> None:
    async def scenario() -> tuple[Any, ...]:
        outcome = await images.run(b"sleep 60", timeout_ms=2_000)
        await images.until(lambda containers: not containers)
        return outcome, await images.run(b"next")

    outcome, following = images.play(scenario)
    assert outcome.timed_out
    assert error_of(outcome).startswith("Function timed out after 2 seconds")
    assert following.payload == b"next"


def test_a_container_over_its_memory_limit_is_reported_as_the_service_does(images: Images) -> None:
    outcome = images.once(b"eat", memory_mb=128)
    assert outcome.out_of_memory
    assert error_of(outcome).startswith("Process exited unexpectedly before completing request")
    assert "maxMemoryUsage: 128MB" in error_of(outcome)


def test_a_container_that_ends_during_a_call_is_replaced(images: Images) -> None:
    async def scenario() -> tuple[Any, ...]:
        return await images.run(b"exit"), await images.run(b"next")

    ended, following = images.play(scenario)
    assert ended.kind is OutcomeKind.FUNCTION_ERROR
    assert error_of(ended).startswith("Process exited unexpectedly before completing request")
    assert following.payload == b"next"
    assert following.instance_id != ended.instance_id


def test_a_function_fails_by_its_mark(images: Images) -> None:
    outcome = images.once(b"fail")
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert error_of(outcome) == "mine"


def test_an_idle_container_is_paused_and_goes_on_with_the_next_call(images: Images) -> None:
    async def scenario() -> tuple[Any, ...]:
        first = await images.run(b"one")
        await images.until(lambda containers: containers[0]["State"]["Paused"])
        second = await images.run(b"two")
        return first, second

    first, second = images.play(scenario, freeze=True)
    assert second.payload == b"two"
    assert second.instance_id == first.instance_id


def test_hooks_of_an_image_run_before_the_first_call_and_before_the_end(
    images: Images, tmp_path: Path
) -> None:
    images.workshop.options = {"mounts": tmp_path / "mounts"}
    settings = {
        "initializer": "true",
        "pre_stop": "true",
        "mounts": (MountPoint("/mnt/data", "share"),),
    }
    outcome = images.once(b"event", entrypoint=("/bin/sh", "-c"), command=(
        "busybox rm -r /data; busybox ln -s /mnt/data /data; exec sh /server.sh",
    ), **settings)  # fmt: skip
    assert b"initialized\n" in outcome.log
    assert [file.name for file in tmp_path.glob("mounts/*/*")] == ["stopped"]


def test_an_initializer_that_fails_fails_the_call(images: Images) -> None:
    outcome = images.once(initializer="true", environment={"BROKEN_INITIALIZER": "1"})
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert "/initialize answered 500" in error_of(outcome)


def test_a_container_that_is_not_healthy_fails_the_call(images: Images) -> None:
    check = HealthCheck(path="/health", period_ms=100, failure_threshold=2)
    outcome = images.once(health_check=check, environment={"UNHEALTHY": "1"})
    assert error_of(outcome).startswith("Function instance health check failed on port 9000")


def test_an_image_that_is_not_there_is_named_with_the_command_that_gets_it(images: Images) -> None:
    outcome = images.once(image="localhost/absent:1")
    assert outcome.kind is OutcomeKind.INVALID
    assert f"of function '{images.function}' is not on this machine" in error_of(outcome)
    assert "pull localhost/absent:1" in error_of(outcome)


def test_a_command_that_the_image_does_not_have_is_reported(images: Images) -> None:
    async def scenario() -> Any:
        outcome = await images.run(entrypoint=("/bin/absent",))
        await images.until(lambda containers: not containers)
        return outcome

    outcome = images.play(scenario)
    assert "/bin/absent" in error_of(outcome)
    assert outcome.error_type == "FunctionNotStarted"


def test_a_server_that_ends_at_once_is_reported_with_its_output(images: Images) -> None:
    outcome = images.once(entrypoint=("/bin/sh", "-c"), command=("echo no database; exit 7",))
    assert "code 7" in error_of(outcome)
    assert error_of(outcome).endswith("Logs:no database\n")


def test_the_log_of_each_call_is_whole(images: Images) -> None:
    async def scenario() -> list[bytes]:
        return [(await images.run(b"lines 3")).log for _ in range(20)]

    logs = images.play(scenario)
    for number, log in enumerate(logs[1:], 2):
        lines = [f"line {line} of request-{number}" for line in (1, 2, 3)]
        assert log.decode().splitlines() == [*lines, f"end of request-{number}"]


def test_a_save_during_a_call_lets_it_end_in_the_old_container(images: Images) -> None:
    async def scenario() -> tuple[Any, ...]:
        old = asyncio.ensure_future(images.run(b"sleep 3", revision="1"))
        await images.until(bool)
        new = await images.run(b"new", revision="2")
        outcome = await old
        await images.until(lambda containers: len(containers) == 1)
        return outcome, new, await images.containers()

    old, new, (remaining,) = images.play(scenario)
    assert (old.payload, new.payload) == (b"sleep 3", b"new")
    assert remaining["Name"].endswith(new.instance_id)


def test_podman_without_a_socket_is_started_and_ended_with_the_runtime(
    images: Images, workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "podman" not in images.address:
        pytest.skip("the engine under test is another one")
    for name, value in with_podman(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setattr("fc_async_local.execution.containers.finding.addresses", lambda *_: ())
    before = workshop.processes()
    assert images.once(b"event").payload == b"event"
    assert workshop.processes() == before
    assert asyncio.run(images.containers()) == []


def test_without_an_engine_the_reason_names_both(workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    images = Images(workshop, "")
    outcome = images.once()
    assert outcome.kind is OutcomeKind.INVALID
    assert "start Docker or podman" in error_of(outcome)
