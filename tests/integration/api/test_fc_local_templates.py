# SPDX-License-Identifier: MIT
"""``fc_local.deploy_template``: a project's own s.yaml on the runtime of a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.errors import FcAsyncError
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

TEMPLATE = template(
    "access: default",
    "vars: {region: cn-shanghai}",
    take="""
        region: ${vars.region}
        functionName: shop-take
        handler: index.take
        asyncInvokeConfig:
          asyncTask: true
          maxAsyncRetryAttempts: 1
          destinationConfig:
            onSuccess: {destination: "acs:fc:${vars.region}::functions/shop-pack"}
            onFailure: {destination: "acs:mns:${vars.region}::/queues/shop-failures/messages"}
    """,
    pack="""
        region: ${vars.region}
        functionName: shop-pack
        handler: index.pack
        asyncInvokeConfig: {asyncTask: true}
    """,
)
CODE = """\
import json


def take(event, context):
    order = json.loads(event)
    return {"packed": order["id"]}


def pack(event, context):
    return json.loads(event)["responsePayload"]
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text(CODE)
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    return tmp_path


def test_the_functions_of_a_template_run_with_their_configuration(fc_local: FcLocal) -> None:
    assert fc_local.deploy_template("s.yaml") == ("shop-take", "shop-pack")

    fc_local.client.invoke_async("shop-take", {"id": 7}, task_id="order-7")
    fc_local.run_until_idle()

    [packed] = fc_local.client.list_async_tasks("shop-pack").tasks
    result = fc_local.client.get_async_task("shop-pack", packed.task_id).return_payload
    assert result is not None
    assert json.loads(result) == {"packed": 7}


def test_a_function_calls_another_at_the_url_that_is_its_output(
    fc_local: FcLocal, project: Path
) -> None:
    trigger = (
        "{triggerName: t, triggerType: http, triggerConfig: {methods: [GET], authType: anonymous}}"
    )
    url = "'${resources.pack.output.url.system_url}'"
    (project / "s.yaml").write_text(
        TEMPLATE.replace(
            "code: ./code\n", f"code: ./code\n      environmentVariables: {{URL: {url}}}\n", 1
        )
        + f"      triggers: [{trigger}]\n"
    )
    (project / "code" / "index.py").write_text(
        "import os, urllib.request\n\n"
        "def take(event, context):\n"
        "    return urllib.request.urlopen(os.environ['URL'] + '/a').read()\n\n"
        "def pack(event, context):\n"
        "    return 'packed'\n"
    )
    fc_local.deploy_template("s.yaml")

    assert fc_local.client.invoke("shop-take").payload == b"packed"


def test_the_queues_that_destinations_name_are_made(fc_local: FcLocal) -> None:
    fc_local.deploy_template("s.yaml")

    fc_local.client.invoke_async("shop-take", {"no": "id"})
    fc_local.run_until_idle()

    event = fc_local.receive("shop-failures")
    assert event is not None
    assert event.attempts == 2


def test_deploying_a_changed_template_again_applies_the_difference(
    fc_local: FcLocal, project: Path
) -> None:
    fc_local.deploy_template("s.yaml")
    (project / "s.yaml").write_text(TEMPLATE.replace("RetryAttempts: 1", "RetryAttempts: 3"))
    fc_local.deploy_template("s.yaml")

    config = fc_local.client.get_async_invoke_config("shop-take")
    assert config.max_async_retry_attempts == 3


def test_a_handler_of_the_test_stands_in_for_one_resource(fc_local: FcLocal) -> None:
    seen = []
    fc_local.deploy_template("s.yaml", handlers={"pack": lambda event, _: seen.append(event)})

    fc_local.client.invoke_async("shop-take", {"id": 7})
    fc_local.run_until_idle()

    assert len(seen) == 1
    fc_local.deploy_template("s.yaml")
    fc_local.client.invoke_async("shop-take", {"id": 8})
    fc_local.run_until_idle()
    assert len(seen) == 1


def test_a_handler_for_a_resource_that_the_template_lacks_is_refused(fc_local: FcLocal) -> None:
    with pytest.raises(ValueError, match=r"s\.yaml has no function 'pakc': did you mean 'pack'"):
        fc_local.deploy_template("s.yaml", handlers={"pakc": lambda *_: None})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("maxAsyncRetryAttempts: 1", "maxAsyncRetryAttempt: 1", "FCA010"),
        ("maxAsyncRetryAttempts: 1", "maxAsyncRetryAttempts: 9", "FCA012"),
        ("functions/shop-pack", "functions/shop-take", "FCA030"),
        ("resources:", "resources: [", "s.yaml"),
        ("code: ./code", "code: ./nowhere", "nowhere"),
    ],
)
def test_a_template_with_an_error_is_refused_and_nothing_is_deployed(
    old: str, new: str, message: str, fc_local: FcLocal, project: Path
) -> None:
    (project / "s.yaml").write_text(TEMPLATE.replace(old, new))
    with pytest.raises(FcAsyncError, match=message):
        fc_local.deploy_template("s.yaml")
    assert fc_local.client.list_functions().functions == ()


