# SPDX-License-Identifier: MIT
"""What functions get of triggers, field by field as the documents of the service show it."""

from __future__ import annotations

import json

import pytest

from fc_async_sdk.events import triggers

AT = 1_795_579_200_000  # 2026-11-25T04:00:00Z


def test_a_timer_names_its_moment_in_whole_seconds_and_its_payload() -> None:
    assert triggers.timer("nightly", AT + 250, payload="text") == {
        "triggerTime": "2026-11-25T04:00:00Z",
        "triggerName": "nightly",
        "payload": "text",
    }


def test_a_timer_without_payload_has_an_empty_one() -> None:
    assert triggers.timer("nightly", AT)["payload"] == ""


def test_an_object_is_one_element_of_a_list_of_events() -> None:
    origin = triggers.Origin("cn-shanghai", "42")
    document = triggers.oss(
        "pictures", "in/ä.png", at=AT, size=7, previous_size=2, origin=origin, content_type="a/b"
    )
    (element,) = document["events"]
    assert element["eventName"] == "ObjectCreated:PutObject"
    assert element["eventTime"] == "2026-11-25T04:00:00.000Z"
    assert element["region"] == "cn-shanghai"
    assert element["oss"]["bucket"] == {
        "arn": "acs:oss:cn-shanghai:42:pictures",
        "name": "pictures",
        "ownerIdentity": "42",
    }
    described = element["oss"]["object"]
    assert (described["key"], described["size"], described["deltaSize"]) == ("in/ä.png", 7, 5)
    assert described["objectMeta"] == {"mimeType": "a/b", "userMeta": {}}


def test_a_message_of_a_queue_is_in_a_cloud_event() -> None:
    occurred = triggers.Occurred("A1", AT, AT + 5, "MNS-Function-t")
    document = triggers.mns_queue("q", "text", occurred)
    assert (document["source"], document["aliyuneventbusname"]) == ("MNS-Function-t",) * 2
    assert document["subject"] == "acs:mns:cn-hangzhou:1234567890123456:queues/q"
    assert document["time"] == "2026-11-25T04:00:00.000Z"
    assert document["aliyunpublishtime"] == "2026-11-25T04:00:00.005Z"
    assert document["data"] == {"requestId": "A1", "messageId": "A1", "messageBody": "text"}


def test_a_message_of_rocketmq_leaves_out_what_it_does_not_have() -> None:
    occurred = triggers.Occurred("A1", AT, AT, "RocketMQ-Function-t")
    data = triggers.rocketmq("i", "t", "text", occurred, tag="a", properties={"p": "1"})["data"]
    assert data["systemProperties"] == {
        "UNIQ_KEY": "A1",
        "TAGS": "a",
        "MSG_REGION": "cn-hangzhou",
        "INSTANCE_ID": "i",
        "CONSUME_START_TIME": str(AT),
    }
    assert data["userProperties"] == {"p": "1"}


def test_a_message_of_a_topic_has_the_checksum_of_its_text() -> None:
    document = triggers.mns_topic("t", "text", at=AT, tag="a")
    assert document["MessageMD5"] == "1CB251EC0D568DE6A929B520C4AED8D1"
    assert (document["Message"], document["MessageTag"], document["TopicName"]) == (
        "text",
        "a",
        "t",
    )


@pytest.mark.parametrize("kind", triggers.samples(AT))
def test_every_sample_is_a_payload_of_json(kind: str) -> None:
    document = triggers.samples(AT)[kind]
    assert json.loads(triggers.encode(document)) == document


def test_a_payload_keeps_text_that_is_not_ascii() -> None:
    assert triggers.encode({"a": "中"}) == '{"a":"中"}'.encode()
