# SPDX-License-Identifier: MIT
"""What callers and destinations see of a message that is sent on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk import destination_handler
from fc_async_sdk.errors import Deferred
from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace, RetryLater, paced

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from tests.integration.sdk.pacing.conftest import Log


def test_a_synchronous_call_that_is_deferred_names_the_task(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/min")
    deploy(paced(pace)(log))
    pace.book()
    function = fc_local.client.function("crm", payload=int, result=dict)
    with pytest.raises(Deferred, match="crm goes on later, as task") as deferred:
        function.call(7)
    assert log.payloads == []
    fc_local.run_until_idle()
    assert log.payloads == [b"7"]
    assert fc_local.client.get_async_task("crm", deferred.value.task_id).succeeded


def test_a_handler_that_asks_for_a_later_time_names_its_reason(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    @handler(int, pace=Pace("crm", 10))
    def call_partner(number: int, context: object) -> int:
        log(number)
        if len(log.starts) == 1:
            raise RetryLater(60, reason="429")
        return number

    deploy(call_partner)
    with pytest.raises(Deferred, match="429"):
        fc_local.client.function("crm", payload=int, result=int).call(7)


def test_a_destination_gets_one_event_for_each_message(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    events: list[tuple[Any, str]] = []

    @destination_handler
    def billed(event: Any, context: object) -> None:
        events.append((event.response.json(), event.deferred))

    fc_local.deploy("billed", billed)
    arn = fc_local.client.get_function("billed").function_arn
    deploy(
        paced(Pace("crm", "1/s"))(lambda event, _: int(event)),
        destinationConfig={"onSuccess": {"destination": arn}},
    )
    for number in range(5):
        fc_local.client.invoke_async("crm", number)
    fc_local.run_until_idle()
    assert sorted(events) == [(number, "") for number in range(5)]


def test_a_repeated_attempt_sends_nothing_on_twice_and_runs_no_handler_twice(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    @handler(int, pace=Pace("crm", 10, max_hops=1))
    def call_partner(number: int, context: object) -> int:
        log(number)
        if len(log.starts) == 1:
            raise RetryLater(60, reason="429")
        return number

    deploy(call_partner)
    fc_local.duplicate("crm", "crash")
    fc_local.client.invoke_async("crm", 7, task_id="t")
    fc_local.run_until_idle()
    assert log.seconds == [0, 60]
