# SPDX-License-Identifier: MIT
"""Events of objects in OSS fire the functions whose triggers match."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import oss2
import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

CREATED = "oss:ObjectCreated:*"
SUBJECT = "acs:oss:cn-hangzhou:1234567890123456:uploads/in/"


def trigger(local: FcLocal, function: str, prefix: str = "", suffix: str = "", **more) -> None:
    local.client.create_trigger(
        function,
        f"{function}-trigger",
        trigger_type="oss",
        source_arn="acs:oss:cn-hangzhou:1234567890123456:uploads",
        trigger_config={
            "events": [CREATED],
            "filter": {"key": {"prefix": prefix, "suffix": suffix}},
        },
        **more,
    )


def test_an_upload_is_unzipped_and_its_destination_is_told(
    fc_local: FcLocal, tmp_path: Path
) -> None:
    """The example of the user guide: unzip what is uploaded to OSS, then tell a destination."""
    bucket = tmp_path / "bucket"
    (bucket / "in").mkdir(parents=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "A")
        archive.writestr("b.txt", "B")
    (bucket / "in" / "letters.zip").write_bytes(buffer.getvalue())

    def unzip(event: bytes, _context: object) -> dict[str, list[str]]:
        (element,) = json.loads(event)["events"]
        with zipfile.ZipFile(bucket / element["oss"]["object"]["key"]) as found:
            found.extractall(bucket / "out")
            return {"unzipped": found.namelist()}

    told = fc_local.create_queue("unzipped")
    destination = {"onSuccess": {"destination": told}}
    fc_local.deploy("unzip", unzip, async_config={"destinationConfig": destination})
    trigger(fc_local, "unzip", "in/", ".zip")
    (request_id,) = fc_local.send_oss_event("uploads", "in/letters.zip", size=1_024)
    fc_local.run_until_idle()
    assert (bucket / "out" / "b.txt").read_text() == "B"
    event = fc_local.receive("unzipped")
    assert event is not None
    assert (event.request_id, event.succeeded) == (request_id, True)
    assert event.response.json() == {"unzipped": ["a.txt", "b.txt"]}
    (element,) = event.request.json()["events"]
    assert element["oss"]["bucket"]["name"] == "uploads"


def test_only_triggers_that_match_bucket_event_and_key_fire(fc_local: FcLocal) -> None:
    seen: list[str] = []
    for name, prefix in (("one", "in/"), ("two", "out/")):
        fc_local.deploy(name, lambda _event, context: seen.append(context.function.name))
        trigger(fc_local, name, prefix)
    fc_local.send_oss_event("uploads", "in/a")
    fc_local.send_oss_event("other", "in/a")
    fc_local.send_oss_event("uploads", "elsewhere")
    fc_local.send_oss_event("uploads", "out/a", event="ObjectRemoved:DeleteObject")
    fc_local.run_until_idle()
    assert seen == ["one"]


def test_an_event_with_the_prefix_of_the_configuration_is_the_same_event(
    fc_local: FcLocal,
) -> None:
    fc_local.deploy("f", lambda event, _: event)
    trigger(fc_local, "f")
    assert len(fc_local.send_oss_event("uploads", "a", event="oss:ObjectCreated:PutObject")) == 1


def test_an_event_whose_alias_is_gone_becomes_a_dead_event(fc_local: FcLocal) -> None:
    seen: list[bytes] = []
    fc_local.deploy("f", lambda event, _: seen.append(event))
    fc_local.client.publish_function_version("f")
    fc_local.client.create_alias("f", "prod", version_id="1")
    trigger(fc_local, "f", qualifier="prod")
    fc_local.client.delete_alias("f", "prod")
    answer = requests.post(
        f"{fc_local.endpoint}/_local/events/oss", json={"bucket": "uploads", "key": "a"}, timeout=5
    )
    (fired,) = answer.json()["fired"]
    assert "404 AliasNotFound" in fired["error"]
    (dead,) = requests.get(f"{fc_local.endpoint}/_local/deliveries/dead", timeout=5).json()[
        "deliveries"
    ]
    assert json.loads(dead["event"])["events"][0]["oss"]["object"]["key"] == "a"


def test_a_key_that_cannot_exist_is_refused(fc_local: FcLocal) -> None:
    with pytest.raises(Rejected, match="key '/a' is invalid"):
        fc_local.send_oss_event("uploads", "/a")


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("events/oss", {"bucket": "uploads"}, "missing required field `key`"),
        ("events/oss", {"bucket": "uploads", "key": 7}, "Expected `str`, got `int` - at `$.key`"),
        ("events/oss", {"bucket": "b", "key": "k", "size": -1}, "`int` >= 0"),
        ("events/oss", {"bucket": "b", "key": "k", "contentType": "x" * 2_000}, "length <= 1024"),
        ("events/oss", {"bucket": "b", "key": "k", "other": 1}, "unknown field `other`"),
        ("triggers/f/f-trigger/fire", {"payload": {}}, "Expected `str | null`"),
        ("triggers/f/f-trigger/fire", {"payload": "%", "payloadEncoding": "base64"}, "base64"),
        ("triggers/f/f-trigger/fire", {"payload": "x" * 131_073}, "payload size exceeds maximum"),
    ],
)
def test_a_request_to_the_admin_api_that_cannot_be_read_is_refused(
    fc_local: FcLocal, path: str, body: dict[str, object], message: str
) -> None:
    fc_local.deploy("f", lambda event, _: event)
    trigger(fc_local, "f")
    answer = requests.post(f"{fc_local.endpoint}/_local/{path}", json=body, timeout=5)
    assert answer.status_code == 400
    assert message in answer.json()["Message"]


@pytest.mark.parametrize(
    ("kind", "config", "source", "expected"),
    [
        ("timer", {"cronExpression": "@every 1h", "payload": "p"}, None, "triggerTime"),
        ("oss", {"events": [CREATED]}, "acs:oss:cn-hangzhou:1:uploads", "events"),
        ("mns_topic", {"notifyContentFormat": "JSON"}, "acs:mns:::topics/t", "TopicName"),
        ("eventbridge", {"asyncInvocationType": True}, "acs:eventbridge:::eventbus/b", "data"),
        ("log", {}, None, "cursorTime"),
        ("cdn_events", {}, None, "events"),
        ("tablestore", {}, None, "Records"),
    ],
)
def test_a_trigger_of_any_kind_is_fired_by_hand_with_the_event_of_its_kind(
    fc_local: FcLocal, kind: str, config: dict[str, object], source: str | None, expected: str
) -> None:
    seen: list[dict[str, object]] = []
    fc_local.deploy("f", lambda event, _: seen.append(json.loads(event)))
    fc_local.client.create_trigger(
        "f", "t", trigger_type=kind, trigger_config=config, source_arn=source
    )
    fc_local.fire_trigger("f", "t")
    fc_local.fire_trigger("f", "t", {"my": "event"})
    fc_local.run_until_idle()
    assert expected in seen[0]
    assert seen[1] == {"my": "event"}


def test_an_object_that_is_put_fires_the_triggers_that_match(
    fc_local: FcLocal, oss_session: oss2.Session
) -> None:
    seen: list[dict[str, Any]] = []
    fc_local.deploy("f", lambda event, _: seen.extend(json.loads(event)["events"]))
    trigger(fc_local, "f", "in/", ".png")
    bucket = oss2.Bucket(
        oss2.Auth("any", "any"), fc_local.oss_endpoint, "uploads", session=oss_session
    )
    bucket.create_bucket()
    bucket.put_object("out/a.png", b"1")
    bucket.put_object("in/a.png", b"12", headers={"x-oss-meta-k": "v"})
    bucket.put_object("in/a.png", b"12345")
    bucket.delete_object("in/a.png")
    fc_local.run_until_idle()
    assert [(one["eventName"], one["oss"]["object"]["deltaSize"]) for one in seen] == [
        ("ObjectCreated:PutObject", 2),
        ("ObjectCreated:PutObject", 3),
    ]
    described = seen[0]["oss"]["object"]
    assert (described["key"], described["size"], described["eTag"]) == (
        *("in/a.png", 2, "C20AD4D76FE97759AA27A0C99BFF6710"),
    )
    assert described["objectMeta"] == {
        "mimeType": "image/png",
        "userMeta": {"x-oss-meta-k": "v"},
    }


def test_what_happens_to_objects_is_on_the_default_bus(
    fc_local: FcLocal, oss_session: oss2.Session
) -> None:
    """The form of the trigger that the console of OSS suggests: by EventBridge."""
    seen: list[dict[str, Any]] = []
    fc_local.deploy("f", lambda event, _: seen.append(json.loads(event)))
    wanted = {"source": ["acs.oss"], "type": ["oss:ObjectCreated:PutObject"]}
    fc_local.client.create_trigger(
        "f",
        "t",
        trigger_type="eventbridge",
        trigger_config={
            "asyncInvocationType": True,
            "eventRuleFilterPattern": json.dumps(wanted | {"subject": [{"prefix": SUBJECT}]}),
            "eventSourceConfig": {"eventSourceType": "Default"},
        },
    )
    bucket = oss2.Bucket(
        oss2.Auth("any", "any"), fc_local.oss_endpoint, "uploads", session=oss_session
    )
    bucket.create_bucket()
    bucket.put_object("out/a", b"")
    bucket.put_object("in/ü", b"12")
    bucket.delete_object("in/ü")
    fc_local.run_until_idle()
    (event,) = seen
    assert (event["source"], event["type"]) == ("acs.oss", "oss:ObjectCreated:PutObject")
    assert (event["aliyuneventbusname"], event["subject"]) == ("default", f"{SUBJECT}ü")
    assert event["data"]["oss"]["object"]["size"] == 2