def test_an_environment_of_env_yaml_is_applied(fc_local: FcLocal, project: Path) -> None:
    (project / "env.yaml").write_text(
        "environments:\n"
        "  - name: patient\n"
        "    overlays:\n"
        "      resources:\n"
        "        take: {asyncInvokeConfig: {maxAsyncRetryAttempts: 5}}\n"
    )
    (project / "s.yaml").write_text(TEMPLATE.replace("name: shop\n", "name: shop\nenv: env.yaml\n"))
    fc_local.deploy_template("s.yaml", env="patient")

    config = fc_local.client.get_async_invoke_config("shop-take")
    assert config.max_async_retry_attempts == 5


def test_a_deployment_leaves_no_file_in_the_project(fc_local: FcLocal, project: Path) -> None:
    before = {path.name for path in project.iterdir()}
    fc_local.deploy_template("s.yaml")
    assert {path.name for path in project.iterdir()} == before


TRIGGERS = """\
      triggers:
        - triggerName: nightly
          triggerType: timer
          triggerConfig: {cronExpression: '@every 1h', enable: true, payload: first}
        - triggerName: upload
          triggerType: oss
          sourceArn: acs:oss:cn-shanghai:1:orders
          triggerConfig:
            events: ['oss:ObjectCreated:*']
            filter: {key: {prefix: in/, suffix: ''}}
"""


def test_the_triggers_of_a_template_fire(fc_local: FcLocal, project: Path) -> None:
    seen: list[dict[str, object]] = []
    handlers = {"pack": lambda event, _: seen.append(json.loads(event))}
    (project / "s.yaml").write_text(TEMPLATE + TRIGGERS)
    fc_local.deploy_template(handlers=handlers)
    fc_local.advance(1_800)
    fc_local.deploy_template(handlers=handlers)  # changes nothing: the interval goes on
    fc_local.advance(1_800)
    assert [event["payload"] for event in seen] == ["first"]
    assert len(fc_local.send_oss_event("orders", "in/1.json")) == 1


def test_a_changed_trigger_of_a_template_is_changed(fc_local: FcLocal, project: Path) -> None:
    seen: list[dict[str, object]] = []
    handlers = {"pack": lambda event, _: seen.append(json.loads(event))}
    (project / "s.yaml").write_text(TEMPLATE + TRIGGERS)
    fc_local.deploy_template(handlers=handlers)
    moved = TRIGGERS.replace("first", "second").replace(":orders", ":invoices")
    (project / "s.yaml").write_text(TEMPLATE + moved)
    fc_local.deploy_template(handlers=handlers)
    fc_local.advance(3_600)
    assert [event["payload"] for event in seen] == ["second"]
    assert fc_local.send_oss_event("orders", "in/1.json") == []
    assert len(fc_local.send_oss_event("invoices", "in/1.json")) == 1


def test_a_trigger_that_the_runtime_refuses_is_an_error(fc_local: FcLocal, project: Path) -> None:
    second = TRIGGERS.replace("triggerName: nightly", "triggerName: 1a")
    (project / "s.yaml").write_text(TEMPLATE + second)
    with pytest.raises(FcAsyncError, match=r"trigger shop-pack/1a .*1a"):
        fc_local.deploy_template()


def test_a_variable_without_a_value_is_a_warning_of_the_test(
    fc_local: FcLocal, tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir(exist_ok=True)
    (tmp_path / "code" / "index.py").write_text(
        "import os\n\n\ndef take(event, context):\n    return sorted(os.environ)\n\n\npack = take\n"
    )
    variables = "      environmentVariables: {KEPT: yes, SECRET: \"${env('SHOP_SECRET')}\"}\n"
    (tmp_path / "s.yaml").write_text(TEMPLATE + variables)
    with pytest.warns(UserWarning, match="SHOP_SECRET"):
        fc_local.deploy_template(tmp_path)
    names = json.loads(fc_local.client.invoke("shop-pack").payload)
    assert "KEPT" in names
    assert "SECRET" not in names
