# SPDX-License-Identifier: MIT
"""Whatever a client sends to any service, the answer is not a fault of the server.

``FC_ASYNC_FUZZ_REQUESTS`` sets how many mutated requests are sent (``make fuzz``: 100,000) and
``FC_ASYNC_FUZZ_SEED`` repeats a run.
"""

from __future__ import annotations

import base64
import collections
import json
import logging
import os
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_sdk.errors import shorten
from fc_async_tests import code, fuzz
from fc_async_tests.fuzz import VERSION, Case, Mutator, Wire, fc, rpc, xml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CAPTURES = Path(__file__).parents[2] / "captures"
FC_CAPTURES = Path(__file__).parents[2] / "unit" / "sdk" / "captures"
REQUESTS = int(os.environ.get("FC_ASYNC_FUZZ_REQUESTS", "1500"))
SEED = int(os.environ.get("FC_ASYNC_FUZZ_SEED", "1"))
FUNCTIONS = f"{VERSION}/functions"
ORDERS = f"{FUNCTIONS}/orders"
CODE = {"zipFile": base64.b64encode(code.archive()).decode()}
EVENT = {
    "id": "1",
    "source": "acs.demo",
    "specversion": "1.0",
    "type": "demo:t",
    "datacontenttype": "application/json",
    "subject": "acs:fc:cn:1:functions/f",
    "time": "2026-11-24T00:00:00.000Z",
    "data": {"a": [1, {"b": "c"}]},
    "aliyuneventbusname": "bus",
}
RPC_EVENT = {"Id": "2", "Source": "s", "Type": "t", "SpecVersion": "1.0", "Data": '{"x": 1}'}
TARGETS = [
    {
        "Id": "t1",
        "Type": "acs.mns.queue",
        "Endpoint": "acs:mns:cn-hangzhou:123:queues/q",
        "PushRetryStrategy": "BACKOFF_RETRY",
        "ParamList": [
            {"ResourceKey": "queue", "Form": "CONSTANT", "Value": "q"},
            {
                "ResourceKey": "Body",
                "Form": "TEMPLATE",
                "Value": '{"a": "$.data.a[0]"}',
                "Template": "x ${a}",
            },
        ],
    },
    {
        "Id": "t2",
        "Type": "acs.fc.function",
        "ParamList": [
            {"ResourceKey": "functionName", "Form": "CONSTANT", "Value": "orders"},
            {"ResourceKey": "Body", "Form": "JSONPATH", "Value": "$.data"},
        ],
    },
    {
        "Id": "t3",
        "Type": "http",
        "ParamList": [
            {"ResourceKey": "url", "Form": "CONSTANT", "Value": "http://localhost:9/x"},
            {"ResourceKey": "Body", "Form": "ORIGINAL"},
        ],
    },
]
PATTERN = {
    "source": ["acs.demo", {"prefix": "acs."}],
    "data": {"a": [{"numeric": [">", 0, "<=", 5]}, {"anything-but": ["x"]}, {"exists": True}]},
}
FUNCTION: dict[str, Any] = {
    "functionName": "orders",
    "runtime": "python3.10",
    "handler": "index.handler",
    "code": CODE,
    "timeout": 3,
    "memorySize": 512,
    "cpu": 0.35,
    "diskSize": 512,
    "description": "d",
    "environmentVariables": {"A": "b"},
    "instanceConcurrency": 1,
    "role": "acs:ram::123:role/r",
    "layers": [],
    "internetAccess": True,
    "tags": [{"Key": "k", "Value": "v"}],
    "logConfig": {"project": "p", "logstore": "l"},
    "instanceLifecycleConfig": {"initializer": {"handler": "index.init", "timeout": 3}},
}
CUSTOM = FUNCTION | {
    "functionName": "web",
    "runtime": "custom.debian12",
    "customRuntimeConfig": {
        "command": ["python"],
        "args": ["app.py"],
        "port": 9000,
        "healthCheckConfig": {"httpGetUrl": "/", "periodSeconds": 3},
    },
}
ASYNC_CONFIG = {
    "asyncTask": True,
    "maxAsyncRetryAttempts": 1,
    "maxAsyncEventAgeInSeconds": 3600,
    "destinationConfig": {
        "onSuccess": {"destination": "acs:mns:cn-hangzhou:1234567890123456:/queues/q/messages"},
        "onFailure": {"destination": "acs:eventbridge:::eventbus/bus"},
    },
}
QUEUE = (
    "<Queue><VisibilityTimeout>30</VisibilityTimeout><MaximumMessageSize>65536</MaximumMessageSize>"
    "<MessageRetentionPeriod>3600</MessageRetentionPeriod><DelaySeconds>0</DelaySeconds>"
    "<PollingWaitSeconds>0</PollingWaitSeconds><LoggingEnabled>False</LoggingEnabled></Queue>"
)
MESSAGE = (
    "<Message><MessageBody>eA==</MessageBody><DelaySeconds>0</DelaySeconds><Priority>8</Priority>"
    "<MessageGroupId>g</MessageGroupId><UserProperties><PropertyValue><Name>n</Name>"
    "<Value>v</Value><Type>STRING</Type></PropertyValue></UserProperties></Message>"
)
SUBSCRIPTION = (
    "<Subscription><Endpoint>acs:mns:cn-hangzhou:1:queues/q</Endpoint><NotifyStrategy>BACKOFF_RETRY"
    "</NotifyStrategy><NotifyContentFormat>JSON</NotifyContentFormat><FilterTag>x</FilterTag>"
    "</Subscription>"
)
NS = "ns=MQ_INST_1"
MAKING = [
    fc("POST", FUNCTIONS, FUNCTION),
    fc("POST", FUNCTIONS, CUSTOM),
    fc("PUT", ORDERS, {"description": "e", "code": CODE, "memorySize": 1024}),
    fc("POST", f"{ORDERS}/versions", {"description": "first"}),
    fc("POST", f"{ORDERS}/versions", {"description": "second"}),
    fc(
        "POST",
        f"{ORDERS}/aliases",
        {"aliasName": "prod", "versionId": "1", "additionalVersionWeight": {"2": 0.5}},
    ),
    fc("PUT", f"{ORDERS}/aliases/prod", {"versionId": "2", "description": "x"}),
    xml("mns", "PUT", "/queues/q", QUEUE),
    xml("mns", "PUT", "/queues/q?metaoverride=true", QUEUE),
    xml("mns", "PUT", "/topics/t", "<Topic><MaximumMessageSize>65536</MaximumMessageSize></Topic>"),
    xml(
        "mns",
        "PUT",
        "/topics/t?metaoverride=true",
        "<Topic><LoggingEnabled>True</LoggingEnabled></Topic>",
    ),
    xml("mns", "PUT", "/topics/t/subscriptions/s", SUBSCRIPTION),
    xml("mns", "PUT", "/topics/t/subscriptions/s?metaoverride=true", SUBSCRIPTION),
    xml("rocketmq", "PUT", f"/topics/t?{NS}"),
    rpc("CreateEventBus", EventBusName="bus", Description="d"),
    rpc(
        "CreateRule",
        EventBusName="bus",
        RuleName="r",
        FilterPattern=PATTERN,
        Status="ENABLE",
        EventTargets=TARGETS,
    ),
    fc("PUT", f"{ORDERS}/async-invoke-config", ASYNC_CONFIG),
    fc("PUT", f"{ORDERS}/async-invoke-config?qualifier=prod", ASYNC_CONFIG),
    fc(
        "POST",
        f"{ORDERS}/triggers",
        {
            "triggerName": "bus-trigger",
            "triggerType": "eventbridge",
            "triggerConfig": json.dumps(
                {
                    "triggerEnable": True,
                    "asyncInvocationType": True,
                    "eventSourceConfig": {"eventSourceType": "Default"},
                    "eventRuleFilterPattern": '{"source": ["a"]}',
                }
            ),
            "sourceArn": "",
            "qualifier": "LATEST",
        },
    ),
    fc(
        "POST",
        f"{ORDERS}/triggers",
        {
            "triggerName": "topic-trigger",
            "triggerType": "mns_topic",
            "triggerConfig": '{"notifyContentFormat": "JSON", "notifyStrategy": "BACKOFF_RETRY"}',
            "sourceArn": "acs:mns:cn-hangzhou:1234567890123456:/topics/t",
        },
    ),
    *(
        fc(
            "POST",
            f"{FUNCTIONS}/{name}/triggers",
            {
                "triggerName": "http-trigger",
                "triggerType": "http",
                "triggerConfig": '{"authType": "anonymous", "methods": ["GET", "POST", "HEAD"]}',
            },
        )
        for name in ("orders", "web")
    ),
    fc("PUT", f"{ORDERS}/triggers/topic-trigger", {"triggerConfig": '{"filterTag": "x"}'}),
    fc("PUT", f"{ORDERS}/concurrency", {"reservedConcurrency": 5}),
    fc("PUT", f"{ORDERS}/provision-config?qualifier=prod", {"target": 1, "scheduledActions": []}),
    fc("PUT", f"{ORDERS}/scaling-config?qualifier=prod", {"minInstances": 1}),
    fc("POST", f"{ORDERS}/vpc-bindings", {"vpcId": "vpc-1"}),
    fc(
        "POST",
        f"{VERSION}/tags-v2",
        {
            "ResourceType": "function",
            "ResourceId": ["orders"],
            "Tag": [{"Key": "a", "Value": "b"}],
        },
    ),
]
USING = [
    fc("GET", f"{FUNCTIONS}?limit=1&prefix=&tags=%5B%7B%22Key%22%3A%22k%22%7D%5D"),
    fc("GET", f"{FUNCTIONS}?limit=1&fcVersion=v3&runtime=python3.10"),
    fc("GET", f"{ORDERS}?qualifier=prod"),
    fc("GET", f"{ORDERS}/code?qualifier=1"),
    fc("POST", f"{ORDERS}/invoke/disable", {"reason": "x", "abortOngoingRequest": True}),
    fc("POST", f"{ORDERS}/invoke/enable"),
    fc("GET", "/_local/code/orders/LATEST"),
    fc("GET", f"{ORDERS}/versions?direction=FORWARD&limit=1"),
    fc("GET", f"{ORDERS}/aliases?limit=1&prefix=p"),
    fc("GET", f"{ORDERS}/aliases/prod"),
    fc("GET", f"{ORDERS}/async-invoke-config?qualifier=LATEST"),
    fc("GET", f"{VERSION}/async-invoke-configs?limit=1&functionName=orders"),
    fc("GET", f"{ORDERS}/triggers?limit=1&prefix="),
    fc("GET", f"{ORDERS}/triggers/topic-trigger"),
    fc("GET", f"{ORDERS}/concurrency"),
    fc("GET", f"{VERSION}/concurrency-configs?limit=1"),
    fc("GET", f"{ORDERS}/provision-config?qualifier=prod"),
    fc("GET", f"{VERSION}/provision-configs?functionName=orders"),
    fc("GET", f"{ORDERS}/scaling-config?qualifier=prod"),
    fc("GET", f"{VERSION}/scaling-configs?functionName=orders"),
    fc("GET", f"{ORDERS}/vpc-bindings"),
    fc("GET", f"{VERSION}/tags-v2?ResourceType=function&Limit=1&ResourceId=%5B%22orders%22%5D"),
    fc("POST", f"{ORDERS}/invocations?qualifier=LATEST", b"x", x_fc_log_type="Tail"),
    fc(
        "POST",
        f"{ORDERS}/invocations?qualifier=prod",
        b"x",
        x_fc_invocation_type="Async",
        x_fc_async_task_id="one",
        x_fc_async_delay="3000",
    ),
    fc("POST", f"{ORDERS}/invocations", b"\xff", x_fc_invocation_type="Async"),
    fc("GET", f"{ORDERS}/async-tasks?limit=1&includePayload=True&status=Running,Succeeded"),
    fc("GET", f"{ORDERS}/async-tasks?sortOrderByTime=asc&startedTimeBegin=1&startedTimeEnd=9"),
    fc("GET", f"{ORDERS}/async-tasks/one?qualifier=prod"),
    *(
        request
        for name in ("orders", "web")
        for request in (
            fc("GET", f"/_http/{name}/http-trigger/a%20b?x=1&x=2", origin="http://localhost:1"),
            fc("POST", f"/_http/{name}/http-trigger", b"\xff", content_type="text/plain"),
            fc(
                "POST",
                f"/_http/{name}/http-trigger/later",
                b"x",
                x_fc_invocation_type="Async",
                x_fc_async_delay="3000",
            ),
            fc("HEAD", f"/_http/{name}/http-trigger", x_fc_log_type="Tail"),
        )
    ),
    fc("GET", "/_local/health"),
    fc("GET", "/_local/settings"),
    fc("GET", "/_local/stats"),
    fc("GET", "/_local/metrics?function=orders&start=1"),
    fc("GET", "/metrics"),
    fc("GET", "/_local/tasks?limit=1&function=orders&status=Enqueued"),
    fc("GET", "/_local/tasks/orders/one"),
    fc("POST", "/_local/tasks/orders/one/run-now"),
    fc(
        "POST",
        f"{ORDERS}/invocations",
        b"x",
        x_fc_invocation_type="Async",
        x_fc_async_task_id="two",
        x_fc_async_delay="3000",
    ),
    fc("POST", "/_local/tasks/orders/two/stop"),
    fc(
        "POST",
        f"{ORDERS}/invocations",
        b"x",
        x_fc_invocation_type="Async",
        x_fc_async_task_id="three",
        x_fc_async_delay="3000",
    ),
    fc("PUT", f"{ORDERS}/async-tasks/three/stop?qualifier=LATEST"),
    fc("GET", "/_local/functions"),
    fc("GET", "/_local/graph"),
    fc("POST", "/_local/functions/orders/invoke", {"payload": "p", "type": "Sync"}),
    fc(
        "POST",
        "/_local/functions/orders/invoke",
        {"payload": "p", "qualifier": "prod", "delay": 10, "taskId": "four", "type": "Async"},
    ),
    fc("POST", "/_local/faults", {"destination": "mns-queue", "status": 400, "times": 1}),
    fc("GET", "/_local/faults"),
    fc("POST", f"{ORDERS}/invocations", b"dead", x_fc_invocation_type="Async"),
    fc("POST", "/_local/clock/advance", {"seconds": 20}),
    fc("POST", "/_local/clock/run-until-idle"),
    fc("GET", "/_local/clock"),
    fc("GET", "/_local/deliveries/dead"),
    fc("POST", "/_local/deliveries/dead/{dead}/redrive"),
    fc("POST", "/_local/deliveries/dead/redrive"),
    fc("DELETE", "/_local/deliveries/dead"),
    fc("POST", "/_local/faults", {"destination": "*", "timeout": True, "seconds": 1.5}),
    fc("DELETE", "/_local/faults/{fault}"),
    fc("DELETE", "/_local/faults"),
    fc("GET", "/console"),
    fc("GET", "/2016-08-15/tempBucketToken"),
    fc("PUT", "/123/{object}", code.archive(), x_oss_security_token="{token}"),
    xml("mns", "GET", "/queues"),
    xml("mns", "GET", "/queues/q"),
    xml("mns", "POST", "/queues/q/messages", MESSAGE),
    xml("mns", "POST", "/queues/q/messages", f"<Messages>{MESSAGE}{MESSAGE}</Messages>"),
    xml("mns", "GET", "/queues/q/messages?peekonly=true"),
    xml("mns", "GET", "/queues/q/messages?peekonly=true&numOfMessages=16"),
    xml("mns", "GET", "/queues/q/messages?waitseconds=0"),
    xml("mns", "PUT", "/queues/q/messages?ReceiptHandle={handle}&VisibilityTimeout=60"),
    xml("mns", "DELETE", "/queues/q/messages?ReceiptHandle={handle}"),
    xml("mns", "GET", "/queues/q/messages?numOfMessages=1&waitseconds=0"),
    xml(
        "mns",
        "DELETE",
        "/queues/q/messages",
        "<ReceiptHandles><ReceiptHandle>{handle}</ReceiptHandle></ReceiptHandles>",
    ),
    xml("mns", "GET", "/topics"),
    xml("mns", "GET", "/topics/t"),
    xml("mns", "GET", "/topics/t/subscriptions"),
    xml("mns", "GET", "/topics/t/subscriptions/s"),
    xml(
        "mns",
        "POST",
        "/topics/t/messages",
        "<Message><MessageBody>b</MessageBody><MessageTag>x</MessageTag></Message>",
    ),
    xml(
        "rocketmq",
        "POST",
        f"/topics/t/messages?{NS}",
        "<Message><MessageBody>b</MessageBody><Properties>KEYS:1|a:b|</Properties>"
        "<MessageTag>x</MessageTag></Message>",
    ),
    xml("rocketmq", "GET", f"/topics/t/messages?consumer=GID_a&numOfMessages=16&{NS}&tag=x"),
    xml(
        "rocketmq",
        "DELETE",
        f"/topics/t/messages?consumer=GID_a&{NS}",
        "<ReceiptHandles><ReceiptHandle>{handle}</ReceiptHandle></ReceiptHandles>",
    ),
    xml("rocketmq", "GET", "/topics/t/messages?consumer=GID_b&ns=MQ_INST_1&trans=order"),
    rpc("GetEventBus", EventBusName="bus"),
    rpc("UpdateEventBus", EventBusName="bus", Description="x"),
    rpc("ListEventBuses", NamePrefix="b", Limit="1"),
    rpc("GetRule", EventBusName="bus", RuleName="r"),
    rpc("UpdateRule", EventBusName="bus", RuleName="r", FilterPattern=PATTERN, Status="ENABLE"),
    rpc("DisableRule", EventBusName="bus", RuleName="r"),
    rpc("EnableRule", EventBusName="bus", RuleName="r"),
    rpc("ListRules", EventBusName="bus", RuleNamePrefix="r", Limit="1"),
    rpc("PutTargets", EventBusName="bus", RuleName="r", Targets=TARGETS[:1]),
    rpc("CreateTargets", EventBusName="bus", RuleName="r", Targets=TARGETS[1:]),
    rpc("ListTargets", EventBusName="bus", RuleName="r"),
    rpc("DeleteTargets", EventBusName="bus", RuleName="r", TargetIds=["t3"]),
    rpc("TestEventPattern", {"EventPattern": PATTERN, "Event": EVENT}),
    rpc("PutEvents", {"EventBusName": "bus", "EventList": [RPC_EVENT, RPC_EVENT]}),
    Case(
        "eventbridge",
        "POST",
        "/openapi/putEvents",
        fc("POST", "", [EVENT, EVENT | {"data": None, "data_base64": "e30="}]).body,
        (("content-type", "application/cloudevents-batch+json; charset=utf-8"),),
    ),
    Case("eventbridge", "POST", "/openapi/getEventBus", b'{"EventBusName": "bus"}'),
    Case(
        "eventbridge",
        "POST",
        "/openapi/testEventPattern",
        fc("POST", "", {"EventPattern": PATTERN, "Event": EVENT}).body,
    ),
]
UNMAKING = [
    rpc("DeleteRule", EventBusName="bus", RuleName="r"),
    rpc("DeleteEventBus", EventBusName="bus"),
    xml("rocketmq", "DELETE", f"/topics/t?{NS}"),
    xml("mns", "DELETE", "/topics/t/subscriptions/s"),
    xml("mns", "DELETE", "/topics/t"),
    xml("mns", "DELETE", "/queues/q"),
    fc("DELETE", f"{VERSION}/tags-v2?ResourceType=function&ResourceId=%5B%22orders%22%5D&All=true"),
    fc("DELETE", f"{ORDERS}/vpc-bindings/vpc-1"),
    fc("DELETE", f"{ORDERS}/scaling-config?qualifier=prod"),
    fc("DELETE", f"{ORDERS}/provision-config?qualifier=prod"),
    fc("DELETE", f"{ORDERS}/concurrency"),
    fc("DELETE", f"{ORDERS}/triggers/topic-trigger"),
    fc("DELETE", f"{ORDERS}/async-invoke-config?qualifier=prod"),
    fc("DELETE", f"{ORDERS}/aliases/prod"),
    fc("DELETE", f"{ORDERS}/versions/1"),
    fc("DELETE", f"{FUNCTIONS}/web"),
    fc("DELETE", ORDERS),
]
FOUND = {
    "handle": re.compile(rb"<ReceiptHandle>([^<]+)<"),
    "dead": re.compile(rb'"deliveries":\[\{"requestId":"([^"]+)"'),
    "fault": re.compile(rb'"fault":\{"id":(\d+)'),
    "object": re.compile(rb'"objectName":"([^"]+)"'),
    "token": re.compile(rb'"SecurityToken":"([^"]+)"'),
    "next": re.compile(rb'"[nN]extToken": ?"([^"]+)"'),
}


