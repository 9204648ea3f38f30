# SPDX-License-Identifier: MIT
"""A function whose calls wait for a planted cause: the runtime names it, with what to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.settings import Settings
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import ServiceError
from fc_async_sdk.pacing import Pace, RetryLater, paced
from fc_async_sdk.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from fc_async_sdk.spec.backlog import Explanation

QUOTA = 2


@pytest.fixture
def fc_local_settings() -> Settings:
    """An account with two instances."""
    return Settings.of(account_instances=QUOTA)


def lasting(seconds: int) -> Callable[[Any, Any], Outcome]:
    """A handler whose executions are reported to have taken a time."""
    return lambda *_: Outcome(kind=OutcomeKind.SUCCESS, payload=b"", duration_ms=seconds * 1_000)


@pytest.fixture
def explained(fc_local: FcLocal) -> Callable[[], Explanation]:
    return lambda: fc_local.client.send(admin.get_backlog("orders"))


def causes(explanation: Explanation) -> list[tuple[str, int | None]]:
    return [(held.cause, held.calls) for held in explanation.held_by]


def send(fc_local: FcLocal, count: int, **options: Any) -> None:
    for _ in range(count):
        fc_local.client.invoke_async("orders", b"{}", **options)


def test_nothing_waits_after_everything_has_run(fc_local, explained) -> None:
    fc_local.deploy("orders", lasting(3))
    send(fc_local, 8)
    fc_local.run_until_idle()
    explanation = explained()
    assert (explanation.waiting, explanation.drain_seconds, causes(explanation)) == (0, 0, [])
    assert (explanation.median_ms, explanation.p90_ms, explanation.mean_ms) == (3_000, 3_000, 3_000)


def test_its_reserved_concurrency_of_zero_blocks_everything(fc_local, explained) -> None:
    fc_local.deploy("orders", lasting(1))
    fc_local.client.put_concurrency_config("orders", reserved_concurrency=0)
    send(fc_local, 5)
    fc_local.advance(1)
    explanation = explained()
    assert causes(explanation) == [("blocked", 5)]
    assert explanation.held_by[0].setting == "raise or delete reservedConcurrency"
    assert explanation.drain_seconds is None
    assert explanation.capacity_per_minute == 0


def test_all_instances_that_are_reserved_for_it_are_busy(fc_local, explained) -> None:
    fc_local.deploy("orders", lasting(1))
    fc_local.client.put_concurrency_config("orders", reserved_concurrency=1)
    fc_local.fail_function("orders", "throttled")
    send(fc_local, 5)
    fc_local.advance(1)
    [held] = explained().held_by
    assert (held.cause, held.calls, held.limit) == ("reserved", 5, 1)


def test_the_account_has_no_instance_left(fc_local, explained) -> None:
    fc_local.deploy("orders", lasting(1))
    fc_local.fail_function("orders", "no resources")
    send(fc_local, 5)
    fc_local.advance(1)
    [held] = explained().held_by
    assert (held.cause, held.calls, held.limit) == ("quota", 5, QUOTA)


def test_its_arrivals_need_more_instances_than_the_account_has(fc_local, explained) -> None:
    fc_local.deploy("orders", lasting(60))
    send(fc_local, 20)
    fc_local.advance(200)
    fc_local.fail_function("orders", "no resources")
    send(fc_local, 5)
    fc_local.advance(1)
    explanation = explained()
    assert causes(explanation) == [("instance-concurrency", 5)]
    # Little's law: 25 calls of a minute within at most five minutes keep five or more busy.
    assert explanation.instances_needed >= 5
    assert (explanation.capacity_per_minute, explanation.grows) == (QUOTA, True)


def test_its_messages_wait_for_their_slots_of_a_pace(fc_local, explained) -> None:
    pace = Pace("partner", "1/60s", store=MemoryStore())
    fc_local.deploy("orders", paced(pace)(lambda *_: "done"))
    send(fc_local, 6)
    fc_local.advance(5)
    explanation = explained()
    assert causes(explanation) == [("pace", 5)]
    assert explanation.hops_per_minute > 0
    # Six calls were sent and one has run: the five that were sent on are not counted again.
    arrived = explanation.arrivals_per_minute / explanation.hops_per_minute
    assert arrived == pytest.approx(6 / 5, rel=0.05)
    assert explanation.drain_seconds >= 240, "the last slot comes after five minutes"


def test_its_handler_sends_back_what_a_key_does_not_let_run(fc_local, explained) -> None:
    @paced(Pace("talk", "100/s", store=MemoryStore()))
    def one_talk_at_a_time(event: bytes, context: object) -> None:
        raise RetryLater(120, reason="talk 17 is taken")

    fc_local.deploy("orders", one_talk_at_a_time)
    send(fc_local, 4)
    fc_local.advance(5)
    [held] = explained().held_by
    assert (held.cause, held.calls) == ("sent-back", 4)
    assert held.detail == "talk 17 is taken (4 of 4)"


def test_its_own_errors_let_calls_wait_for_a_retry(fc_local, explained) -> None:
    def fails(event: bytes, context: object) -> None:
        raise ValueError("the card was declined")

    fc_local.deploy("orders", fails, async_config={"maxAsyncRetryAttempts": 8})
    send(fc_local, 3)
    fc_local.advance(20)
    assert causes(explained()) == [("errors", 3)]


def test_system_errors_let_calls_wait_for_a_retry(fc_local, explained) -> None:
    fc_local.deploy("orders", lasting(1))
    fc_local.fail_function("orders", "system error")
    send(fc_local, 3)
    fc_local.advance(20)
    assert causes(explained()) == [("system-errors", 3)]


def test_calls_that_were_refused_long_ago_wait_out_their_back_off(fc_local, explained) -> None:
    fc_local.deploy("orders", lasting(1))
    fc_local.fail_function("orders", "throttled", seconds=1_100)
    send(fc_local, 3)
    fc_local.advance(1_500)  # refused 12 times, the next try is at 2,047 s
    assert causes(explained()) == [("back-off", 3)]


def test_their_sender_has_asked_for_a_later_start(fc_local, explained) -> None:
    fc_local.deploy("orders", lasting(1))
    send(fc_local, 2)
    fc_local.run_until_idle()
    send(fc_local, 7, delay=1_800)
    explanation = explained()
    assert causes(explanation) == [("delayed", 7)]
    assert 1_790 <= explanation.drain_seconds <= 1_810


def test_the_cause_that_holds_most_calls_comes_first(fc_local, explained) -> None:
    def fails(event: bytes, context: object) -> None:
        raise ValueError("the card was declined")

    fc_local.deploy("orders", fails, async_config={"maxAsyncRetryAttempts": 8})
    send(fc_local, 3)
    fc_local.advance(20)
    send(fc_local, 9, delay=60)
    assert causes(explained()) == [("delayed", 9), ("errors", 3)]


def test_calls_of_other_functions_are_not_counted(fc_local, explained) -> None:
    fc_local.deploy("orders", lasting(1))
    fc_local.deploy("order", lasting(1))
    fc_local.client.invoke_async("order", b"{}", delay=60)
    assert explained().waiting == 0


def test_a_function_that_does_not_exist_has_no_backlog(fc_local, explained) -> None:
    with pytest.raises(ServiceError) as caught:
        explained()
    assert (caught.value.http_status, caught.value.code) == (404, "FunctionNotFound")


def test_without_an_execution_the_durations_are_named_as_not_known(fc_local, explained) -> None:
    fc_local.deploy("orders", lasting(1))
    send(fc_local, 1, delay=60)
    explanation = explained()
    assert (explanation.mean_ms, explanation.capacity_per_minute) == (None, None)
    assert explanation.unknown == ("durations: no execution has ended in this time",)
