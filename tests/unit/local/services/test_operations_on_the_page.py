# SPDX-License-Identifier: MIT
"""docs/reference/api-coverage.md names the operations that the services beside FC have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.http.messages import Request
from fc_async_local.services.eventbridge import operations as eventbridge
from fc_async_local.services.eventbridge.endpoint import EventBridgeEndpoint
from fc_async_local.services.mns.endpoint import MnsEndpoint
from fc_async_local.services.oss import operations as oss
from fc_async_local.services.oss.request import SUBRESOURCES, OssRequest
from fc_async_local.services.rocketmq.endpoint import RocketMqEndpoint

PAGE = (Path(__file__).parents[4] / "docs" / "reference" / "api-coverage.md").read_text("utf-8")
ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


def section(service):
    """Return what the page says of one service."""
    return re.split(r"\n##+ ", PAGE.partition(f"\n### Operations of {service}\n")[2])[0]


def refusal(service):
    """Return the status and code with which the page says a service refuses other operations."""
    match = re.search(rf"^\| {service} \| (\d+) `(\w+)` \|$", PAGE, re.MULTILINE)
    assert match
    return int(match[1]), match[2]


def request_of(method, path, query="", **headers):
    sent = {"host": "127.0.0.1:9"} | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    return Request(method, path, query, sent, b"", scope={"headers": []})


def endpoint(service, world):
    if service == "MNS":
        return MnsEndpoint(world.queues, world.clock, None)
    if service == "RocketMQ":
        return RocketMqEndpoint(world.rocketmq, world.clock)
    return EventBridgeEndpoint(world.buses, world.clock)


@pytest.mark.parametrize("service", ["MNS", "RocketMQ"])
def test_the_page_has_the_requests_that_a_service_with_queues_and_topics_answers(play, service):
    async def scene(world):
        return set(endpoint(service, world).operations)

    assert set(ROW.findall(section(service))) == play(scene)


def test_the_page_has_the_requests_that_oss_answers():
    assert set(ROW.findall(section("OSS"))) == set(oss.OPERATIONS)


def test_the_page_has_the_operations_of_eventbridge():
    names = re.findall(r"[A-Z][a-z]+[A-Z]\w+", section("EventBridge"))
    assert names == list(eventbridge.PARAMETERS)


@pytest.mark.parametrize(
    ("service", "request_"),
    [
        ("MNS", request_of("POST", "/queues")),
        ("RocketMQ", request_of("GET", "/topics")),
        ("EventBridge", request_of("POST", "/", x_acs_action="CreateEventStreaming")),
        ("EventBridge", request_of("POST", "/openapi/createConnection")),
    ],
)
def test_another_operation_is_refused_as_the_page_says(play, service, request_):
    async def scene(world):
        return await endpoint(service, world).handle(request_)

    status, code = refusal(service)
    answer = play(scene)
    assert answer.status == status
    assert code in answer.body.decode()


def refused_by_oss(method, query, path="/bucket/key"):
    """Return the error with which a request to OSS is refused before anything is read."""
    try:
        oss.operation_of(OssRequest(request_of(method, path, query)))
    except Rejected as error:
        return error.status, error.code
    return None


def test_another_operation_of_oss_is_refused_as_the_page_says():
    assert refused_by_oss("PATCH", "") == refusal("OSS")


def test_the_page_has_the_parameters_of_operations_that_oss_refuses():
    requests = [
        (method, path)
        for method in ("GET", "PUT", "POST", "DELETE", "HEAD")
        for path in ("/", "/bucket", "/bucket/key")
    ]
    # A parameter of an operation is known together with those that choose the operation, too.
    known = set().union(*(operation.parameters for operation in oss.OPERATIONS.values()))
    known = known.union(*(name.split()[2:] for name in oss.OPERATIONS))
    refused = {
        name
        for name in SUBRESOURCES - known
        if all(refused_by_oss(method, name, path) for method, path in requests)
    }
    sentence = section("OSS").partition("are answered with 501:")[2]
    assert set(re.findall(r"`([^`]+)`", sentence)) == refused