class Clients:
    """One connection to each service, and what their answers gave out."""

    def __init__(self, runtime: LocalRuntime) -> None:
        places = runtime.addresses
        self._let_in = ("Authorization", f"Bearer {runtime.token}")
        self._wires = {
            "fc": Wire(places.fc),
            "mns": Wire(places.mns),
            "rocketmq": Wire(places.rocketmq),
            "eventbridge": Wire(places.eventbridge),
        }
        self._found = dict.fromkeys(FOUND, "")
        self.mutator = Mutator(random.Random(SEED))

    def filled(self, case: Case) -> Case:
        """A case whose ``{name}`` are what the last answer with such a thing said."""

        def fill(text: str) -> str:
            for name, value in self._found.items():
                text = text.replace(f"{{{name}}}", value)
            return text

        return case._replace(
            target=fill(case.target),
            body=fill(case.body.decode("latin-1")).encode("latin-1"),
            headers=tuple((name, fill(value)) for name, value in case.headers),
        )

    def send(self, case: Case) -> fuzz.Answered:
        """Send it, and remember what the answer gives out."""
        if case.target.startswith(("/_local", "/metrics", "/console")):
            case = case._replace(headers=(*case.headers, self._let_in))
        answer = self._wires[case.service].send(case)
        for name, pattern in FOUND.items():
            found = pattern.search(answer.body)
            if found and found[1].isascii():
                self._found[name] = found[1].decode()
                if len(self.mutator.tokens) < 500:
                    self.mutator.tokens.append(found[1].decode())
        return answer

    def close(self) -> None:
        for wire in self._wires.values():
            wire.close()


