# SPDX-License-Identifier: MIT
"""A kind of destination is one record and one adapter: a kind that is added here works everywhere.

The steps of CONTRIBUTING.md, "Add a kind of destination", with logstores of Log Service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from fc_async_local.bootstrap import services
from fc_async_local.destinations.adapter import ChannelAdapter, Entry, ShownMessage
from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.domain.errors import Rejected
from fc_async_local.settings import DestinationSettings, Settings
from fc_async_plugin import s_yaml
from fc_async_plugin.check import permissions, rules
from fc_async_plugin.check.rules import json_schema
from fc_async_sdk.spec import arn, destinations
from fc_async_sdk.spec.graph import Node
from fc_async_tests import runtime_requests as requests
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

ARN = "acs:log:::project/audit/logstore/orders"
ROLE = "acs:ram::1:role/sender"
NAME = destinations.NameRule("logstore name", "[a-z-]+", 63, "lower-case letters and '-'")
RECORD = destinations.Record(
    label="logstore",
    service="log",
    form="project/{project}/logstore/{logstore}",
    read=r"project/(?P<project>[^/]+)/logstore/(?P<logstore>[^/]+)",
    names={"project": NAME._replace(of="project name"), "logstore": NAME},
    payload_bytes=2_048,
    action="log:PostLogStoreLogs",
)


class LogstoreArn(arn.Arn, frozen=True, kw_only=True):
    kind = "logstore"
    payload_limit = RECORD.payload_bytes

    project: str
    logstore: str


class LogstoreDestination(ChannelAdapter):
    kind = "logstore"
    channel = "logstore"
    form = "a log"
    logs: ClassVar[dict[str, list[str]]] = {}

    def encode(self, document, delivery, now):
        return document.decode(), len(document)

    async def create(self, target):
        self.logs.setdefault(target.logstore, [])

    async def hand_over(self, target, event, delivery):
        if target.logstore not in self.logs:
            raise Rejected(404, "LogStoreNotExist", "create it")
        self.logs[target.logstore].append(event)
        return DeliveryResult(200)

    async def entries(self):
        return [Entry(name, "audit", len(logs)) for name, logs in self.logs.items()]

    async def peek(self, target):
        return [ShownMessage(str(at), at, log) for at, log in enumerate(self.logs[target.logstore])]

    async def send(self, target, body, *, tag, keys):
        self.logs[target.logstore].append(body)
        return str(len(self.logs[target.logstore]) - 1)

    async def purge(self, target):
        number = len(self.logs[target.logstore])
        self.logs[target.logstore].clear()
        return number


@pytest.fixture(autouse=True)
def _kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the kind."""
    channels = services.channels_of
    monkeypatch.setitem(destinations.KINDS, "logstore", RECORD)
    monkeypatch.setitem(arn.CLASSES, "logstore", LogstoreArn)
    monkeypatch.setattr(LogstoreDestination, "logs", {})
    monkeypatch.setattr(
        services,
        "channels_of",
        lambda protocols, settings: (*channels(protocols, settings), LogstoreDestination(settings)),
    )


@pytest.fixture
def fc_local_settings(_kind: None) -> Settings:
    return Settings(destinations=DestinationSettings(create_missing=True))


def project(folder: Path, destination: str) -> s_yaml.Project:
    (folder / "s.yaml").write_text(
        template(
            orders=f"""
                role: {ROLE}
                asyncInvokeConfig:
                  destinationConfig: {{onFailure: {{destination: '{destination}'}}}}
            """
        )
    )
    return s_yaml.load(folder / "s.yaml", environ={}, account_id="1")


def deploy(fc_local: FcLocal, handler: object) -> None:
    config = {"asyncTask": True, "destinationConfig": {"onSuccess": {"destination": ARN}}}
    fc_local.deploy("orders", handler, async_config=config)


def delivered(fc_local: FcLocal) -> str | None:
    task_id = fc_local.client.invoke_async("orders", {}).task_id
    fc_local.advance(1)
    return fc_local.client.get_async_task("orders", task_id).destination_status


@pytest.mark.parametrize(("name", "errors"), [("orders", []), ("Orders", ["FCA020"])])
def test_validate_takes_its_arn_and_checks_the_name(
    tmp_path: Path, name: str, errors: list[str]
) -> None:
    context = rules.Context([project(tmp_path, ARN.replace("orders", name))], [], None, None)
    found = [one for one in rules.check(context) if one.severity == "error"]
    assert [one.rule for one in found] == errors
    assert all("logstore name 'Orders': 1 to 63 lower-case letters" in one.message for one in found)


def test_the_schema_of_templates_offers_it() -> None:
    destination = json_schema.schema()["definitions"]["destination"]["properties"]["destination"]
    example = "acs:log:cn-hangzhou::project/my-project/logstore/my-logstore"
    assert example in destination["examples"]
    assert arn.parse(example).region == "cn-hangzhou"
    assert "or logstore" in destination["description"]
    assert "|log|" in destination["pattern"]


def test_the_policy_of_a_role_allows_it(tmp_path: Path) -> None:
    (needed,) = permissions.needed(project(tmp_path, ARN))
    resource = "acs:log:cn-hangzhou:1:project/audit/logstore/orders"
    assert ("log:PostLogStoreLogs", resource) in needed.permissions


def test_the_graph_labels_it() -> None:
    assert Node.of(arn.parse(ARN)).label == "logstore audit/orders"


def test_events_arrive_and_the_admin_api_shows_and_purges_them(fc_local: FcLocal) -> None:
    deploy(fc_local, lambda *_: "done")
    assert delivered(fc_local) == "Succeeded"

    channels = f"{fc_local.endpoint}/_local/channels"
    messages = f"{channels}/logstore/messages?name=orders&instance=audit"
    listed = requests.get(channels, timeout=10).json()["channels"]
    assert [(one["kind"], one["name"], one["messages"]) for one in listed] == [
        ("logstore", "orders", 1)
    ]
    (message,) = requests.get(messages, timeout=10).json()["messages"]
    assert message["summary"]["function"] == "orders"
    requests.post(messages, json={"body": "x"}, timeout=10).raise_for_status()
    assert requests.delete(messages, timeout=10).json() == {"purged": 2}


def test_an_event_over_its_limit_is_refused(fc_local: FcLocal) -> None:
    deploy(fc_local, lambda *_: "x" * 2_048)
    assert delivered(fc_local) == "Failed"


def test_it_fails_on_purpose(fc_local: FcLocal) -> None:
    deploy(fc_local, lambda *_: "done")
    fc_local.fail_destination("logstore", status=403)
    assert delivered(fc_local) == "Failed"
    fc_local.heal_destinations()
    assert delivered(fc_local) == "Succeeded"
