# SPDX-License-Identifier: MIT
"""A template of edition 1.0.0, for FC 2.0, is looked at, and run on this machine."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules
from fc_async_plugin.check.graph import build
from fc_async_plugin.project import attached
from fc_async_plugin.s_yaml.model import desired, makes_function

if TYPE_CHECKING:
    from pathlib import Path

SHOP = """\
edition: 1.0.0
name: shop
vars:
  region: cn-hangzhou
  service:
    name: shop
    role: acs:ram::123456789012:role/shop
services:
  orders:
    component: fc
    props:
      region: ${vars.region}
      service: ${vars.service}
      function:
        name: orders
        runtime: python3
        codeUri: ./code
        timeout: 60
        environmentVariables: {KEY: "${env(SECRET)}"}
        asyncConfiguration:
          statefulInvocation: true
          maxAsyncRetryAttempts: 1
          destination:
            onSuccess: acs:fc:::services/${vars.service.name}/functions/billing
            onFailure: acs:mns:::/queues/dead/messages
      triggers:
        - name: uploads
          type: oss
          role: acs:ram::123456789012:role/trigger
          config:
            bucketName: pictures
            events: [oss:ObjectCreated:PutObject]
            filter: {Key: {Prefix: in/, Suffix: .png}}
  billing:
    component: devsapp/fc@0.1.2
    props:
      region: ${orders.props.region}
      service: {name: shop}
      function: {name: billing, codeUri: ./code}
  flow:
    component: devsapp/fnf
    props: {name: flow}
"""


def load(
    folder: Path, text: str = SHOP, *, purpose: Literal["deploy", "show"] = "deploy"
) -> s_yaml.Project:
    (folder / "s.yaml").write_text(text)
    return s_yaml.load(folder, environ={}, purpose=purpose)


def test_a_function_gets_the_name_and_the_settings_that_s2tos3_writes(tmp_path: Path) -> None:
    orders, billing, _ = load(tmp_path, purpose="show").resources
    found = desired(orders)
    assert (orders.function_name, billing.function_name) == ("shop$orders", "shop$billing")
    assert (orders.region, billing.region) == ("cn-hangzhou", "cn-hangzhou")
    assert orders.props["role"] == "acs:ram::123456789012:role/shop"
    assert found is not None
    assert (found.config.async_task, found.config.max_async_retry_attempts) == (True, 1)
    assert dict(found.config.destinations) == {
        "success": "acs:fc:::functions/shop$billing",
        "failure": "acs:mns:::/queues/dead/messages",
    }


def test_a_trigger_of_a_bucket_has_the_form_of_fc3(tmp_path: Path) -> None:
    (trigger,) = load(tmp_path, purpose="show").resources[0].props["triggers"]
    assert trigger["triggerName"] == "uploads"
    assert trigger["sourceArn"] == "acs:oss:cn-hangzhou::pictures"
    assert trigger["triggerConfig"]["filter"] == {"key": {"prefix": "in/", "suffix": ".png"}}
    assert trigger["invocationRole"].endswith("role/trigger")


def test_the_graph_has_its_destinations_and_triggers(tmp_path: Path) -> None:
    graph = build.build(load(tmp_path, purpose="show").resources)
    edges = {(edge.source.label, edge.target.label, edge.kind) for edge in graph.edges}
    assert ("shop$orders", "shop$billing", "success") in edges
    assert {kind for *_, kind in edges} == {"success", "failure", "trigger"}


def test_a_finding_is_at_the_place_where_the_value_is_written(tmp_path: Path) -> None:
    text = SHOP.replace("maxAsyncRetryAttempts: 1", "maxAsyncRetryAttempts: 9")
    text = text.replace("/queues/dead/messages", "/nothing")
    context = rules.Context([load(tmp_path, text, purpose="show")])
    lines = text.splitlines()
    for one in rules.check(context, select=("FCA012", "FCA020")):
        assert {"FCA012": "Attempts: 9", "FCA020": "/nothing"}[one.rule] in lines[
            one.position.line - 1
        ]


@pytest.mark.parametrize("reference", ["${billing.props.service.name}", "${this.props.function.x}"])
def test_a_reference_to_what_is_not_read_is_not_an_error(tmp_path: Path, reference: str) -> None:
    text = SHOP.replace(
        "acs:mns:::/queues/dead/messages", f"acs:mns:::/queues/{reference}/messages"
    )
    context = rules.Context([load(tmp_path, text, purpose="show")])
    assert [one.rule for one in rules.check(context) if one.severity == "error"] == []


def test_a_cycle_of_destinations_is_found(tmp_path: Path) -> None:
    text = SHOP.replace(
        "function: {name: billing, codeUri: ./code}",
        "function: {name: billing, asyncConfiguration: {destination: {onSuccess:"
        " 'acs:fc:::services/shop.LATEST/functions/orders'}}}",
    )
    found = rules.check(rules.Context([load(tmp_path, text, purpose="show")]))
    assert "FCA031" in {one.rule for one in found}


def test_its_one_finding_is_what_to_do_with_it(tmp_path: Path) -> None:
    project = load(tmp_path, purpose="show")
    (found,) = [one for one in rules.check(rules.Context([project])) if one.severity != "note"]
    assert (found.rule, found.severity, found.position.line) == ("FCA015", "warning", 1)
    assert "s cli fc3 s2tos3" in found.fix


def test_where_it_is_not_read_the_finding_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(s_yaml.TemplateError) as refused:
        load(tmp_path)
    (found,) = rules.check(rules.Context([], refused.value.problems))
    assert (found.rule, found.severity) == ("FCA015", "error")


def test_no_function_of_it_can_be_deployed(tmp_path: Path) -> None:
    assert not any(map(makes_function, load(tmp_path, purpose="show").resources))


def test_on_this_machine_its_functions_have_their_code_and_settings(tmp_path: Path) -> None:
    settings = """\
        codeUri: ./code
        handler: index.handler
        memorySize: 512
        caPort: 8080
        customRuntimeConfig: {command: [./app]}
        initializer: index.start
        initializationTimeout: 9
        instanceLifecycleConfig: {preFreeze: {handler: f}, preStop: {handler: index.end}}
        instanceConcurrency: 2