def echo(event: bytes, _attempt: object) -> bytes:
    if event == b"raise":
        raise ValueError("as asked")
    return event


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def clients(
    request: pytest.FixtureRequest, tmp_path: Path, empty_postgres: Callable[[], str]
) -> Iterator[Clients]:
    store = empty_postgres() if request.param == "postgresql" else request.param
    handlers: Any = collections.defaultdict(lambda: echo, {"orders": echo, "web": echo})
    with LocalRuntime(
        data=tmp_path / "d",
        port=0,
        store=store,
        clock="virtual",
        handlers=handlers,
        settings=Settings.of(task_retention_ms=3_600_000),
    ) as runtime:
        connected = Clients(runtime)
        yield connected
        connected.close()


def test_every_request_that_is_mutated_is_valid_itself(clients: Clients) -> None:
    for case in (*MAKING, *USING, *UNMAKING):
        filled = clients.filled(case)
        answer = clients.send(filled)
        assert 200 <= answer.status < 300, (filled, answer)


DEEP = fuzz.DEEP.encode()
DEEP_EVENT = (
    b'[{"id":"1","source":"s","type":"t","specversion":"1.0","aliyuneventbusname":"bus",%b}]'
)
LONG = "9" * 5_000
"""More digits than Python's int() reads."""
SURROGATE = b'"\\ud800"'


