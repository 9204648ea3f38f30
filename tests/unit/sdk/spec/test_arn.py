# SPDX-License-Identifier: MIT
"""ARNs: every form that is documented is read, printed in one form, and refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import arn, limits
from fc_async_sdk.spec.destinations import KINDS

REGIONS = st.sampled_from(["", "cn-hangzhou", "ap-southeast-5"])
ACCOUNTS = st.sampled_from(["", "1234567890123456"])
PLACES = {"region": REGIONS, "account_id": ACCOUNTS}
ARNS = st.one_of(
    st.builds(
        arn.CLASSES[kind],
        **{
            field: st.from_regex(rule.pattern, fullmatch=True).filter(
                lambda name, rule=rule: rule.problem(name) is None
            )
            for field, rule in record.names.items()
        },
        **PLACES,
    )
    for kind, record in KINDS.items()
)


@given(ARNS)
def test_what_is_printed_is_read_back(it: arn.DestinationArn) -> None:
    assert arn.parse(str(it)) == it


@given(st.text(max_size=600))
def test_any_text_is_an_arn_or_refused(text: str) -> None:
    try:
        it = arn.parse(text)
    except InvalidArn:
        return
    assert arn.parse(str(it)) == it


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("acs:fc:cn-x:1:functions/f", "acs:fc:cn-x:1:functions/f"),
        ("acs:fc:cn-x:1:functions/f/LATEST", "acs:fc:cn-x:1:functions/f"),
        ("acs:fc:::functions/f/prod", "acs:fc:::functions/f/prod"),
        ("acs:fc:::functions/shop$billing/prod", "acs:fc:::functions/shop$billing/prod"),
        ("acs:mns:cn-x:1:/queues/q/messages", "acs:mns:cn-x:1:/queues/q/messages"),
        ("acs:mns:cn-x:1:/queues/q/message", "acs:mns:cn-x:1:/queues/q/messages"),
        ("acs:mns:cn-x:1:queues/q", "acs:mns:cn-x:1:/queues/q/messages"),
        ("acs:mns:::/topics/t/messages", "acs:mns:::/topics/t/messages"),
        ("acs:eventbridge:cn-x:1:eventbus/b", "acs:eventbridge:cn-x:1:eventbus/b"),
        ("acs:mq:cn-x:1:/instances/MQ_1/topic/t", "acs:mq:cn-x:1:/instances/MQ_1/topic/t"),
        ("acs:mq:cn-x:1:/instances/MQ_1/topics/t", "acs:mq:cn-x:1:/instances/MQ_1/topic/t"),
    ],
)
def test_arns_of_every_kind_are_parsed(text: str, canonical: str) -> None:
    assert str(arn.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected acs:{service}"),
        ("orders", "expected acs:{service}"),
        ("arn:aws:sqs:us-east-1:1:q", "expected acs:{service}"),
        ("acs:oss:cn-x:1:bucket", "'oss' can't be a destination"),
        ("acs:fc:cn-x:1:function/f", "expected functions/{function}"),
        ("acs:fc:cn-x:1:services/s.prod/functions/f", "FC 2.0"),
        ("acs:fc:cn-x:1:functions/1f", "function name '1f': 1 to 128 letters"),
        ("acs:fc:cn-x:1:functions/f$", "function name 'f$': 1 to 128 letters"),
        ("acs:fc:cn-x:1:functions/a$b$c", "function name 'a$b$c': 1 to 128 letters"),
        ("acs:fc:cn-x:1:functions/f/-", "qualifier '-': "),
        ("acs:mns:cn-x:1:/queues/a.b/messages", "queue name 'a.b': 1 to 256 letters"),
        ("acs:mns:cn-x:1:/topics/_t/messages", "topic name '_t': "),
        ("acs:eventbridge:cn-x:1:eventbus/_b", "event bus name '_b': 1 to 127 letters"),
        ("acs:mq:cn-x:1:/instances/i.i/topic/t", "instance 'i.i': "),
        ("acs:mq:cn-x:1:/instances/i/topic/t.t", "topic 't.t': "),
        ("acs:fc:cn-x:abc:functions/f", "expected acs:{service}"),
        ("acs:mns:cn-x:1:/queue/q", "expected /queues/{queue}/messages or /topics"),
        ("acs:fc:cn-x:1:functions/f/" + "q" * 512, "longer than 512"),
        (7, "an ARN is a string"),
    ],
)
def test_a_wrong_arn_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidArn, match=r"not a destination ARN") as caught:
        arn.parse(text)

    assert reason in str(caught.value)


def test_empty_places_are_filled_in_and_given_ones_stay() -> None:
    here = arn.parse("acs:fc:::functions/f").resolve(region="cn-x", account_id="1")
    there = arn.parse("acs:fc:cn-y:2:functions/f").resolve(region="cn-x", account_id="1")

    assert str(here) == "acs:fc:cn-x:1:functions/f"
    assert str(there) == "acs:fc:cn-y:2:functions/f"


def test_only_instances_of_the_4_0_series_and_custom_buses_can_be_destinations() -> None:
    def refused(resource: str) -> str:
        return arn.parse(f"acs:{resource}").refused or ""

    assert "RocketMQ 5.x" in refused("mq:::/instances/rmq-cn-abc/topic/t")
    assert refused("mq:::/instances/MQ_INST_1_abc/topic/t") == ""
    assert "custom event bus" in refused("eventbridge:::eventbus/default")
    assert refused("eventbridge:::eventbus/orders") == ""


@pytest.mark.parametrize(
    ("cls", "limit"),
    [
        (arn.MnsQueueArn, 65_536),
        (arn.MnsTopicArn, 65_536),
        (arn.FunctionArn, 131_072),
        (arn.EventBusArn, 65_536),
        (arn.RocketMqTopicArn, 4_194_304),
    ],
)
def test_each_destination_kind_has_its_payload_limit(cls: type[arn.Arn], limit: int) -> None:
    assert cls.payload_limit == limit


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [
        (limits.RETRY_ATTEMPTS, [0, 8], [-1, 9, True, 2.0, "3", None]),
        (limits.EVENT_AGE_SECONDS, [1, 604_800], [0, 604_801, True, 1.5]),
        (limits.DELAY_SECONDS, [1, 3_599], [0, 3_600, -1, 1.5, True, float("nan")]),
    ],
)
def test_ranges_take_whole_numbers_within_their_bounds_only(
    span: limits.Range, inside: list[object], outside: list[object]
) -> None:
    assert all(value in span for value in inside)
    assert not any(value in span for value in outside)
