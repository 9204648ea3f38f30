# SPDX-License-Identifier: MIT
"""Buses, rules and pushes on virtual time."""

from __future__ import annotations

import base64
import json
import re
from itertools import pairwise

import pytest

from fc_async_local.domain import json_input
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import EVENT_PUSH, OutcomeKind, delivery_of
from fc_async_local.services.delivery import PostFailed
from fc_async_local.services.eventbridge import model
from fc_async_local.services.eventbridge.model import (
    DeadLetterQueue,
    EventBridgeError,
    Parameter,
    Rule,
    Target,
)

URL = "http://127.0.0.1:9/hook"


def event(**fields):
    made = {"id": "1", "source": "test", "type": "t", "specversion": "1.0", "data": {"n": 1}}
    return {name: model.raw(value) for name, value in (made | fields).items() if value is not None}


def constant(key, value):
    return Parameter(resource_key=key, form="CONSTANT", value=value)


def target(kind="http", *parameters, endpoint=URL, **fields):
    return Target(id="t", type=kind, endpoint=endpoint, param_list=parameters, **fields)


async def set_up(world, *targets, pattern="{}", bus="bus"):
    await world.buses.documents.create_bus(bus)
    await world.buses.documents.create_rule(
        Rule(bus=bus, name="rule", pattern=pattern, targets=targets, created_at=0, modified_at=0)
    )


async def put(world, *batch, bus="bus"):
    entries = await world.buses.put_events(batch or [event()], bus=bus)
    await world.clock.advance(0)
    return entries


def test_an_event_gets_what_the_bus_adds(play):
    async def scene(world):
        await set_up(world, target())
        await put(world)
        return json.loads(world.poster.posts[0][2])

    told = play(scene)
    assert told == {
        "id": "1",
        "source": "test",
        "type": "t",
        "specversion": "1.0",
        "data": {"n": 1},
        "datacontenttype": "application/json",
        "time": "2023-11-14T22:13:20.000Z",
        "aliyunaccountid": "42",
        "aliyunpublishtime": "2023-11-14T22:13:20.000Z",
        "aliyuneventbusname": "bus",
        "aliyunregionid": "cn-hangzhou",
        "aliyunpublishaddr": "127.0.0.1",
    }


def test_only_rules_that_want_it_are_told(play):
    async def scene(world):
        await set_up(world, target(), pattern='{"data": {"n": [{"numeric": [">", 1]}]}}')
        await put(world, event(data={"n": 1}), event(data={"n": 2}))
        return [json.loads(text)["data"]["n"] for _, _, text, _ in world.poster.posts]

    assert play(scene) == [2]


def test_a_disabled_rule_is_not_told(play):
    async def scene(world):
        await set_up(world, target())
        rule = world.buses.documents.rule("bus", "rule")
        await world.buses.documents.change_rule(
            Rule(**{**{f: getattr(rule, f) for f in rule.__struct_fields__}, "status": "DISABLE"})
        )
        await put(world)
        return world.poster.posts

    assert play(scene) == []


def test_numbers_reach_the_pattern_as_they_were_written(play):
    async def scene(world):
        await set_up(world, target(), pattern='{"data": {"n": [300]}}')
        raw = model.read_batch(
            b'[{"id":"1","source":"s","type":"t","specversion":"1.0","data":{"n":3.0e2}}]'
        )
        await put(world, *raw)
        return world.poster.posts

    assert play(scene) == []


def test_base64_data_as_deep_as_json_may_be_is_pushed(play):
    async def scene(world):
        await set_up(world, target(), pattern='{"source": ["test"]}')
        deepest = b"[" * json_input.MAX_DEPTH + b"]" * json_input.MAX_DEPTH
        await put(world, event(data=None, data_base64=base64.b64encode(deepest).decode()))
        return world.poster.posts

    assert len(play(scene)) == 1


def test_json_that_a_client_sent_as_base64_is_seen_by_patterns(play):
    async def scene(world):
        await set_up(world, target(), pattern='{"data": {"n": [1]}}')
        await put(world, event(data=None, data_base64=base64.b64encode(b'{"n": 1}').decode()))
        return json.loads(world.poster.posts[0][2])

    told = play(scene)
    assert told["data"] == {"n": 1}
    assert "data_base64" not in told