@pytest.mark.parametrize(
    "case",
    [
        fc("POST", FUNCTIONS, DEEP),
        fc("POST", FUNCTIONS, b'{"functionName": "f", "logConfig": %b}' % DEEP),
        fc("POST", f"{ORDERS}/triggers", {"triggerName": "t", "triggerType": ["timer"]}),
        fc("POST", f"{ORDERS}/triggers", {"triggerName": "t", "triggerType": {"a": 1}}),
        fc(
            "POST",
            f"{ORDERS}/triggers",
            {"triggerName": "t", "triggerType": "timer", "triggerConfig": fuzz.DEEP},
        ),
        fc("PUT", ORDERS, b'{"description": %b}' % SURROGATE),
        fc("GET", f"{FUNCTIONS}?tags={fuzz.DEEP}"),
        fc("GET", f"{FUNCTIONS}?tags=%22%5Cud800%22"),
        fc("GET", f"{VERSION}/tags-v2?ResourceType=function&ResourceId={fuzz.DEEP}"),
        fc("GET", f"{VERSION}/tags-v2?ResourceType=function&ResourceId=%5B%22%5Cud800%22%5D"),
        fc("POST", "/_local/functions/orders/invoke", b'{"payload": %b}' % SURROGATE),
        fc("POST", "/_local/faults", DEEP),
        fc("POST", "/_local/faults", b'{"seconds": 1e308}'),
        fc("POST", FUNCTIONS, FUNCTION | {"functionName": "f", "cpu": 1e308}),
        fc("POST", FUNCTIONS, FUNCTION | {"functionName": "f", "cpu": -1e308}),
        rpc("PutEvents", {"EventBusName": "bus", "EventList": fuzz.DEEP}),
        rpc("PutTargets", EventBusName="bus", RuleName="r", Targets=fuzz.DEEP),
        rpc("TestEventPattern", {"EventPattern": PATTERN, "Event": f'{{"data": {fuzz.DEEP}}}'}),
        rpc("TestEventPattern", {"EventPattern": f'{{"data": {fuzz.DEEP}}}', "Event": EVENT}),
        Case("eventbridge", "POST", "/openapi/putEvents", DEEP_EVENT % (b'"data":' + DEEP)),
        Case("eventbridge", "POST", "/openapi/putEvents", DEEP_EVENT % (b'"data":' + SURROGATE)),
        Case("eventbridge", "POST", "/openapi/getEventBus", DEEP),
        Case("eventbridge", "POST", "/openapi/getEventBus", b'{"EventBusName": %b}' % SURROGATE),
        Case("eventbridge", "POST", "/openapi/createRule", b'{"FilterPattern": %b}' % DEEP),
        xml("mns", "PUT", "/queues/q", "<Queue>" + "<a>" * 20_000),
        xml(
            "rocketmq",
            "POST",
            f"/topics/t/messages?{NS}",
            f"<Message><MessageBody>b</MessageBody><Properties>__STARTDELIVERTIME:{LONG}|</Properties>"
            "</Message>",
        ),
        rpc("ListRules", EventBusName="bus", Limit=LONG),
    ],
    ids=lambda case: f"{case.service}-{case.target[:40]}",
)
@pytest.mark.parametrize("clients", ["memory"], indirect=True)
def test_json_that_no_part_of_the_runtime_can_use_is_400(clients: Clients, case: Case) -> None:
    for made in MAKING:
        clients.send(made)
    answer = clients.send(case)
    assert (answer.status, fuzz.fault_in(answer)) == (400, "")


