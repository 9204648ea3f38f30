# SPDX-License-Identifier: MIT
"""What comes late books again: no window has more starts than the pace allows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace, paced
from fc_async_tests.pacing import most_in_a_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from tests.integration.sdk.pacing.conftest import Log

RATE = 5


def check_rate(log: Log) -> None:
    """Check the bound that the documentation gives, in windows of several lengths."""
    for seconds in (1, 3, 10, 60):
        most = most_in_a_window(log.starts, seconds * 1_000 - 1)
        assert most <= RATE * (seconds + 1), f"{most} in {seconds} s"


@pytest.fixture(params=[False, True], ids=["plain", "smooth"])
def pace(request: pytest.FixtureRequest) -> Pace:
    return Pace("crm", f"{RATE}/s", smooth=request.param, max_hops=2)


@pytest.mark.parametrize(
    "error",
    [
        "throttled",
        pytest.param("system error", marks=pytest.mark.slow),
        pytest.param("no resources", marks=pytest.mark.slow),
    ],
)
def test_a_backlog_after_an_outage_does_not_start_at_once(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, pace: Pace, error: Any
) -> None:
    deploy(handler(int, pace=pace)(log))
    fc_local.fail_function("crm", error, seconds=60)
    fc_local.client.fan_out("crm", range(400), pace=pace).run()
    fc_local.run_until_idle()
    assert sorted(log.payloads) == list(range(400))
    check_rate(log)
    assert log.seconds[-1] <= 60 + 400 / RATE + 130, "the last retry of the service, and its slot"


def test_retries_of_a_partner_that_is_down_are_paced(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, pace: Pace
) -> None:
    down_until = fc_local.runtime.now() + 20_000

    def call_partner(number: int, context: object) -> None:
        log(number)
        if fc_local.runtime.now() < down_until:
            raise ConnectionError("the partner is down")

    deploy(handler(int, pace=pace)(call_partner))
    fc_local.client.fan_out("crm", range(200), pace=pace).run()
    fc_local.run_until_idle()
    assert set(log.payloads) == set(range(200))
    assert len(log.starts) > 200, "attempts were repeated"
    check_rate(log)


@pytest.mark.parametrize("retries", [None, 0, 1, 8])
def test_a_handler_that_always_fails_runs_as_often_as_is_configured(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, pace: Pace, retries: int | None
) -> None:
    def call_partner(number: int, context: object) -> None:
        log(number)
        raise ConnectionError("the partner is down")

    config = {} if retries is None else {"maxAsyncRetryAttempts": retries}
    deploy(handler(int, pace=pace)(call_partner), **config)
    group = fc_local.client.function("crm", payload=int, pace=pace).map(range(40))
    fc_local.run_until_idle()
    attempts = 4 if retries is None else retries + 1
    assert Counter(log.payloads) == dict.fromkeys(range(40), attempts)
    check_rate(log)
    assert len(group.wait().failures) == 40


def test_the_failure_names_the_last_error(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/s", max_hops=2)

    def call_partner(number: int, context: object) -> None:
        raise ConnectionError("the partner is down")

    deploy(handler(int, pace=pace)(call_partner))
    group = fc_local.client.function("crm", payload=int, pace=pace).map(range(20))
    fc_local.run_until_idle()
    assert len(group.wait().failures) == 20
    last = "the handler has failed in all 4 attempts: ConnectionError: the partner is down"
    assert last in fc_local.failed_attempts()


def test_retries_of_a_trigger_s_messages_end(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/s")

    def call_partner(event: bytes, context: object) -> None:
        log(event)
        raise ConnectionError("the partner is down")

    deploy(paced(pace)(call_partner))
    for number in range(10):
        fc_local.client.invoke_async("crm", number)
    fc_local.run_until_idle()
    assert set(Counter(log.payloads).values()) == {4}
    assert fc_local.rate_of("crm", per=10) <= 11


def test_a_slot_travels_only_to_handlers_that_look_at_it(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    deploy(log)
    fc_local.client.fan_out("crm", range(3), pace=Pace("crm", "5/s")).run()
    fc_local.run_until_idle()
    assert sorted(map(int, log.payloads)) == [0, 1, 2]