def test_bytes_stay_bytes(play):
    async def scene(world):
        await set_up(world, target())
        await put(world, event(data=None, data_base64="/w=="))
        return json.loads(world.poster.posts[0][2])["data_base64"]

    assert play(scene) == "/w=="


@pytest.mark.parametrize("url", ["http://[::1", "http://", "http://a b", "ftp://a", "http://a:x"])
def test_an_http_target_whose_address_is_no_url_is_refused(play, url):
    async def scene(world):
        with pytest.raises(EventBridgeError, match="is not an http"):
            await set_up(world, target("http", constant("url", url), endpoint=""))

    play(scene)


def test_an_http_target_gets_its_token_and_its_body(play):
    async def scene(world):
        body = Parameter(resource_key="Body", form="JSONPATH", value="$.data.n")
        await set_up(
            world, target("http", constant("url", URL), body, constant("Token", "s3"), endpoint="")
        )
        await put(world)
        return world.poster.posts

    ((_, url, text, headers),) = play(scene)
    assert (url, text, headers["x-eventbridge-signature-token"]) == (URL, "1", "s3")


@pytest.mark.parametrize(
    ("encoded", "expected"), [(None, "MQ=="), ("true", "MQ=="), ("false", "1")]
)
def test_a_queue_target_encodes_base64_unless_turned_off(play, encoded, expected):
    async def scene(world):
        await world.queues.create_queue("q")
        parameters = [
            constant("queue", "q"),
            Parameter(resource_key="Body", form="JSONPATH", value="$.data.n"),
        ]
        if encoded is not None:
            parameters.append(constant("IsBase64Encode", encoded))
        await set_up(world, target("acs.mns.queue", *parameters))
        await put(world)
        return await world.bodies()

    assert play(scene) == [expected]


def test_a_rocketmq_target_publishes_with_tag_key_and_properties(play):
    async def scene(world):
        await world.rocketmq.create_topic("MQ_INST_1", "topic")
        await set_up(
            world,
            target(
                "acs.rocketmq",
                constant("InstanceId", "MQ_INST_1"),
                constant("Topic", "topic"),
                constant("Body", "x"),
                constant("Tags", "tag"),
                constant("Keys", "key"),
                constant("Properties", '{"a": "1"}'),
            ),
        )
        await put(world)
        (found,) = await world.rocketmq.consume("MQ_INST_1", "topic", "g")
        return found.message

    message = play(scene)
    assert (message.body, message.tag, message.properties) == ("x", "tag", "KEYS:key|a:1|")


@pytest.mark.parametrize(("kind", "how"), [("", "async"), ("Async", "async"), ("Sync", "sync")])
def test_a_function_target_is_invoked(play, kind, how):
    async def scene(world):
        parameters = [constant("functionName", "f"), constant("Body", "x")]
        if kind:
            parameters += [constant("InvocationType", kind), constant("Qualifier", "prod")]
        await set_up(world, target("acs.fc.function", *parameters))
        await put(world)
        return world.invoker.calls

    assert play(scene) == [(how, "f", "prod" if kind else "LATEST", b"x")]


def fail_http(world):
    world.poster.answers = [503] * 999
    return target()


def fail_no_answer(world):
    world.poster.answers = [PostFailed("down")] * 999
    return target()


def fail_queue(_world):
    return target("acs.mns.queue", constant("queue", "none"))


def fail_topic(_world):
    return target("acs.rocketmq", constant("InstanceId", "i"), constant("Topic", "none"))


def fail_rejected(world):
    world.invoker.refusal = Rejected(404, "FunctionNotFound", "no f")
    return target("acs.fc.function", constant("functionName", "f"))


def fail_function(world):
    world.invoker.kind = OutcomeKind.FUNCTION_ERROR
    return target(
        "acs.fc.function", constant("functionName", "f"), constant("InvocationType", "Sync")
    )


FAILURES = [fail_http, fail_no_answer, fail_queue, fail_topic, fail_rejected, fail_function]