@pytest.mark.parametrize("clients", ["memory"], indirect=True)
def test_numbers_with_thousands_of_digits_are_no_fault(clients: Clients) -> None:
    cases = [
        fc("PUT", f"/{LONG}/object"),
        fc("DELETE", f"/_local/faults/{LONG}"),
        fc("GET", f"{FUNCTIONS}?limit={LONG}"),
        xml("mns", "GET", "/queues")._replace(headers=(("x-mns-ret-number", LONG),)),
        xml("mns", "GET", f"/queues/q/messages?numOfMessages={LONG}"),
    ]
    assert [fuzz.fault_in(clients.send(case)) for case in cases] == [""] * len(cases)


@pytest.mark.parametrize("clients", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "case",
    [
        fc("GET", f"{FUNCTIONS}/%00/async-tasks/one"),
        fc("GET", f"{ORDERS}/async-tasks/%00"),
        fc("PUT", f"{ORDERS}/async-tasks/%00/stop"),
        fc("GET", f"{ORDERS}/async-tasks?prefix=%00"),
        fc("GET", "/_local/tasks?function=%00"),
        fc("GET", "/_local/metrics?function=%00"),
        fc("GET", f"{ORDERS}/async-tasks?nextToken=dGFza3M6MToA"),
        fc("GET", f"{ORDERS}/async-tasks?nextToken=dGFza3M6TVRvQQ"),
    ],
    ids=lambda case: case.target[-40:],
)
def test_a_nul_in_a_name_is_400_on_postgresql_too(clients: Clients, case: Case) -> None:
    for made in MAKING:
        clients.send(made)
    answer = clients.send(case)
    assert (answer.status, fuzz.fault_in(answer)) == (400, "")


