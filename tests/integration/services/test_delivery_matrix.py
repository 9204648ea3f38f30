# SPDX-License-Identifier: MIT
"""Every kind of destination, every outcome, every way a delivery can go; on virtual time.

The document ends up where a user's consumer reads it, or it is a dead event; the task says so, the
metrics say so, and nothing is told twice.
"""

from __future__ import annotations

import itertools
import json

import pytest

import fc_async_sdk
from fc_async_local._fixture import FailedAttempts
from fc_async_local.domain.faults import DestinationFault
from fc_async_local.domain.invocation import InvokeRequest, Outcome, OutcomeKind, delivery_of
from fc_async_local.embedded import LocalRuntime
from fc_async_local.services.eventbridge.model import Parameter, Rule, Target
from fc_async_local.services.mns.topic import Subscription
from fc_async_local.services.rocketmq.model import ConsumeRequest, handle_of
from fc_async_local.testing import FcLocal
from fc_async_sdk import events
from fc_async_sdk.spec.function_errors import UNHANDLED
from fc_async_tests.metrics import sums

REGION, ACCOUNT = "cn-hangzhou", "1234567890123456"
HALF_AN_HOUR = 1_800
KB = 1_024


class World:
    """A runtime, and for each case a function, a destination and a consumer of its own."""

    def __init__(self, local, handlers):
        self.local = local
        self.handlers = handlers
        self.runtime = local.runtime
        self.services = self.runtime.services
        self.store = self.runtime.store
        self.names = (f"case-{number}" for number in itertools.count())

    def call(self, coroutine):
        return self.local.runtime.call(coroutine)

    def queue_bodies(self, queue):
        found = self.call(self.services.mns.peek(queue, limit=16))
        return [message.body for message in found]


def mns_queue(world, name):
    world.call(world.services.mns.create_queue(name))
    arn = f"acs:mns:{REGION}:{ACCOUNT}:/queues/{name}/messages"
    return arn, lambda: world.queue_bodies(name)


def mns_topic(world, name):
    world.call(world.services.mns.create_queue(name))
    world.call(world.services.topics.documents.ensure_topic(name))
    subscription = Subscription(
        topic=name,
        name="s",
        endpoint=f"acs:mns:{REGION}:{ACCOUNT}:queues/{name}",
        notify_content_format="SIMPLIFIED",
        created_at=0,
        modified_at=0,
    )
    world.call(world.services.topics.documents.subscribe(subscription))
    arn = f"acs:mns:{REGION}:{ACCOUNT}:/topics/{name}/messages"
    return arn, lambda: world.queue_bodies(name)


def function(world, name):
    told = []
    world.local.deploy(f"{name}-told", lambda event, _context: told.append(event))
    arn = f"acs:fc:{REGION}:{ACCOUNT}:functions/{name}-told"
    return arn, lambda: list(told)


def eventbridge(world, name):
    world.call(world.services.mns.create_queue(name))
    world.call(world.services.eventbridge.documents.create_bus(name))
    target = Target(
        id="t",
        type="acs.mns.queue",
        param_list=(Parameter(resource_key="queue", value=name),),
    )
    rule = Rule(
        bus=name,
        name="r",
        pattern='{"source": ["acs:fc"]}',
        targets=(target,),
        created_at=0,
        modified_at=0,
    )
    world.call(world.services.eventbridge.documents.create_rule(rule))
    arn = f"acs:eventbridge:{REGION}:{ACCOUNT}:eventbus/{name}"
    return arn, lambda: world.queue_bodies(name)


def rocketmq(world, name):
    world.call(world.services.rocketmq.create_topic("MQ_INST_1", name))
    arn = f"acs:mq:{REGION}:{ACCOUNT}:/instances/MQ_INST_1/topic/{name}"
    told = []

    def consumed():
        found = world.call(
            world.services.rocketmq.consume("MQ_INST_1", name, "g", ConsumeRequest(limit=16))
        )
        handles = [handle_of(pending) for pending in found]
        world.call(world.services.rocketmq.acknowledge("MQ_INST_1", name, "g", handles))
        told.extend(pending.message.body for pending in found)
        return told

    return arn, consumed


