# SPDX-License-Identifier: MIT
"""What the rules about triggers find and what they let pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fc_async_plugin.check.rules import Finding

Check = Callable[..., list[Finding]]
BUCKET = "acs:oss:cn-hangzhou:123:uploads"
FAILURE = "{destinationConfig: {onFailure: {destination: 'acs:mns:::/queues/q/messages'}}}"
NOW = 1_795_600_800_000  # 2026-11-25T10:00:00Z


def trigger(kind: str, config: dict[str, object], **settings: str) -> str:
    return json.dumps({"triggerName": "t", "triggerType": kind, "triggerConfig": config} | settings)


def function(*triggers: str, name: str = "f", block: str = "", region: str = "cn-hangzhou") -> str:
    lines = [f"region: {region}", f"functionName: {name}"]
    lines += [f"asyncInvokeConfig: {block}"] if block else []
    lines += [f"triggers: [{', '.join(triggers)}]"] if triggers else []
    props = "".join(f"      {line}\n" for line in lines)
    return f"  {name}:\n    component: fc3\n    props:\n{props}"


def timer(expression: str, **config: object) -> str:
    return trigger("timer", {"cronExpression": expression, "enable": True} | config)


def oss(prefix: str = "", suffix: str = "", event: str = "oss:ObjectCreated:*") -> str:
    config = {"events": [event], "filter": {"key": {"prefix": prefix, "suffix": suffix}}}
    return trigger("oss", config, sourceArn=BUCKET)


def messages(check: Check, rule: str, *templates: str, **more: object) -> list[str]:
    return [one.message for one in check(*templates, select=(rule,), ignore=(), **more)]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (timer("0 4 * * *"), "timer f/t: cronExpression: it has 5 fields"),
        (timer("*/5 * * * * *"), "Seconds '*/5' is invalid: 0-59, one number"),
        (timer("CRON_TZ=Beijing 0 0 4 * * *"), "time zone 'Beijing' does not exist"),
        (timer("@every 4m", payload="x" * 131_073), "payload must have at most 131072 bytes"),
        (timer("@every 4m", payload={"a": 1}), "Expected `str`, got `object`"),
        (trigger("timer", {}), "missing required field `cronExpression`"),
    ],
)
def test_an_invalid_timer_is_found(check: Check, written: str, message: str) -> None:
    (found,) = messages(check, "FCA070", function(written))
    assert message in found


def test_the_place_of_an_invalid_expression_is_its_own(check: Check) -> None:
    config = "{cronExpression: bad, enable: true}"
    text = function(f"{{triggerName: t, triggerType: timer, triggerConfig: {config}}}")
    (found,) = check(text, select=("FCA070",))
    assert text.splitlines()[found.position.line - 4][found.position.column - 1 :].startswith("bad")


def test_a_timer_with_a_variable_is_not_judged(check: Check) -> None:
    assert messages(check, "FCA07", function(timer("${resources.x.output.y}"), block=FAILURE)) == []


def test_the_next_three_firings_are_shown_in_the_zone_of_the_timer(check: Check) -> None:
    written = timer("CRON_TZ=Asia/Shanghai 0 0 4 * * *")
    (found,) = messages(check, "FCA071", function(written), now=NOW)
    assert found == (
        "timer f/t fires next at Thu 2026-11-26 04:00:00 CST, Fri 2026-11-27 04:00:00 CST,"
        " Sat 2026-11-28 04:00:00 CST"
    )


def test_an_interval_is_shown_from_now_on(check: Check) -> None:
    (found,) = messages(check, "FCA071", function(timer("@every 90m")), now=NOW)
    assert found == (
        "timer f/t fires next at Wed 2026-11-25 11:30:00 UTC, Wed 2026-11-25 13:00:00 UTC,"
        " Wed 2026-11-25 14:30:00 UTC; the interval begins with the deployment"
    )


def test_a_timer_without_zone_is_said_to_fire_in_utc(check: Check) -> None:
    (found,) = check(function(timer("0 0 4 * * *")), select=("FCA071",))
    assert found.fix == "write CRON_TZ=Asia/Shanghai in front for another time zone than UTC"


UPLOADED = "oss:ObjectCreated:PutObject"
ROLE = "acs:ram::123:role/orders"


def test_events_of_the_parts_of_an_upload_are_found_with_the_events_to_write(check: Check) -> None:
    (found,) = check(function(oss("in/")), select=("FCA079",))
    assert (found.severity, found.message) == (
        "warning",
        (
            "OSS trigger f/t fires several times for one multipart upload: its events include"
            " InitiateMultipartUpload, UploadPart, UploadPartCopy"
        ),
    )
    assert found.fix.startswith("write events: [oss:ObjectCreated:PutObject, oss:ObjectCreated:")
    assert "oss:ObjectCreated:CompleteMultipartUpload]" in found.fix
    assert messages(check, "FCA079", function(oss("in/", event=UPLOADED))) == []


def with_props(trigger: str, **props: object) -> str:
    more = "".join(f"      {name}: {json.dumps(value)}\n" for name, value in props.items())
    return function(trigger) + more


def allows(resource: str) -> dict[str, object]:
    statement = {"Effect": "Allow", "Action": "oss:PutObject", "Resource": resource}
    return {ROLE: {"Statement": [statement]}}


def test_a_role_that_was_not_read_may_write_into_the_whole_bucket_of_a_trigger(
    check: Check,
) -> None:
    (found,) = messages(check, "FCA080", with_props(oss(event=UPLOADED), role=ROLE))
    assert found == (
        "f may write into bucket uploads, which invokes it by trigger t: what its role allows is"
        " not known (--roles reads it)"
    )


@pytest.mark.parametrize(
    "trigger",
    [
        oss("in/", event=UPLOADED),
        oss(suffix=".zip", event=UPLOADED),
        oss(event="oss:ObjectRemoved:DeleteObject"),
    ],
)
def test_a_role_that_was_not_read_is_not_suspected_where_the_trigger_is_narrow(
    check: Check, trigger: str
) -> None:
    assert messages(check, "FCA080", with_props(trigger, role=ROLE)) == []
    assert messages(check, "FCA080", function(oss(event=UPLOADED))) == []


@pytest.mark.parametrize(
    ("resource", "finds"),
    [("acs:oss:*:*:uploads/*", True), ("acs:oss:*:*:uploads/out/*", False)],
)
def test_a_role_that_was_read_decides_whether_a_function_may_write(
    check: Check, resource: str, finds: bool
) -> None:
    text = with_props(oss("in/", event=UPLOADED), role=ROLE)
    assert bool(messages(check, "FCA080", text, roles=allows(resource))) is finds


@pytest.mark.parametrize(
    ("point", "finds"),
    [
        ({"bucketName": "uploads", "mountDir": "/mnt"}, True),
        ({"bucketName": "uploads", "bucketPath": "/in/letters"}, True),
        ({"bucketName": "uploads", "bucketPath": "/inbox"}, False),
        ({"bucketName": "uploads", "bucketPath": "/out"}, False),
        ({"bucketName": "uploads", "readOnly": True}, False),
        ({"bucketName": "other"}, False),
    ],
)
def test_a_bucket_that_is_mounted_for_writing_may_invoke_its_function(
    check: Check, point: dict[str, object], finds: bool
) -> None:
    text = with_props(oss("in/", event=UPLOADED), ossMountConfig={"mountPoints": [point]})
    assert bool(messages(check, "FCA080", text)) is finds


def test_two_oss_triggers_overlap_across_functions_and_templates(check: Check) -> None:
    (found,) = messages(check, "FCA074", function(oss("in/")), function(oss("in/a/"), name="g"))
    assert found.startswith("OSS trigger g/t overlaps with f/t: bucket uploads")
    assert messages(check, "FCA074", function(oss("in/"), oss("out/"))) == []
    elsewhere = function(oss("in/"), name="g", region="cn-shanghai")
    assert messages(check, "FCA074", function(oss("in/")), elsewhere) == []


@pytest.mark.parametrize(
    ("written", "finds"),
    [
        (timer("@every 1h"), True),
        (oss(), True),
        (trigger("mns_topic", {}, sourceArn="acs:mns:::topics/t"), True),
        (trigger("eventbridge", {"asyncInvocationType": True}), True),
        (trigger("eventbridge", {"asyncInvocationType": False}), False),
        (trigger("http", {"authType": "anonymous", "methods": ["GET"]}), False),
        (trigger("log", {}), False),
    ],
)
def test_an_asynchronous_trigger_wants_a_failure_destination(
    check: Check, written: str, finds: bool
) -> None:
    assert bool(messages(check, "FCA075", function(written))) is finds
    assert messages(check, "FCA075", function(written, block=FAILURE)) == []


def test_a_failure_destination_counts_for_its_own_qualifier_only(check: Check) -> None:
    block = FAILURE.replace("{destinationConfig", "{qualifier: prod, destinationConfig", 1)
    every_hour = {"cronExpression": "@every 1h", "enable": True}
    written = trigger("timer", every_hour, qualifier="prod")
    assert messages(check, "FCA075", function(written, block=block)) == []
    (found,) = messages(check, "FCA075", function(timer("@every 1h"), block=block))
    assert "invokes f/LATEST asynchronously" in found


def elsewhere(*triggers: str, block: str = "") -> str:
    """Return a function of the same name in another region."""
    return function(*triggers, block=block, region="cn-shanghai").replace("  f:", "  there:", 1)


def test_a_failure_destination_counts_for_the_function_of_its_region_only(check: Check) -> None:
    (found,) = messages(check, "FCA075", function(timer("@every 1h")) + elsewhere(block=FAILURE))
    assert "invokes f/LATEST asynchronously" in found


def test_timers_of_another_region_say_nothing_about_the_cost_of_task_mode(check: Check) -> None:
    text = function(block="{asyncTask: true}") + elsewhere(timer("@every 1h"))
    assert len(messages(check, "FCA078", text)) == 1


def test_a_block_without_failure_destination_is_found_once(check: Check) -> None:
    text = function(timer("@every 1h"), block="{maxAsyncRetryAttempts: 1}")
    found = {one.rule for one in check(text)} - {"FCA071"}
    assert found == {"FCA050"}


def with_letters(*, asynchronous: bool, tolerance: str = "ALL") -> str:
    options = {
        "errorsTolerance": tolerance,
        "deadLetterQueue": {"Arn": "acs:mns:cn-hangzhou:123:/queues/letters"},
    }
    return trigger("eventbridge", {"asyncInvocationType": asynchronous, "runOptions": options})


def test_dead_letters_of_an_asynchronous_trigger_get_no_errors_of_its_function(
    check: Check,
) -> None:
    written = with_letters(asynchronous=True)
    (found,) = messages(check, "FCA076", function(written))
    assert "gets no errors of f/LATEST" in found
    assert messages(check, "FCA076", function(written, block=FAILURE)) == []
    assert messages(check, "FCA076", function(with_letters(asynchronous=False))) == []


def test_dead_letters_without_tolerance_are_never_used(check: Check) -> None:
    written = with_letters(asynchronous=False, tolerance="NONE")
    (found,) = messages(check, "FCA076", function(written))
    assert "is never used: errorsTolerance is NONE" in found


@pytest.mark.parametrize(
    ("region", "finds"),
    [("cn-hangzhou", False), ("ap-south-1", True), ("${resources.x.output.y}", False)],
)
def test_task_mode_is_looked_up_by_region(check: Check, region: str, finds: bool) -> None:
    text = function(block="{asyncTask: true}", region=f"'{region}'")
    assert bool(messages(check, "FCA077", text)) is finds


def test_a_type_that_is_not_a_text_is_left_to_other_rules(check: Check) -> None:
    block = "{asyncTask: true}"
    wrong = json.dumps({"triggerName": "t", "triggerType": {"a": 1}})
    assert messages(check, "FCA075", function(wrong, block=block)) == []
    assert len(messages(check, "FCA078", function(wrong, block=block))) == 1


def test_a_list_of_triggers_that_is_none_is_left_to_other_rules(check: Check) -> None:
    text = function().rstrip("\n") + "\n      triggers: {triggerType: timer}\n"
    assert messages(check, "FCA07", text) == []


@pytest.mark.parametrize(
    ("triggers", "notes"),
    [
        ([timer("0 0 4 * * *")], 0),
        ([timer("0 0 4 * * *"), oss("in/")], 1),
        ([], 1),
    ],
)
def test_the_cost_of_task_mode_is_not_said_of_a_function_that_only_timers_invoke(
    check: Check, triggers: list[str], notes: int
) -> None:
    text = function(*triggers, block="{asyncTask: true}")
    assert len(check(text, select=("FCA078",), ignore=())) == notes


@pytest.mark.parametrize(
    ("source", "config", "fix"),
    [
        ("acs:oss:cn-hangzhou:123:Upper_Case", {"events": [UPLOADED]}, "name the bucket: 3 to 63"),
        (BUCKET, {"events": []}, "events are such as oss:ObjectCreated:PutObject"),
        (
            BUCKET,
            {"events": [UPLOADED], "filter": {"key": {"prefix": "/in"}}},
            "prefix and suffix are plain text",
        ),
        (BUCKET, {"events": 7}, "write events, and filter.key with prefix and suffix"),
    ],
)
def test_an_invalid_oss_trigger_is_told_what_to_do_about_the_field_that_is_wrong(
    source: str, config: dict[str, Any], fix: str, check: Check
) -> None:
    [found] = check(function(trigger("oss", config, sourceArn=source)), select=("FCA073",))
    assert found.fix.startswith(fix)
