# SPDX-License-Identifier: MIT
"""Rules that know more when the account was read, and cycles that run through it or a trigger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fc_async_plugin.check.graph.build import LiveFunction, LiveRegion
from fc_async_plugin.check.rules import Finding
from fc_async_sdk.models import AsyncConfig, Destination, DestinationConfig, Trigger

Check = Callable[..., list[Finding]]

QUEUE = "acs:mns:::/queues/dead/messages"
TOPIC = "acs:mns:cn-hangzhou::/topics/news/messages"


def function(name: str, success: str = "", *, qualifier: str = "", extra: str = "") -> str:
    text = f"  {name}:\n    component: fc3\n    props:\n      region: cn-hangzhou\n"
    text += f"      functionName: {name}\n{extra}"
    if success or qualifier:
        text += "      asyncInvokeConfig:\n"
        text += f"        qualifier: {qualifier}\n" if qualifier else ""
        text += "        destinationConfig:\n"
        text += f"          onSuccess: {{destination: '{success}'}}\n" if success else ""
        text += f"          onFailure: {{destination: '{QUEUE}'}}\n"
    return text


def arn(name: str) -> str:
    return f"acs:fc:cn-hangzhou::functions/{name}"


def config(success: str) -> AsyncConfig:
    return AsyncConfig(
        destination_config=DestinationConfig(on_success=Destination(destination=success))
    )


def account(**functions: dict[str, Any]) -> LiveRegion:
    return LiveRegion(
        "cn-hangzhou",
        "",
        {name: LiveFunction(**parts) for name, parts in functions.items()},
    )


def queues(**seconds: int | None) -> LiveRegion:
    return LiveRegion("cn-hangzhou", "", {"a": LiveFunction()}, seconds)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (
            345_600,
            ["queue dead keeps a failure for 4 days: what was not sent again by then is lost"],
        ),
        (86_400, ["queue dead keeps a failure for 1 day: what was not sent again by then is lost"]),
        (604_800, []),
        (None, []),
    ],
)
def test_a_failure_queue_must_keep_its_messages_as_long_as_it_can(
    check: Check, seconds: int | None, said: list[str]
) -> None:
    findings = check(function("a", TOPIC), live=(queues(dead=seconds),))
    assert [finding.message for finding in findings if finding.rule == "FCA058"] == said


def test_a_queue_that_gets_no_failures_may_drop_its_messages(check: Check) -> None:
    text = function("a", "acs:mns:::/queues/done/messages")
    assert check(text, live=(queues(done=60, dead=604_800),)) == []


def ids(findings: list[Finding]) -> list[str]:
    return sorted({finding.rule for finding in findings})


def test_a_destination_in_the_account_is_known(check: Check) -> None:
    assert check(function("a", arn("b")), live=(account(b={}),)) == []


def test_a_destination_that_exists_nowhere_is_an_error_with_the_account(check: Check) -> None:
    (found,) = check(function("a", arn("b")), live=(account(),))
    assert (found.rule, found.severity) == ("FCA040", "error")
    assert "neither in a template nor in the account" in found.message


@pytest.mark.parametrize(
    ("qualifier", "known"), [("LATEST", True), ("prod", True), ("3", True), ("4", False)]
)
def test_a_qualifier_must_exist_at_both_ends(check: Check, qualifier: str, known: bool) -> None:
    live = account(
        a={"aliases": {"prod": ("3",)}, "versions": frozenset({"3"})},
        b={"aliases": {"prod": ("3",)}, "versions": frozenset({"3"})},
    )
    text = function("a", arn(f"b/{qualifier}"), qualifier=qualifier)
    assert ids(check(text, live=(live,))) == ([] if known else ["FCA042", "FCA043"])


def test_a_destination_with_an_http_trigger_is_warned_about(check: Check) -> None:
    trigger = "{triggerName: t, triggerType: http, triggerConfig: {methods: [GET]}}"
    http = f"      triggers: [{trigger}]\n"
    assert ids(check(function("a", arn("b")) + function("b", extra=http))) == ["FCA041"]
    live = account(b={"triggers": (Trigger(trigger_name="t", trigger_type="http"),)})
    assert ids(check(function("a", arn("b")), live=(live,))) == ["FCA041"]


def test_a_function_is_configured_once_per_qualifier(check: Check) -> None:
    one = function("a", qualifier="LATEST")
    assert check(one + function("b", qualifier="LATEST")) == []
    second = one.replace("  a:\n", "  again:\n", 1)
    (found,) = check(one + second)
    assert found.rule == "FCA044"
    assert found.related[0].position.line < found.position.line


# --- cycles -------------------------------------------------------------------------------------


def test_a_cycle_is_closed_by_what_is_live(check: Check) -> None:
    live = account(b={"configs": {"LATEST": config(arn("a"))}})
    (found,) = check(function("a", arn("b")), live=(live,))
    assert found.rule == "FCA031"
    assert "b (on success) → a (on success, live in the account)" in found.message


def test_what_a_template_writes_replaces_what_is_live(check: Check) -> None:
    live = account(b={"configs": {"LATEST": config(arn("a"))}})
    text = function("a", arn("b")) + function("b", qualifier="LATEST")
    assert check(text, live=(live,)) == []


def test_a_cycle_that_no_template_is_part_of_is_no_finding(check: Check) -> None:
    live = account(
        x={"configs": {"LATEST": config(arn("y"))}}, y={"configs": {"LATEST": config(arn("x"))}}
    )
    assert check(function("a"), live=(live,)) == []


def test_a_weighted_alias_leads_to_all_its_versions(check: Check) -> None:
    live = account(
        a={"aliases": {"prod": ("1", "2")}, "versions": frozenset({"1", "2"})},
        b={"configs": {"LATEST": config(arn("a/2"))}},
    )
    text = function("a", arn("b"), qualifier="prod")
    assert ids(check(text, live=(live,))) == ["FCA031"]


MNS_TRIGGER = """\
      triggers:
        - triggerName: onNews
          triggerType: mns_topic
          sourceArn: acs:mns:cn-hangzhou:123:/topics/news