@pytest.mark.parametrize("fail", FAILURES)
def test_an_event_that_cannot_be_pushed_goes_to_the_dead_letter_queue(play, fail):
    async def scene(world):
        await world.queues.create_queue("dead")
        letters = DeadLetterQueue(arn="acs:mns:cn-hangzhou:42:/queues/dead/messages")
        failing = fail(world)
        await set_up(
            world,
            Target(
                id="t",
                type=failing.type,
                endpoint=failing.endpoint,
                param_list=failing.param_list,
                dead_letter_queue=letters,
            ),
        )
        await put(world)
        due = world.jobs.next_job_due
        before = await world.bodies("dead"), await due(EVENT_PUSH) is not None
        await world.clock.advance(61_000)
        return before, await world.bodies("dead"), await due(EVENT_PUSH)

    before, bodies, due = play(scene)
    assert before == ([], True)
    assert [json.loads(body)["id"] for body in bodies] == ["1"]
    assert due is None


@pytest.mark.parametrize(
    "letters",
    [
        "acs:mq:cn-hangzhou:42:/instances/MQ_INST_1/topic/dead",
        "acs:eventbridge:cn-hangzhou:42:eventbus/dead",
    ],
)
def test_dead_letters_may_go_to_a_topic_or_a_bus(play, letters):
    async def scene(world):
        await world.rocketmq.create_topic("MQ_INST_1", "dead")
        await world.queues.create_queue("q")
        await set_up(world, target("acs.mns.queue", constant("queue", "q")), bus="dead")
        queue = DeadLetterQueue(arn=letters)
        await set_up(
            world, target("acs.mns.queue", constant("queue", "none"), dead_letter_queue=queue)
        )
        await put(world)
        await world.clock.advance(61_000)
        found = await world.rocketmq.consume("MQ_INST_1", "dead", "g")
        return len(found) + len(await world.bodies("q"))

    assert play(scene) == 1


def test_without_a_dead_letter_queue_it_becomes_a_dead_event(play):
    async def scene(world):
        await set_up(world, fail_http(world))
        await put(world)
        await world.clock.advance(61_000)
        return await world.jobs.dead_jobs()

    (job,) = play(scene)
    event = delivery_of(job)
    assert event.destination == URL
    assert job.error.endswith(f"{URL} answered 503")
    assert json.loads(event.document)["source"]


def test_a_dead_event_can_be_named_in_a_url_whatever_its_target_is_called(play):
    async def scene(world):
        world.poster.answers = [503] * 9
        await set_up(world, Target(id="a/b c?", type="http", endpoint=URL))
        await put(world)
        await world.clock.advance(61_000)
        return await world.jobs.dead_jobs()

    (job,) = play(scene)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", job.key)


def test_targets_whose_ids_look_alike_have_a_dead_event_each(play):
    async def scene(world):
        world.poster.answers = [503] * 9
        targets = [Target(id=name, type="http", endpoint=URL) for name in ("a b", "a-b")]
        await set_up(world, *targets)
        await put(world)
        await world.clock.advance(61_000)
        return await world.jobs.dead_jobs()

    assert len(play(scene)) == 2


def test_an_event_whose_dead_letter_queue_is_missing_becomes_a_dead_event(play):
    async def scene(world):
        queue = DeadLetterQueue(arn="acs:mns:cn-hangzhou:42:/queues/none/messages")
        world.poster.answers = [500] * 9
        await set_up(world, target(dead_letter_queue=queue))
        await put(world)
        await world.clock.advance(61_000)
        return await world.jobs.dead_jobs()

    (job,) = play(scene)
    assert "the dead-letter queue acs:mns" in job.error


