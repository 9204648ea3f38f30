# SPDX-License-Identifier: MIT
"""``fc-async pause`` and ``resume``: what they say, and which other commands show a pause."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.operate import pausing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal

    FcAsync = Callable[..., Any]


@pytest.fixture
def runs(fc_local: FcLocal) -> list[bytes]:
    seen: list[bytes] = []
    fc_local.deploy("orders", lambda event, _: seen.append(event))
    return seen


def send(fc_local: FcLocal, count: int) -> None:
    for number in range(count):
        fc_local.client.invoke_async("orders", b"%d" % number)
    fc_local.advance(60)


def test_a_function_is_paused_and_resumed_at_a_rate(
    fc_async: FcAsync, fc_local: FcLocal, runs: list[bytes]
) -> None:
    ran = fc_async("pause", "orders")
    assert (ran.code, ran.out) == (
        0,
        "orders is paused; 0 calls due. It goes on with: fc-async resume orders\n",
    )
    send(fc_local, 20)
    assert runs == []
    ran = fc_async("resume", "orders", "--at", "2/s")
    assert ran.out == "orders goes on; 20 calls that waited start at 2/s.\n"
    fc_local.advance(20)
    assert len(runs) == 20
    assert fc_local.rate_of("orders", per=1) <= 2


def test_a_second_pause_and_a_second_resume_say_that_there_was_nothing_to_do(
    fc_async: FcAsync, fc_local: FcLocal, runs: list[bytes]
) -> None:
    fc_async("pause", "orders")
    again = fc_async("pause", "orders")
    assert again.code == 0
    assert "orders is paused since" in again.out
    assert "already" in again.out
    fc_async("resume", "orders")
    ran = fc_async("resume", "orders")
    assert (ran.code, ran.out) == (0, "orders is not paused.\n")


def test_json_is_for_scripts(fc_async: FcAsync, fc_local: FcLocal, runs: list[bytes]) -> None:
    paused = json.loads(fc_async("pause", "orders", "-o", "json").out)
    assert (paused["function"], paused["before"], paused["waiting"]) == ("orders", False, 0)
    send(fc_local, 3)
    resumed = json.loads(fc_async("resume", "orders", "-o", "json").out)
    assert (resumed["wasPaused"], resumed["waiting"]) == (True, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pause", "order"), "orders"),
        (("resume", "order"), "orders"),
        (("resume", "orders", "--at", "fast"), "rate"),
        (("resume", "orders", "--at", "0/s"), "rate"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do(
    fc_async: FcAsync, runs: list[bytes], arguments: tuple[str, ...], message: str
) -> None:
    ran = fc_async(*arguments)
    assert ran.code != 0
    assert message in ran.err


def test_doctor_tasks_list_and_failures_show_a_pause(
    fc_async: FcAsync, fc_local: FcLocal, runs: list[bytes]
) -> None:
    fc_async("pause", "orders")
    send(fc_local, 2)
    doctor = fc_async("doctor", "orders").out
    assert "held by    the function is paused (2 calls)" in doctor
    assert "change: fc-async resume orders; with --at RATE, they start at that rate" in " ".join(
        doctor.split()
    )
    sentence = "2 calls due (fc-async resume orders)"
    for command in (("tasks", "list"), ("tasks", "list", "orders"), ("failures",)):
        assert sentence in fc_async(*command).err, command
    listed = fc_async("tasks", "list", "orders").out.splitlines()
    assert [line.split()[1:3] for line in listed[1:]] == [["Enqueued", "paused"]] * 2
    task_id = listed[1].split()[0]
    assert "Enqueued, paused" in fc_async("tasks", "get", "orders", task_id).out
    report = json.loads(fc_async("failures", "-o", "json").out)
    assert sentence in report["paused"][0]
    fc_async("resume", "orders")
    assert "paused" not in fc_async("tasks", "list").err


TEMPLATE = """
edition: 3.0.0
name: shop
resources:
  orders:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: orders
      runtime: python3.10
      handler: index.handler
      code: ./code
      concurrencyConfig: {reservedConcurrency: 5}
"""


def test_a_deployment_keeps_a_pause(
    fc_async: FcAsync, fc_local: FcLocal, project: Path, runs: list[bytes]
) -> None:
    fc_async("pause", "orders")
    (project / "s.yaml").write_text(TEMPLATE)
    assert fc_async("deploy", "--with-functions", "-y").code == 0
    send(fc_local, 2)
    assert "is paused" in fc_async("tasks", "list").err


def test_a_deployment_neither_lifts_nor_loses_the_pause_of_an_account(
    fc_async: FcAsync, fc_local: FcLocal, project: Path
) -> None:
    (project / "s.yaml").write_text(TEMPLATE)
    assert fc_async("deploy", "--with-functions", "-y").code == 0
    client = fc_local.client
    pausing.pause_in_account("orders", client, lambda _: None)
    plan = fc_async("plan", "--with-functions")
    assert plan.code == 0, plan.out
    assert "is paused: its reserved concurrency stays 0" in plan.out + plan.err
    (project / "s.yaml").write_text(
        TEMPLATE.replace("reservedConcurrency: 5", "reservedConcurrency: 9")
    )
    assert fc_async("deploy", "--with-functions", "-y").code == 0
    assert client.get_concurrency_config("orders").reserved_concurrency == 0
    (project / "s.yaml").write_text(
        TEMPLATE.replace("      concurrencyConfig: {reservedConcurrency: 5}\n", "")
    )
    assert fc_async("deploy", "--with-functions", "--prune", "-y").code == 0
    assert client.get_concurrency_config("orders").reserved_concurrency == 0
    pausing.resume_in_account("orders", client, 0)
    assert client.get_concurrency_config("orders").reserved_concurrency == 5