LISTS = (
    *(FUNCTIONS, f"{ORDERS}/versions", f"{ORDERS}/aliases", f"{ORDERS}/triggers"),
    *(f"{ORDERS}/async-tasks", "/_local/tasks", f"{VERSION}/async-invoke-configs"),
    *(f"{VERSION}/concurrency-configs", f"{VERSION}/provision-configs"),
    *(f"{VERSION}/scaling-configs", f"{VERSION}/tags-v2"),
)


def asking(path: str, **query: str) -> str:
    """Return the path of a list with a query; the lists of tags spell it with capitals."""
    if path.endswith("/tags-v2"):
        query = {name[0].upper() + name[1:]: value for name, value in query.items()}
    return f"{path}?{urlencode(query)}"


@pytest.mark.parametrize("clients", ["memory"], indirect=True)
def test_the_token_of_one_list_is_refused_by_every_other(clients: Clients) -> None:
    for made in MAKING:
        clients.send(made)
    for _ in range(2):
        clients.send(fc("POST", f"{ORDERS}/invocations", b"", x_fc_invocation_type="Async"))
        clients.send(fc("POST", f"{ORDERS}/aliases", {"aliasName": "beta", "versionId": "1"}))
    tokens = {}
    for path in LISTS:
        first = json.loads(clients.send(fc("GET", asking(path, limit="1"))).body)
        token = first.get("nextToken") or first.get("NextToken")
        if token:
            tokens[path] = token
    assert len(tokens) >= 7
    for path in LISTS:
        for source, token in tokens.items():
            answer = clients.send(fc("GET", asking(path, nextToken=token)))
            same = path == source or {path, source} == {f"{ORDERS}/async-tasks", "/_local/tasks"}
            assert answer.status == (200 if same else 400), (path, source, answer)