def test_exponential_decay_goes_on_for_a_day(play):
    async def scene(world):
        world.poster.answers = [503] * 999
        await set_up(world, target(push_retry_strategy="EXPONENTIAL_DECAY_RETRY"))
        await put(world)
        await world.clock.advance(2 * 86_400_000)
        return [(later[0] - earlier[0]) / 1_000 for earlier, later in pairwise(world.poster.posts)]

    waits = play(scene)
    assert waits[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert len(waits) == 176


def test_events_are_pushed_after_a_restart(play):
    async def scene(world):
        world.poster.answers = [503]
        await set_up(world, target())
        await put(world)
        await world.close()
        await world.open()
        await world.clock.advance(21_000)
        return len(world.poster.posts)

    assert play(scene) == 2


def test_a_rule_that_is_gone_pushes_nothing_more(play):
    async def scene(world):
        world.poster.answers = [503]
        await set_up(world, target())
        await put(world)
        await world.buses.documents.delete_rule("bus", "rule")
        await world.clock.advance(61_000)
        return len(world.poster.posts)

    assert play(scene) == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (event(id=None), "InvalidEvent"),
        (event(id=5), "InvalidEvent"),
        (event(source=""), "InvalidEvent"),
        (event(specversion="0.3"), "InvalidEvent"),
        (event(subject="s" * 513), "InvalidEvent"),
        (event(data="x" * 262_144), "EntityTooLarge"),
    ],
)
def test_one_bad_event_is_refused_and_the_others_are_taken(play, wrong, code):
    async def scene(world):
        await set_up(world, target())
        entries = await put(world, wrong, event(id="good"))
        return [entry.error_code for entry in entries], len(world.poster.posts)

    assert play(scene) == ([code, ""], 1)


def test_an_event_for_a_missing_bus_is_refused(play):
    async def scene(world):
        await world.buses.documents.create_bus("bus")
        batch = [event(aliyuneventbusname="bus"), event(aliyuneventbusname="none"), event()]
        return await world.buses.put_events(batch)

    codes = [entry.error_code for entry in play(scene)]
    assert codes == ["", "EventBusNotExist", "EventBusNotExist"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda buses: buses.documents.create_bus("bus"), "EventBusAlreadyExist"),
        (lambda buses: buses.documents.create_bus("default"), "InvalidArgument"),
        (lambda buses: buses.documents.create_bus("a/b"), "InvalidArgument"),
        (lambda buses: buses.documents.create_bus("b" * 128), "InvalidArgument"),
        (lambda buses: buses.documents.delete_bus("none"), "EventBusNotExist"),
        (lambda buses: buses.documents.delete_rule("bus", "none"), "EventRuleNotExisted"),
        (lambda buses: buses.put_events([], bus="bus"), "InvalidArgument"),
        (lambda buses: buses.put_events([event()] * 17, bus="bus"), "InvalidArgument"),
        (
            lambda buses: buses.put_events([event(data="x" * 200_000)] * 6, bus="bus"),
            "EntityTooLarge",
        ),
    ],
)
def test_invalid_eventbridge_requests_are_refused_by_code(play, call, code):
    async def scene(world):
        await world.buses.documents.create_bus("bus")
        with pytest.raises(EventBridgeError) as caught:
            await call(world.buses)
        return caught.value.code

    assert play(scene) == code


@pytest.mark.parametrize(
    ("targets", "pattern", "code"),
    [
        ([target("acs.dingtalk")], "{}", "InvalidArgument"),
        ([target("acs.fc.function")], "{}", "InvalidArgument"),
        ([target("http", endpoint="ftp://127.0.0.1")], "{}", "InvalidArgument"),
        ([target()] * 6, "{}", "QuotaExceeded"),
        ([target()], '{"colour": ["red"]}', "InvalidEventPattern"),
        (
            [target("http", Parameter(resource_key="Body", form="JSONPATH", value="x"))],
            "{}",
            "InvalidArgument",
        ),
    ],
)
def test_a_rule_that_could_never_work_is_refused(play, targets, pattern, code):
    async def scene(world):
        with pytest.raises(EventBridgeError) as caught:
            await set_up(world, *targets, pattern=pattern)
        return caught.value.code

    assert play(scene) == code


def test_an_account_has_no_more_than_its_quota(play):
    async def scene(world):
        for number in range(50):
            await world.buses.documents.create_bus(f"bus-{number}")
        with pytest.raises(EventBridgeError, match="QuotaExceeded"):
            await world.buses.documents.create_bus("one-more")

    play(scene)