"""
EVENTBRIDGE_TRIGGER = """\
      triggers:
        - triggerName: onNews
          triggerType: eventbridge
          triggerConfig:
            eventSourceConfig:
              eventSourceType: %s
              eventSourceParameters: %s
"""


@pytest.mark.parametrize(
    ("destination", "trigger"),
    [
        (TOPIC, MNS_TRIGGER),
        (
            "acs:mns:::/queues/q/messages",
            EVENTBRIDGE_TRIGGER % ("MNS", "{sourceMNSParameters: {QueueName: q}}"),
        ),
        (
            "acs:mq:::/instances/MQ_INST_1/topic/t",
            EVENTBRIDGE_TRIGGER
            % ("RocketMQ", "{sourceRocketMQParameters: {InstanceId: MQ_INST_1, Topic: t}}"),
        ),
        (
            "acs:eventbridge:::eventbus/mine",
            MNS_TRIGGER.replace("mns_topic", "eventbridge").replace(
                "acs:mns:cn-hangzhou:123:/topics/news",
                "acs:eventbridge:cn-hangzhou:123:eventbus/mine/rule/r",
            ),
        ),
    ],
)
def test_a_cycle_through_a_trigger_is_a_warning(
    check: Check, destination: str, trigger: str
) -> None:
    (found,) = check(function("a", destination, extra=trigger))
    assert (found.rule, found.severity) == ("FCA032", "warning")
    assert "(by trigger onNews)" in found.message
    assert len(found.related) == 2


@pytest.mark.parametrize(
    "trigger",
    [
        MNS_TRIGGER.replace("news", "other"),
        MNS_TRIGGER.replace("cn-hangzhou", "cn-shanghai"),
        "      triggers: [{triggerName: t, triggerType: log}]\n",
        "      triggers: [3]\n",
        "      triggers: {}\n",
    ],
)
def test_a_trigger_of_something_else_closes_nothing(check: Check, trigger: str) -> None:
    assert check(function("a", TOPIC, extra=trigger), select=("FCA03",)) == []


def test_a_live_trigger_closes_a_cycle_too(check: Check) -> None:
    trigger = Trigger(
        trigger_name="t",
        trigger_type="eventbridge",
        trigger_config='{"eventSourceConfig": {"eventSourceParameters":'
        ' {"sourceMNSParameters": {"QueueName": "q"}}}}',
    )
    text = function("a", "acs:mns:::/queues/q/messages")
    (found,) = check(text, live=(account(a={"triggers": (trigger,)}),))
    assert "a (by trigger t, live in the account)" in found.message


def test_a_trigger_can_be_waived(check: Check) -> None:
    waived = MNS_TRIGGER.replace(
        "        - triggerName",
        "        # fc-async: ignore[FCA032] a filter lets only orders pass\n        - triggerName",
    )
    assert check(function("a", TOPIC, extra=waived)) == []


def test_invalid_destinations_in_the_account_have_no_edges(check: Check) -> None:
    live = account(b={"configs": {"LATEST": config("no arn"), "prod": AsyncConfig()}})
    assert check(function("a", arn("b")), live=(live,)) == []


def test_a_failure_destination_in_the_account_closes_a_cycle_as_well(check: Check) -> None:
    back = DestinationConfig(on_failure=Destination(destination=arn("a")))
    live = account(b={"configs": {"LATEST": AsyncConfig(destination_config=back)}})
    (found,) = check(function("a", arn("b")), live=(live,))
    assert "a (on failure, live in the account)" in found.message


def test_a_graph_of_several_accounts_keeps_them_apart(check: Check) -> None:
    live = LiveRegion("cn-hangzhou", "999", {"b": LiveFunction()})
    found = check(function("a", arn("b")), live=(live,), account_id="123")
    assert ids(found) == ["FCA040"]
