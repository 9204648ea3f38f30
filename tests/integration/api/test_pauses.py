# SPDX-License-Identifier: MIT
"""A paused function runs nothing and loses nothing; resumed, it starts what waited, at a rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.settings import Settings
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import ServiceError

if TYPE_CHECKING:
    from fc_async_local.testing import FcLocal

FIVE_A_SECOND = 200_000


@pytest.fixture
def fc_local_settings() -> Settings:
    return Settings.of(task_retention_ms=3_600_000 * 24 * 30)


@pytest.fixture
def runs(fc_local: FcLocal) -> list[bytes]:
    """Payloads of ``orders``, in the order in which it ran."""
    seen: list[bytes] = []
    fc_local.deploy("orders", lambda event, _: seen.append(event))
    return seen


def send(fc_local: FcLocal, count: int, **options: Any) -> None:
    for number in range(count):
        fc_local.client.invoke_async("orders", b"%d" % number, **options)


def pause(fc_local: FcLocal, function: str = "orders") -> Any:
    return fc_local.client.send(admin.pause(function))


def resume(fc_local: FcLocal, interval_us: int = 0, function: str = "orders") -> Any:
    return fc_local.client.send(admin.resume(function, interval_us))


def test_a_paused_function_runs_nothing_and_then_everything_in_order(
    fc_local: FcLocal, runs: list[bytes]
) -> None:
    pause(fc_local)
    send(fc_local, 300)
    fc_local.advance(3_600)
    assert runs == []
    assert fc_local.client.send(admin.list_pauses()).pauses[0].waiting == 300
    resumed = resume(fc_local)
    assert (resumed.was_paused, resumed.waiting) == (True, 300)
    fc_local.advance(1)
    assert runs == [b"%d" % number for number in range(300)]
    assert fc_local.client.send(admin.list_pauses()).pauses == []


def test_resumed_at_a_rate_what_waited_starts_at_it(fc_local: FcLocal, runs: list[bytes]) -> None:
    pause(fc_local)
    send(fc_local, 50)
    fc_local.advance(60)
    resume(fc_local, FIVE_A_SECOND)
    fc_local.advance(0.9)
    assert len(runs) == 5
    fc_local.advance(60)
    assert runs == [b"%d" % number for number in range(50)]
    assert fc_local.rate_of("orders", per=1) <= 5
    assert fc_local.rate_of("orders", per=5) <= 26
    assert fc_local.client.send(admin.list_pauses()).pauses == []


def test_a_rate_below_one_a_second_is_kept(fc_local: FcLocal, runs: list[bytes]) -> None:
    pause(fc_local)
    send(fc_local, 4)
    fc_local.advance(60)
    resume(fc_local, 30_000_000)
    fc_local.advance(200)
    assert len(runs) == 4
    assert fc_local.rate_of("orders", per=30) == 1


def test_new_calls_start_beside_those_that_wait_for_the_rate(
    fc_local: FcLocal, runs: list[bytes]
) -> None:
    pause(fc_local)
    send(fc_local, 40)
    fc_local.advance(60)
    resume(fc_local, 10_000_000)
    fc_local.advance(1)
    fc_local.client.invoke_async("orders", b"new")
    fc_local.advance(1)
    assert runs == [b"0", b"new"]


def test_a_second_resume_without_a_rate_starts_the_rest_at_once(
    fc_local: FcLocal, runs: list[bytes]
) -> None:
    pause(fc_local)
    send(fc_local, 40)
    fc_local.advance(60)
    resume(fc_local, 10_000_000)
    fc_local.advance(25)
    assert len(runs) == 3
    resume(fc_local)
    fc_local.advance(10)
    assert len(runs) == 40


def test_paused_again_while_it_drains_the_rest_waits(fc_local: FcLocal, runs: list[bytes]) -> None:
    pause(fc_local)
    send(fc_local, 40)
    fc_local.advance(60)
    resume(fc_local, 1_000_000)
    fc_local.advance(9.5)
    pause(fc_local)
    fc_local.advance(300)
    assert len(runs) == 10
    resume(fc_local)
    fc_local.advance(5)
    assert len(runs) == 40


def test_a_second_pause_keeps_the_time_of_the_first(fc_local: FcLocal, runs: list[bytes]) -> None:
    first = pause(fc_local)
    fc_local.advance(60)
    assert pause(fc_local).since == first.since


def test_what_is_not_paused_is_not_resumed(fc_local: FcLocal, runs: list[bytes]) -> None:
    resumed = resume(fc_local)
    assert (resumed.was_paused, resumed.waiting) == (False, 0)


def test_a_function_that_does_not_exist_cannot_be_paused(fc_local: FcLocal) -> None:
    for call in (admin.pause("orders"), admin.resume("orders")):
        with pytest.raises(ServiceError) as caught:
            fc_local.client.send(call)
        assert caught.value.code == "FunctionNotFound"


def test_what_becomes_too_old_during_a_pause_is_expired_on_time(
    fc_local: FcLocal, runs: list[bytes]
) -> None:
    config = {"asyncTask": True, "maxAsyncEventAgeInSeconds": 600}
    fc_local.deploy("orders", lambda event, _: runs.append(event), async_config=config)
    pause(fc_local)
    fc_local.client.invoke_async("orders", b"x", task_id="old")
    fc_local.advance(599)
    assert fc_local.client.get_async_task("orders", "old").status == "Enqueued"
    fc_local.advance(2)
    assert fc_local.client.get_async_task("orders", "old").status == "Expired"
    assert runs == []


def test_a_waiting_call_of_a_paused_function_can_be_stopped(
    fc_local: FcLocal, runs: list[bytes]
) -> None:
    pause(fc_local)
    fc_local.client.invoke_async("orders", b"x", task_id="one")
    fc_local.advance(1)
    fc_local.client.stop_async_task("orders", "one")
    fc_local.advance(1)
    assert fc_local.client.get_async_task("orders", "one").status == "Stopped"
    resume(fc_local)
    fc_local.run_until_idle()
    assert runs == []


def test_a_delayed_call_starts_at_its_own_time_if_the_pause_is_over_by_then(
    fc_local: FcLocal, runs: list[bytes]
) -> None:
    pause(fc_local)
    fc_local.client.invoke_async("orders", b"later", delay=100)
    fc_local.advance(50)
    resume(fc_local)
    fc_local.advance(49)
    assert runs == []
    fc_local.advance(2)
    assert runs == [b"later"]


def test_a_pause_outlives_a_deployment_and_ends_with_its_function(
    fc_local: FcLocal, runs: list[bytes]
) -> None:
    pause(fc_local)
    fc_local.deploy("orders", lambda event, _: runs.append(event))
    send(fc_local, 2)
    fc_local.advance(10)
    assert runs == []
    fc_local.client.delete_function("orders")
    fc_local.advance(10)
    assert fc_local.client.send(admin.list_pauses()).pauses == []
    fc_local.deploy("orders", lambda event, _: runs.append(event))
    send(fc_local, 1)
    fc_local.advance(1)
    assert len(runs) == 1


def test_synchronous_calls_are_not_held(fc_local: FcLocal) -> None:
    fc_local.deploy("orders", lambda *_: "paid")
    pause(fc_local)
    assert fc_local.client.invoke("orders", b"{}").payload == b"paid"


def test_the_backlog_names_the_pause_with_what_ends_it(
    fc_local: FcLocal, runs: list[bytes]
) -> None:
    since = pause(fc_local).since
    send(fc_local, 12)
    fc_local.advance(60)
    explanation = fc_local.client.send(admin.get_backlog("orders"))
    assert explanation.paused_since == since
    assert [(held.cause, held.calls) for held in explanation.held_by] == [("paused", 12)]
    assert explanation.drain_seconds is None
    resume(fc_local, 10_000_000)
    fc_local.advance(1)
    explanation = fc_local.client.send(admin.get_backlog("orders"))
    assert explanation.paused_since is None
    assert [(held.cause, held.calls) for held in explanation.held_by] == [("draining", 11)]


def test_sixty_four_functions_are_paused_and_resumed_at_once(fc_local: FcLocal) -> None:
    names = [f"f{number}" for number in range(64)]
    ran: list[str] = []
    for name in names:
        fc_local.deploy(name, lambda event, _: ran.append(event.decode()))
        pause(fc_local, name)
    for name in names:
        for _ in range(3):
            fc_local.client.invoke_async(name, name.encode())
    fc_local.advance(60)
    assert ran == []
    assert len(fc_local.client.send(admin.list_pauses()).pauses) == 64
    for name in names:
        resume(fc_local, 1_000_000, name)
    fc_local.advance(0.5)
    assert sorted(ran) == sorted(names)
    fc_local.advance(10)
    assert sorted(ran) == sorted(names * 3)