"""
    actions = "    component: fc\n    actions: {pre-deploy: [{run: make, path: ./code}]}\n"
    text = SHOP.replace("        codeUri: ./code\n", settings)
    project = load(tmp_path, text.replace("    component: fc\n", actions), purpose="run")
    orders = project.resources[0]
    assert makes_function(orders)
    assert orders.function_name == "shop$orders"
    assert {
        "runtime": "python3",
        "handler": "index.handler",
        "code": "./code",
        "memorySize": 512,
        "timeout": 60,
        "instanceConcurrency": 2,
        "customRuntimeConfig": {"command": ["./app"], "port": 8080},
        "instanceLifecycleConfig": {
            "initializer": {"handler": "index.start", "timeout": 9},
            "preStop": {"handler": "index.end"},
        },
    }.items() <= orders.props.items()
    assert "environmentVariables" in orders.props
    assert [one.written for one in project.builds] == ["make"]


@pytest.mark.parametrize("purpose", ["show", "run"])
def test_roles_that_are_described_are_made_by_s_later(
    tmp_path: Path, purpose: Literal["show", "run"]
) -> None:
    described = "role: {name: shop, policies: [AliyunOSSFullAccess]}"
    text = SHOP.replace("role: acs:ram::123456789012:role/shop", described)
    text = text.replace("role: acs:ram::123456789012:role/trigger", described)
    project = load(tmp_path, text, purpose=purpose)
    orders = project.resources[0]
    (trigger,) = orders.props["triggers"]
    if purpose == "run":
        said = "role of orders (the mapping describes one to make; s deploy does that)"
        assert f"left out here: {said}" in attached.omitted(project, (), local=True)
    assert orders.props["role"] == "${resources.orders.output}"
    assert "invocationRole" not in trigger
    (tmp_path / "code").mkdir()
    found = rules.check(rules.Context([load(tmp_path, text, purpose=purpose)]))
    assert [one for one in found if one.severity == "error" or one.rule == "FCA060"] == []


@pytest.mark.parametrize("edition", ["edition: 1.0.0\n", "edition: '2.0.0'\n", ""])
def test_commands_that_would_deploy_it_name_the_way_out(tmp_path: Path, edition: str) -> None:
    text = SHOP.replace("edition: 1.0.0\n", edition)
    with pytest.raises(s_yaml.TemplateError, match=r"for FC 2\.0: validate and graph") as it:
        load(tmp_path, text)
    assert it.value.problems[0].fix.startswith("run: s cli fc3 s2tos3, then use the s3.yaml")


def test_the_way_out_names_a_template_of_another_name(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(SHOP)
    with pytest.raises(s_yaml.TemplateError, match=r"s2tos3 --source old\.yaml"):
        s_yaml.load(tmp_path / "old.yaml", environ={})


def test_a_template_of_funcraft_is_found_and_named(tmp_path: Path) -> None:
    document = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Transform": "Aliyun::Serverless-2018-04-03",
        "Resources": {"shop": {"Type": "Aliyun::Serverless::Service"}},
    }
    (tmp_path / "template.yml").write_text(json.dumps(document))
    with pytest.raises(s_yaml.TemplateError, match=r"of Funcraft, for FC 2\.0") as it:
        s_yaml.load(tmp_path, environ={})
    assert "s cli fc fun2s" in it.value.problems[0].fix


def test_a_template_of_another_tool_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "template.yml").write_text("Resources: {}\n")
    with pytest.raises(s_yaml.TemplateError, match=r"no s\.yaml and no s\.yml"):
        s_yaml.load(tmp_path, environ={})


WORDS = """component props region service function name role asyncConfiguration destination
onSuccess onFailure statefulInvocation triggers type config filter Key bucketName"""
KEYS = st.sampled_from(WORDS.split())
VALUES = st.recursive(
    st.sampled_from(["fc", "oss", "${vars.x}", "${env.A}", "acs:fc:::services/a/functions/b"])
    | st.none()
    | st.integers(0, 3),
    lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=2),
    max_leaves=12,
)
PROPS = st.dictionaries(KEYS, VALUES, max_size=5) | VALUES


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(props=PROPS, function=VALUES, x=VALUES)
def test_a_template_of_any_shape_is_read_or_refused(
    tmp_path: Path, props: Any, function: Any, x: Any
) -> None:
    if isinstance(props, dict):
        props = {**props, "function": function}
    services = {"a": {"component": "fc", "props": props}}
    text = json.dumps({"edition": "1.0.0", "vars": {"x": x}, "services": services})
    with suppress(s_yaml.TemplateError):
        rules.check(rules.Context([load(tmp_path, text, purpose="show")]))


UNREAD = """\
edition: 1.0.0
name: shop
services:
  api:
    component: fc
    props:
      region: cn-hangzhou
      runtimeConfig: {a: 1}
      service: {name: shop, description: a shop, nasConfig: auto}
      function:
        name: orders
        runtime: nodejs14
        handler: index.handler
        codeUri: ./api
        environmentVariable: {A: b}
