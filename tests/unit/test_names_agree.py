# SPDX-License-Identifier: MIT
"""A name that one face takes is a name for all: ``init``, ``validate``, runtime and services."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.functions.async_configs import check_config
from fc_async_local.services.common import ProtocolError
from fc_async_local.services.eventbridge import documents as eventbridge
from fc_async_local.services.mns import model as mns
from fc_async_local.services.rocketmq import service as rocketmq
from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules
from fc_async_plugin.scaffold.questions import problem
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Resource(NamedTuple):
    """A resource with a name that a user chooses."""

    arn: str
    question: str
    create: Callable[[str], object]


QUEUE = Resource("acs:mns:::/queues/{}/messages", "failure_queue", mns.check_name)
BUS = Resource(
    "acs:eventbridge:::eventbus/{}",
    "event_bus",
    lambda name: eventbridge.check_name("EventBusName", name),
)
INSTANCE = Resource(
    "acs:mq:::/instances/{}/topic/t",
    "rocketmq_instance",
    lambda name: rocketmq.check_topic(name, "t"),
)
TOPIC = Resource(
    "acs:mq:::/instances/MQ_INST_1/topic/{}",
    "rocketmq_topic",
    lambda name: rocketmq.check_topic("MQ_INST_1", name),
)


def validates(arn: str, folder: Path) -> bool:
    file = folder / "s.yaml"
    file.write_text(
        template(
            f=f"""
                asyncInvokeConfig:
                  destinationConfig: {{onFailure: {{destination: '{arn}'}}}}
            """
        )
    )
    project = s_yaml.load(file, environ={}, account_id="1")
    found = rules.check(rules.Context([project], [], None, None))
    return not any(finding.severity == "error" for finding in found)


def deploys(arn: str) -> bool:
    try:
        check_config({"destinationConfig": {"onFailure": {"destination": arn}}})
    except Rejected:
        return False
    return True


def creates(resource: Resource, name: str) -> bool:
    try:
        resource.create(name)
    except ProtocolError:
        return False
    return True


@pytest.mark.parametrize(
    ("resource", "name", "taken"),
    [
        (QUEUE, "dead-letters", True),
        (QUEUE, "a_b", True),
        (QUEUE, "9x", True),
        (QUEUE, "q" * 256, True),
        (QUEUE, "q" * 257, False),
        (QUEUE, "a.b", False),
        (QUEUE, "_x", False),
        (QUEUE, "a b", False),
        (BUS, "a.b", True),
        (BUS, "a_b", True),
        (BUS, "9", True),
        (BUS, "b" * 127, True),
        (BUS, "b" * 128, False),
        (BUS, "_b", False),
        (BUS, "a%b", False),
        (INSTANCE, "MQ_INST_1-a", True),
        (INSTANCE, "i" * 127, True),
        (INSTANCE, "i.i", False),
        (INSTANCE, "rmq-cn-abc", False),
        (TOPIC, "a%b", True),
        (TOPIC, "t" * 127, True),
        (TOPIC, "t" * 128, False),
        (TOPIC, "t.t", False),
    ],
)
def test_every_face_takes_and_refuses_the_same_names(
    resource: Resource, name: str, taken: bool, tmp_path: Path
) -> None:
    arn = resource.arn.format(name)
    faces = {
        "validate": validates(arn, tmp_path),
        "deploy": deploys(arn),
        "init": not problem(resource.question, name),
        "service": creates(resource, name),
    }
    assert faces == dict.fromkeys(faces, taken)


@pytest.mark.parametrize("name", ["a.b", "_x"])
def test_every_face_says_which_characters_a_queue_name_may_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(ProtocolError) as service:
        mns.check_name(name)
    with pytest.raises(Rejected) as runtime:
        check_config({"destinationConfig": {"onFailure": {"destination": QUEUE.arn.format(name)}}})

    allowed = "1 to 256 letters, digits, '-' and '_', a letter or digit in front"
    for said in (service.value.message, runtime.value.message, problem("failure_queue", name)):
        assert allowed in said
        assert repr(name) in said


def test_init_refuses_the_default_event_bus_with_the_reason() -> None:
    assert problem("event_bus", "default") == (
        "event_bus: the default event bus takes events of cloud services only; "
        "name a custom event bus"
    )