KINDS = {
    "mns-queue": (mns_queue, 48 * KB),
    "mns-topic": (mns_topic, 48 * KB),
    "function": (function, 128 * KB),
    "eventbridge": (eventbridge, 64 * KB),
    "rocketmq": (rocketmq, 4 * KB * KB),
}
OUTCOMES = {
    "success": ("", "Succeeded"),
    "failure": ("UnhandledInvocationError", "Failed"),
    "expired": ("AsyncEventAgeExceeded", "Expired"),
    "stopped": ("AsyncTaskStopped", "Stopped"),
}
COURSES = ("delivered", "4xx", "5xx then well", "5xx for 30 minutes", "over the limit")
CASES = [
    (kind, outcome, course)
    for kind, outcome, course in itertools.product(KINDS, OUTCOMES, COURSES)
    # What never ran has no answer, and 128 KB of request can't fill 4 MB.
    if (kind, course) != ("rocketmq", "over the limit") or outcome in ("success", "failure")
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    handlers = {}
    data = tmp_path_factory.mktemp("matrix")
    with (
        LocalRuntime(
            data=data, port=0, clock="virtual", store="memory", handlers=handlers, grace_ms=1_000
        ) as runtime,
        fc_async_sdk.client(
            region_name=REGION, account_id=ACCOUNT, endpoint_url=runtime.endpoint
        ) as client,
    ):
        yield World(FcLocal(runtime, handlers, client, FailedAttempts()), handlers)


def invoke(world, name, outcome, arn, padding):
    """Bring a function of one destination to one outcome, with that many bytes of payload."""
    answer = "x" * padding

    def handler(_event, _context):
        if outcome != "failure":
            return answer
        # Not a long exception: the runtimes cut the message of an exception, but not a document.
        error = {"errorMessage": answer, "errorType": "ValueError"}
        return Outcome(
            kind=OutcomeKind.FUNCTION_ERROR,
            error_type=UNHANDLED,
            payload=json.dumps(error).encode(),
        )

    world.local.deploy(
        name,
        handler,
        async_config={
            "asyncTask": True,
            "maxAsyncRetryAttempts": 0,
            "maxAsyncEventAgeInSeconds": 10 if outcome == "expired" else 86_400,
            "destinationConfig": {
                "onSuccess": {"destination": arn},
                "onFailure": {"destination": arn},
            },
        },
    )
    ran = outcome in ("success", "failure")
    payload = b"{}" if ran else b"x" * min(padding, 128 * KB)
    delay = 0 if ran else 60
    engine = world.runtime.engine
    accepted = world.call(engine.invoke_async(InvokeRequest(name, payload, delay_seconds=delay)))
    if outcome == "stopped":
        world.call(engine.stop_task(name, accepted.task_id))
    return accepted


def numbers(world, name):
    counted = world.call(sums(world.store))
    metrics = ("FunctionDestinationSucceeded", "FunctionDestinationErrors")
    return tuple(counted.get((metric, name), 0) for metric in metrics)


def set_fault(world, course, arn):
    faults = world.runtime.faults
    faults.clear()
    if course == "4xx":
        faults.add(DestinationFault(destination=arn, status=403))
    elif course == "5xx then well":
        faults.add(DestinationFault(destination=arn, status=500, times=3))
    elif course == "5xx for 30 minutes":
        faults.add(DestinationFault(destination=arn, status=503))


@pytest.mark.parametrize(("kind", "outcome", "course"), CASES)
def test_an_outcome_reaches_its_destination_as_the_course_of_faults_allows(
    world, kind, outcome, course
):
    make, limit = KINDS[kind]
    name = next(world.names)
    arn, told = make(world, name)
    set_fault(world, course, arn)
    padding = limit if course == "over the limit" else 10
    accepted = invoke(world, name, outcome, arn, padding)
    condition, status = OUTCOMES[outcome]

    # An invocation that expires does so when its delay would be over, or its age is.
    world.local.advance(0 if outcome in ("success", "failure", "stopped") else 61)
    early = len(told())
    world.local.advance(3.5)
    in_time = len(told())
    world.local.advance(HALF_AN_HOUR)
    task = world.call(world.store.get(name, accepted.task_id)).invocation
    dead = [
        job
        for job in world.call(world.store.dead_jobs(limit=1_000))
        if delivery_of(job).function == name
    ]
    succeeded = course in ("delivered", "5xx then well")

    assert task.status.value == status
    assert task.destination_status == ("Succeeded" if succeeded else "Failed")
    assert numbers(world, name) == ((1, 0) if succeeded else (0, 1))
    assert len(told()) == in_time == int(succeeded)
    if course == "5xx then well":
        assert early == 0
    if succeeded:
        event = events.parse(told()[0])
        assert (event.request_id, event.function) == (accepted.request_id, name)
        assert event.succeeded is (outcome == "success")
        assert event.condition == condition
        assert dead == []
        return
    (job,) = dead
    expected = {"4xx": "403", "5xx for 30 minutes": "503", "over the limit": "413 EntityTooLarge"}
    assert job.error.startswith(expected[course])
    assert job.tries == (13 if course == "5xx for 30 minutes" else 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_delivery_has_the_id_that_the_destination_gave(world, kind):
    name = next(world.names)
    arn, _ = KINDS[kind][0](world, name)
    world.runtime.faults.clear()
    accepted = invoke(world, name, "success", arn, 1)
    world.local.run_until_idle()
    notes = world.call(world.store.notes(accepted.request_id))
    (tried,) = [note.detail for note in notes if note.kind == "delivery"]
    assert tried.get("reference")
