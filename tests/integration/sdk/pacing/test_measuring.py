# SPDX-License-Identifier: MIT
"""``fc_local.rate_of`` counts what the other side of a function would count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace, RetryLater, paced

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from tests.integration.sdk.pacing.conftest import Log


def most_within(starts: list[int], seconds: float) -> int:
    """Return the most starts in any span, counted by the handler itself."""
    length = seconds * 1_000
    return max(sum(1 for other in starts if start <= other < start + length) for start in starts)


def test_retries_of_a_partner_that_is_down_are_executions(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    down_until = fc_local.runtime.now() + 20_000

    def call_partner(event: bytes, context: object) -> None:
        log(event)
        if fc_local.runtime.now() < down_until:
            raise ConnectionError("the partner is down")

    deploy(call_partner)
    fc_local.client.fan_out("crm", range(100), pace=Pace("crm", "5/s")).run()
    fc_local.run_until_idle()
    assert len(log.starts) > 100, "attempts were repeated"
    assert fc_local.rate_of("crm", per=1) == most_within(log.starts, 1) > 5
    assert fc_local.rate_of("crm", per=10) == most_within(log.starts, 10)


def test_a_backlog_of_throttled_attempts_is_measured_when_it_starts(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    deploy(log)
    fc_local.fail_function("crm", "throttled", seconds=100)
    fc_local.client.fan_out("crm", range(400), pace=Pace("crm", "5/s")).run()
    fc_local.run_until_idle()
    assert len(log.starts) == 400
    assert fc_local.rate_of("crm", per=1) == most_within(log.starts, 1) > 5


@pytest.mark.parametrize("how", ["together", "crash", "redelivery"])
def test_a_message_that_runs_twice_is_two_executions(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, how: Any
) -> None:
    deploy(log)
    fc_local.duplicate("crm", how)
    fc_local.client.invoke_async("crm", 1)
    fc_local.run_until_idle()
    assert len(log.starts) == 2
    assert fc_local.rate_of("crm", per=10) == 2


def test_a_handler_that_sends_its_message_back_has_run(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    @handler(int, pace=Pace("crm", "1/s"))
    def call_partner(number: int, context: object) -> None:
        log(number)
        if len(log.starts) <= 10:
            raise RetryLater(60, reason="429")

    deploy(call_partner)
    for number in range(10):
        fc_local.client.invoke_async("crm", number)
    fc_local.run_until_idle()
    assert len(log.starts) == 20
    assert fc_local.rate_of("crm", per=1) == 10


def test_a_delivery_that_only_waits_for_its_slot_is_not_an_execution(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    deploy(paced(Pace("crm", "1/s"))(log))
    for number in range(10):
        fc_local.client.invoke_async("crm", number)
    fc_local.run_until_idle()
    assert fc_local.rate_of("crm", per=10) == len(log.starts) == 10
    assert fc_local.rate_of("crm", per=1) == 1


def test_a_function_without_task_mode_is_measured(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    deploy(log, asyncTask=False)
    fc_local.client.fan_out("crm", range(10)).run()
    fc_local.run_until_idle()
    assert fc_local.rate_of("crm", per=1) == 10


def test_an_execution_that_still_runs_has_begun(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    async def call_partner(event: bytes, context: object) -> None:
        log(event)
        await fc_local.runtime.clock.wait(fc_local.runtime.now() + 2_000)

    deploy(call_partner)
    fc_local.client.fan_out("crm", range(10)).run()
    fc_local.advance(1)
    assert len(log.starts) == 10
    assert fc_local.rate_of("crm", per=1) == 10


@pytest.mark.parametrize("error", ["throttled", "no resources", "system error"])
def test_an_attempt_that_the_system_refused_was_not_running(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, error: Any
) -> None:
    deploy(log)
    fc_local.fail_function("crm", error, times=2)
    accepted = fc_local.client.invoke_async("crm", 1, task_id="t")
    before = fc_local.runtime.now()
    fc_local.run_until_idle()
    task = fc_local.client.get_async_task("crm", "t")
    steps = [event.status for event in task.events or ()]
    assert steps.count("Retrying") == 2, accepted
    assert steps.count("Running") == 1
    assert task.started_time is not None
    assert task.started_time > before


def test_calls_over_the_reserved_concurrency_are_not_running(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    async def call_partner(event: bytes, context: object) -> None:
        log(event)
        await fc_local.runtime.clock.wait(fc_local.runtime.now() + 2_000)

    deploy(call_partner)
    fc_local.client.put_concurrency_config("crm", reserved_concurrency=2)
    for number in range(10):
        fc_local.client.invoke_async("crm", number)
    fc_local.advance(0.2)
    running = fc_local.client.list_async_tasks("crm", status="Running").tasks
    assert len(running) == len(log.starts) == 2
