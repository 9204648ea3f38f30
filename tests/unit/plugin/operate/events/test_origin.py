# SPDX-License-Identifier: MIT
"""Which functions a replay may call, by where its events come from."""

from __future__ import annotations

import msgspec
import pytest

from fc_async_plugin.operate.events import origin, selection
from fc_async_plugin.operate.events.lines import Shown
from fc_async_plugin.operate.selection import Selection
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import arn
from fc_async_sdk.testing import failure_event

REGION = "cn-hangzhou"
ACCOUNT = "1234567890123456"
QUEUE = "acs:mns:::/queues/failed/messages"
TOPIC = "acs:mq:::/instances/MQ_INST_1/topic/failed"


def config(on_failure: str = "", on_success: str = "") -> AsyncConfig:
    destinations = {"onFailure": on_failure, "onSuccess": on_success}
    written = {name: {"destination": text} for name, text in destinations.items() if text}
    return msgspec.convert({"destinationConfig": written}, AsyncConfig)


@pytest.mark.parametrize(
    ("configs", "source", "called"),
    [
        ([config(QUEUE)], QUEUE, True),
        ([config("acs:mns:cn-hangzhou:1234567890123456:/queues/failed/messages")], QUEUE, True),
        ([config(QUEUE), config()], QUEUE, True),
        ([config(), config(QUEUE)], QUEUE, True),
        ([config("acs:mns:cn-shanghai::/queues/failed/messages")], QUEUE, False),
        ([config("acs:mns::9999:/queues/failed/messages")], QUEUE, False),
        ([config("acs:mns:::/queues/failed2/messages")], QUEUE, False),
        ([config("acs:mns:::/topics/failed/messages")], QUEUE, False),
        ([config("acs:fc:::functions/failed")], QUEUE, False),
        ([config("not an ARN")], QUEUE, False),
        ([config(on_success=QUEUE)], QUEUE, False),
        ([config()], QUEUE, False),
        ([], QUEUE, False),
        ([config(TOPIC)], TOPIC, True),
        ([config(TOPIC.replace("INST_1", "INST_2"))], TOPIC, False),
        ([config(TOPIC)], QUEUE, False),
    ],
)
def test_only_a_function_whose_failures_go_there_is_called(
    configs: list[AsyncConfig], source: str, called: bool
) -> None:
    by_qualifier = {str(number): one for number, one in enumerate(configs)}
    known = origin.of_channel(
        {"orders": by_qualifier}, arn.parse(source), region=REGION, account_id=ACCOUNT
    )
    assert (known.refusal("orders") == "") is called
    assert known.refusal("admin") == "its failure destination is not failed"


def test_a_local_runtime_has_its_queues_in_any_region_and_account() -> None:
    elsewhere = config("acs:mns:cn-shanghai:9:/queues/failed/messages")
    source = arn.parse("acs:mns:cn-hangzhou:1:/queues/failed/messages")
    known = origin.of_channel({"orders": {"LATEST": elsewhere}}, source, region="", account_id="")
    assert known.refusal("orders") == ""


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (origin.TRUSTED, ""),
        (origin.FILE, "a file does not say which queue its events come from"),
        (origin.unreadable(ValueError("403")), "configurations of the functions cannot be read"),
    ],
)
def test_other_sources_call_all_or_none(known: origin.Origin, reason: str) -> None:
    assert reason in known.refusal("orders")
    assert bool(known.refusal("orders")) is bool(reason)


def test_refused_events_do_not_use_up_the_limit() -> None:
    forged = [Shown(f"m{number}", failure_event(function="admin")) for number in range(5)]
    messages = [*forged, Shown("mine", failure_event(function="orders"))]
    known = origin.Origin("elsewhere", frozenset(["orders"]))
    choice = selection.choose(messages, Selection(), 1, known.refusal)
    assert [message for message, _ in choice.chosen] == ["mine"]
    assert choice.refused == [selection.Refused("admin", 5, "elsewhere")]
    assert choice.ended
