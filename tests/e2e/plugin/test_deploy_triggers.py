# SPDX-License-Identifier: MIT
"""--with-functions deploys triggers and concurrency, and names what it leaves out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.e2e.plugin.conftest import Ran

DEPLOY = ("deploy", "-y", "--with-functions")
PLAN = ("plan", "--with-functions")
ROLE = "acs:ram::1234567890123456:role/events"
HTTP = {
    "triggerName": "form",
    "triggerType": "http",
    "triggerConfig": {"authType": "anonymous", "methods": ["GET", "POST"]},
}
TIMER = {
    "triggerName": "nightly",
    "triggerType": "timer",
    "triggerConfig": {"cronExpression": "@every 60m", "enable": True, "payload": "go"},
}
OSS = {
    "triggerName": "uploads",
    "triggerType": "oss",
    "sourceArn": "acs:oss:cn-hangzhou:1234567890123456:pictures",
    "invocationRole": ROLE,
    "triggerConfig": {
        "events": ["oss:ObjectCreated:PutObject"],
        "filter": {"key": {"prefix": "in/", "suffix": ".png"}},
    },
}
TOPIC = {
    "triggerName": "news",
    "triggerType": "mns_topic",
    "sourceArn": "acs:mns:cn-hangzhou:1234567890123456:/topics/news",
    "invocationRole": ROLE,
    "triggerConfig": {"notifyContentFormat": "JSON", "notifyStrategy": "BACKOFF_RETRY"},
}
QUEUE = {
    "triggerName": "jobs",
    "triggerType": "eventbridge",
    "triggerConfig": {
        "triggerEnable": True,
        "asyncInvocationType": True,
        "eventRuleFilterPattern": "{}",
        "eventSourceConfig": {
            "eventSourceType": "MNS",
            "eventSourceParameters": {
                "sourceMNSParameters": {"RegionId": "cn-hangzhou", "QueueName": "jobs"}
            },
        },
        "eventSinkConfig": {"deliveryOption": {"eventSchema": "CloudEvents"}},
        "runOptions": {"mode": "event-driven", "errorsTolerance": "ALL"},
    },
}
EVERY = [HTTP, TIMER, OSS, TOPIC, QUEUE]


@pytest.fixture
def write(project: Path) -> Callable[..., None]:
    """Writes s.yaml with one function, ``orders``."""

    def write(triggers: list[dict[str, Any]] | None = None, **more: Any) -> None:
        props = {
            "asyncInvokeConfig": {"asyncTask": True},
            **({"triggers": triggers} if triggers is not None else {}),
            **more,
        }
        (project / "s.yaml").write_text(template(orders=props))

    return write


def triggers(fc_local: FcLocal) -> dict[str, Any]:
    found = fc_local.client.list_triggers("orders").triggers
    return {one.trigger_name: one for one in found}


def test_triggers_of_every_kind_are_deployed_once(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write(EVERY)
    assert fc_async(*DEPLOY).code == 0
    made = triggers(fc_local)
    for one in EVERY:
        there = made[one["triggerName"]]
        assert there.trigger_type == one["triggerType"]
        assert json.loads(there.trigger_config) == one["triggerConfig"]
        assert there.source_arn == one.get("sourceArn")
        assert there.qualifier == "LATEST"
    planned = fc_async(*PLAN)
    assert planned.code == 0
    assert planned.out == (
        f"Nothing to do: the runtime at {fc_local.endpoint} has what the template says.\n"
        "Not looked for: queue jobs, topic news; --create-missing looks, and makes what is "
        "missing.\n"
    )


def test_the_form_answers_and_the_timer_fires_after_a_deployment(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write([HTTP, TIMER])
    assert fc_async(*DEPLOY).code == 0
    url = triggers(fc_local)["form"].http_trigger["urlInternet"]
    assert requests.get(url, timeout=10).status_code == 200
    fc_local.advance(3_600)
    assert len(fc_local.client.list_async_tasks("orders").tasks) == 1


def test_a_changed_trigger_is_updated_and_one_of_another_type_is_made_anew(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write([TIMER, HTTP])
    fc_async(*DEPLOY)
    silent = TIMER | {"triggerConfig": TIMER["triggerConfig"] | {"enable": False}}
    write([silent, OSS | {"triggerName": "form"}])
    planned = fc_async(*PLAN, "-o", "json")
    assert [(one["action"], one["qualifier"]) for one in json.loads(planned.out)["steps"]] == [
        ("delete", "form"),
        ("create", "form"),
        ("update", "nightly"),
    ]
    assert fc_async(*DEPLOY).code == 0
    made = triggers(fc_local)
    assert made["form"].trigger_type == "oss"
    assert json.loads(made["nightly"].trigger_config)["enable"] is False


def test_a_trigger_that_left_the_template_is_named_and_goes_with_prune(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write([TIMER], concurrencyConfig={"reservedConcurrency": 5})
    fc_async(*DEPLOY)
    write()
    planned = fc_async(*PLAN)
    assert planned.code == 0
    assert "- trigger orders/nightly (cn-hangzhou)" in planned.out
    assert "- concurrency orders (cn-hangzhou)" in planned.out
    assert fc_async(*DEPLOY, "--prune").code == 0
    assert triggers(fc_local) == {}
    assert fc_local.client.list_concurrency_configs("orders").configs == ()


def test_a_trigger_that_is_refused_undoes_everything(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write([TIMER, HTTP], concurrencyConfig={"reservedConcurrency": 5})
    fc_async(*DEPLOY)
    before = triggers(fc_local)["nightly"].trigger_config
    changed = TIMER | {"triggerConfig": {"cronExpression": "@every 5m", "enable": True}}
    second = HTTP | {"triggerName": "second"}
    write([changed, HTTP, second], concurrencyConfig={"reservedConcurrency": 7})
    failed = fc_async(*DEPLOY, "--skip-validation")
    assert failed.code == 1
    assert "Nothing was changed" in failed.err
    assert triggers(fc_local)["nightly"].trigger_config == before
    assert set(triggers(fc_local)) == {"form", "nightly"}
    [config] = fc_local.client.list_concurrency_configs("orders").configs
    assert config.reserved_concurrency == 5


def test_role_and_logs_and_concurrency_are_deployed_as_written(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    logs = {"project": "p", "logstore": "l", "enableRequestMetrics": True}
    write(role=ROLE, logConfig=logs, concurrencyConfig={"reservedConcurrency": 5})
    assert fc_async(*DEPLOY).code == 0
    function = fc_local.client.get_function("orders")
    assert (function.role, function.log_config) == (ROLE, logs)
    [config] = fc_local.client.list_concurrency_configs("orders").configs
    assert config.reserved_concurrency == 5
    assert fc_async(*PLAN).code == 0


def test_an_alias_that_only_a_trigger_names_is_made(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write([TIMER | {"qualifier": "prod"}])
    assert fc_async(*DEPLOY).code == 0
    assert [one.alias_name for one in fc_local.client.list_aliases("orders").aliases] == ["prod"]
    assert triggers(fc_local)["nightly"].qualifier == "prod"


@pytest.mark.parametrize("command", [PLAN, DEPLOY], ids=["plan", "deploy"])
def test_what_is_not_deployed_is_named(
    fc_async: Callable[..., Ran],
    fc_local: FcLocal,
    write: Callable[..., None],
    command: tuple[str, ...],
) -> None:
    write(customDomain={"domainName": "auto"}, provisionConfig={"defaultTarget": 1})
    fc_async(*DEPLOY)
    said = fc_async(*command).out
    assert "not deployed by fc-async: customDomain of orders (use s deploy)\n" in said
    assert "not deployed by fc-async: provisionConfig of orders (use s deploy)\n" in said
    rest = "has the rest of what the template says.\n"
    assert f"Nothing to do: the runtime at {fc_local.endpoint} {rest}" in said


def test_tokens_of_a_trigger_are_neither_shown_nor_in_a_plan_file(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None], project: Path
) -> None:
    tokens = {"tokens": [{"enable": True, "tokenName": "a", "tokenData": "secret" * 8}]}
    config = {"authType": "anonymous", "methods": ["GET"], "authConfig": tokens}
    write([HTTP | {"triggerConfig": config}])
    planned = fc_async(*PLAN, "--out", "plan.json")
    assert planned.code == 2
    assert "secretsecret" not in planned.said + (project / "plan.json").read_text()
    assert fc_async("deploy", "-y", "--from-plan", "plan.json").code == 0
    assert json.loads(triggers(fc_local)["form"].trigger_config)["authConfig"] == tokens


def test_a_plan_is_refused_when_a_trigger_changed_since(
    fc_async: Callable[..., Ran], fc_local: FcLocal, write: Callable[..., None]
) -> None:
    write([TIMER])
    fc_async(*DEPLOY)
    write([TIMER | {"description": "new"}])
    fc_async(*PLAN, "--out", "plan.json")
    fc_local.client.delete_trigger("orders", "nightly")
    refused = fc_async("deploy", "-y", "--from-plan", "plan.json")
    assert refused.code == 1
    assert "the account changed since the plan was made" in refused.err