@pytest.mark.slow
def test_no_request_gets_a_fault_of_the_server_as_answer(
    clients: Clients, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    recorded = [
        *(fuzz.captured("fc", FC_CAPTURES)),
        *(fuzz.captured("mns", CAPTURES / "mns")),
        *(fuzz.captured("rocketmq", CAPTURES / "rocketmq")),
        *(fuzz.captured("eventbridge", CAPTURES / "eventbridge")),
    ]
    cases = [*MAKING, *USING, *UNMAKING, *recorded]
    dice = random.Random(SEED)
    faults: dict[tuple[str, str], Case] = {}
    for number in range(REQUESTS):
        if number % 300 == 0:
            for case in MAKING:
                clients.send(clients.filled(case))
        case = clients.mutator.mutate(clients.filled(dice.choice(cases)))
        try:
            reason = fuzz.fault_in(clients.send(case))
        except TimeoutError:
            reason = "" if fuzz.may_wait(case) else "no answer came"
        if reason:
            faults.setdefault((reason, f"{case.service} {case.method} {case.target[:60]}"), case)
    traces = [
        f"{record.getMessage()}\n{record.exc_text or record.exc_info}"
        for record in caplog.records
        if record.exc_info or record.name in {"asyncio", "fc_async_local.http.connections"}
    ]
    told = "\n".join(f"{key}: {shorten(case)}" for key, case in list(faults.items())[:20])
    assert not faults, f"{len(faults)} kinds of faults, seed {SEED}:\n{told}\n{traces[:5]}"
    assert not traces, traces[:5]
