# SPDX-License-Identifier: MIT
"""Which objects an OSS trigger fires for, and which triggers OSS refuses beside each other."""

from __future__ import annotations

import json

import pytest

from fc_async_sdk.spec import oss
from fc_async_sdk.spec.oss import OssTrigger

ARN = "acs:oss:cn-hangzhou:123:pictures"
PUT = "oss:ObjectCreated:PutObject"


def trigger(*events: str, prefix: str = "", suffix: str = "", bucket: str = "b") -> OssTrigger:
    return OssTrigger(bucket=bucket, events=events or (PUT,), prefix=prefix, suffix=suffix)


@pytest.mark.parametrize(
    ("events", "event", "matches"),
    [
        ((PUT,), "ObjectCreated:PutObject", True),
        ((PUT,), "ObjectCreated:PostObject", False),
        (("oss:ObjectCreated:*",), "ObjectCreated:UploadPart", True),
        (("oss:ObjectCreated:*",), "ObjectRemoved:DeleteObject", False),
        ((PUT, "oss:ObjectRemoved:DeleteObject"), "ObjectRemoved:DeleteObject", True),
        (("oss:ObjectReplication:ObjectCreated",), "ObjectCreated:PutObject", False),
    ],
)
def test_a_trigger_matches_its_events(events: tuple[str, ...], event: str, matches: bool) -> None:
    assert trigger(*events).matches(event, "a") is matches


@pytest.mark.parametrize(
    ("key", "matches"),
    [("in/a.zip", True), ("in/.zip", True), ("out/a.zip", False), ("in/a.ZIP", False)],
)
def test_prefix_and_suffix_are_plain_text(key: str, matches: bool) -> None:
    found = trigger(prefix="in/", suffix=".zip").matches(oss.CREATED, key)
    assert found is matches


def test_a_trigger_is_read_from_its_arn_and_its_configuration() -> None:
    config = {"events": [PUT], "filter": {"key": {"prefix": "in/", "suffix": ".zip"}}}
    expected = trigger(prefix="in/", suffix=".zip", bucket="pictures")
    assert oss.read(ARN, config) == oss.read(ARN, json.dumps(config)) == expected
    assert oss.read(ARN, {"events": [PUT]}) == trigger(bucket="pictures")


@pytest.mark.parametrize(
    ("arn", "config", "message"),
    [
        ("", {"events": [PUT]}, "sourceArn '' is invalid: acs:oss:{region}:{account}:{bucket}"),
        ("acs:oss:::B", {"events": [PUT]}, "sourceArn 'acs:oss:::B' is invalid"),
        (ARN, {}, "triggerConfig: Object missing required field `events`"),
        (ARN, {"events": []}, "events is empty"),
        (ARN, '{"x":' + "[" * 50_000, "triggerConfig: maximum recursion depth exceeded"),
        (ARN, {"events": ["ObjectCreated:PutObject"]}, "'ObjectCreated:PutObject' does not exist"),
        (ARN, {"events": ["oss:ObjectRemoved:*"]}, "'oss:ObjectRemoved:*' does not exist"),
        (ARN, {"events": PUT}, "triggerConfig: Expected `array`"),
        (ARN, {"events": [PUT], "filter": {"key": {"prefix": "/in"}}}, "must not begin with '/'"),
        (ARN, {"events": [PUT], "filter": {"key": {"suffix": 1}}}, "triggerConfig: Expected `str`"),
    ],
)
def test_an_invalid_trigger_is_refused_by_field(
    arn: str, config: dict[str, object], message: str
) -> None:
    with pytest.raises(oss.InvalidOssTrigger) as refused:
        oss.read(arn, config)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("one", "other", "overlaps"),
    [
        (trigger(), trigger(), True),
        (trigger(), trigger(bucket="c"), False),
        (trigger(), trigger("oss:ObjectRemoved:DeleteObject"), False),
        (trigger("oss:ObjectCreated:*"), trigger(), True),
        (trigger(prefix="in/"), trigger(prefix="in/a"), True),
        (trigger(prefix="in/"), trigger(prefix="out/"), False),
        (trigger(prefix="in/"), trigger(), True),
        (trigger(suffix=".tar.gz"), trigger(suffix=".gz"), True),
        (trigger(suffix=".gz"), trigger(suffix=".zip"), False),
        (trigger(prefix="in/", suffix=".gz"), trigger(prefix="in/", suffix=".zip"), False),
    ],
)
def test_triggers_overlap_if_events_prefixes_and_suffixes_do(
    one: OssTrigger, other: OssTrigger, overlaps: bool
) -> None:
    assert oss.overlap(one, other) is oss.overlap(other, one) is overlaps


@pytest.mark.parametrize(
    ("event", "key", "message"),
    [
        ("oss:ObjectCreated:PutObject", "a", "event 'oss:ObjectCreated:PutObject' does not exist"),
        (oss.CREATED, "", "key '' is invalid"),
        (oss.CREATED, "/a", "key '/a' is invalid: 1 to 1023 bytes"),
        (oss.CREATED, "é" * 512, "1 to 1023 bytes"),
    ],
)
def test_an_object_that_cannot_exist_is_refused(event: str, key: str, message: str) -> None:
    with pytest.raises(oss.InvalidObject) as refused:
        oss.check_object(event, key)
    assert message in str(refused.value)
    oss.check_object(oss.CREATED, "é" * 511)


PARTS = tuple(
    f"oss:ObjectCreated:{action}"
    for action in ("InitiateMultipartUpload", "UploadPart", "UploadPartCopy")
)


@pytest.mark.parametrize(
    ("events", "parts"),
    [
        (("oss:ObjectCreated:*",), PARTS),
        ((PUT, "oss:ObjectCreated:UploadPart"), ("oss:ObjectCreated:UploadPart",)),
        ((PUT, "oss:ObjectCreated:CompleteMultipartUpload"), ()),
        (("oss:ObjectRemoved:AbortMultipartUpload",), ()),
    ],
)
def test_events_of_parts_are_told_from_events_of_objects(
    events: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    assert oss.events_of_parts(events) == parts


def test_the_events_of_objects_stand_for_the_same_objects_without_the_parts() -> None:
    removed = "oss:ObjectRemoved:DeleteObject"
    assert oss.events_of_objects(["oss:ObjectCreated:UploadPart", PUT, removed]) == (
        "oss:ObjectCreated:CompleteMultipartUpload",
        PUT,
        removed,
    )
    whole = oss.events_of_objects(["oss:ObjectCreated:*"])
    assert oss.events_of_parts(whole) == ()
    assert set(whole) | set(PARTS) == {
        f"oss:{name}" for name in oss.NAMES if name.startswith("ObjectCreated:")
    }