"""


@pytest.mark.parametrize("purpose", ["run", "show"])
def test_keys_that_are_not_read_are_named_once(
    tmp_path: Path, purpose: Literal["run", "show"]
) -> None:
    (tmp_path / "s.yaml").write_text(UNREAD)
    project = s_yaml.load(tmp_path, purpose=purpose, environ={})
    _, unread = project.notes
    assert unread.position.line == 8
    keys = "runtimeConfig, service.nasConfig, function.environmentVariable"
    assert unread.message == f"api: not read, and without effect here: {keys}"
    text = UNREAD.replace("1.0.0", "3.0.0").replace("services", "resources")
    (tmp_path / "s.yaml").write_text(text)
    notes = s_yaml.load(tmp_path, purpose=purpose, environ={}).notes
    assert [one.message for one in notes if keys in one.message] == (
        [unread.message] if purpose == "run" else []
    )


def test_a_variable_that_names_nothing_stays_as_text_as_in_s(tmp_path: Path) -> None:
    text = SHOP.replace(
        '{KEY: "${env(SECRET)}"}', '{PATHS: "${env:HOME}:/code/${vars.service.name}"}'
    )
    project = load(tmp_path, text, purpose="run")
    run = attached.here(project.resources[0])
    assert run.props["environmentVariables"] == {"PATHS": "${env:HOME}:/code/shop"}
    assert "${env:HOME} names nothing: it stays as text, as in s" in {
        one.message for one in project.notes
    }
