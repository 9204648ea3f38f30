# SPDX-License-Identifier: MIT
"""Keys of FC 2.0 in a template of edition 3.0.0 count where functions run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.reading import Purpose

TEMPLATE = """\
edition: 3.0.0
name: shop
resources:
  api:
    component: fc3
    props:
      region: cn-hangzhou
      function: {name: orders, runtime: nodejs20, handler: index.handler, timeout: 9}
      codeUri: ./api
      timeout: 5
"""


def _run(folder: Path, text: str) -> Project:
    (folder / "s.yaml").write_text(text)
    return s_yaml.load(folder / "s.yaml", purpose="run")


def test_keys_of_fc2_are_read_as_what_they_mean_and_named(tmp_path: Path) -> None:
    project = _run(tmp_path, TEMPLATE)
    [one] = project.resources
    assert one.props == {
        "functionName": "orders",
        "region": "cn-hangzhou",
        "runtime": "nodejs20",
        "handler": "index.handler",
        "timeout": 5,
        "code": "./api",
    }
    code, function = project.notes
    assert (code.position.line, code.fix) == (9, "write it as code")
    assert code.message == "codeUri is a key of FC 2.0: dev reads it as code, s deploy ignores it"
    assert (function.position.line, function.message) == (
        8,
        "function is a key of FC 2.0: dev reads its keys as those of props, s deploy ignores it",
    )
    assert one.where("code").line == 9


PROPS = """\
edition: 3.0.0
name: shop
resources:
  api:
    component: fc3
    props:
      region: cn-hangzhou
      runtime: custom
      code: ./api
"""


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            "      caPort: 8000\n",
            {"customRuntimeConfig": {"port": 8000}},
        ),
        (
            "      customRuntimeConfig: {command: [./start], caPort: 8000}\n",
            {"customRuntimeConfig": {"port": 8000, "command": ["./start"]}},
        ),
        (
            "      caPort: 8000\n      customRuntimeConfig: {port: 9000}\n",
            {"customRuntimeConfig": {"port": 9000}},
        ),
        (
            "      asyncConfiguration: {statefulInvocation: true}\n",
            {"asyncInvokeConfig": {"asyncTask": True}},
        ),
        (
            "      initializer: index.init\n      initializationTimeout: 9\n",
            {"instanceLifecycleConfig": {"initializer": {"handler": "index.init", "timeout": 9}}},
        ),
        (
            """\
      triggers:
        - {name: web, type: http, config: {authType: anonymous, methods: [GET]}}
        - {triggerName: files, triggerType: oss, config: {bucketName: in}}
""",
            {
                "triggers": [
                    {
                        "triggerName": "web",
                        "triggerType": "http",
                        "triggerConfig": {"authType": "anonymous", "methods": ["GET"]},
                    },
                    {
                        "triggerName": "files",
                        "triggerType": "oss",
                        "triggerConfig": {},
                        "sourceArn": "acs:oss:cn-hangzhou::in",
                    },
                ]
            },
        ),
    ],
)
def test_each_key_of_fc2_in_props_and_triggers_has_its_meaning(
    tmp_path: Path, written: str, read: dict[str, object]
) -> None:
    [one] = _run(tmp_path, PROPS + written).resources
    assert one.props == read | {"region": "cn-hangzhou", "runtime": "custom", "code": "./api"}


def test_a_trigger_without_a_name_has_that_of_its_type(tmp_path: Path) -> None:
    text = (
        f"{PROPS}      triggers: [{{triggerType: timer}}, {{triggerName: t, triggerType: http}}]\n"
    )
    project = _run(tmp_path, text)
    [one] = project.resources
    assert [each["triggerName"] for each in one.props["triggers"]] == ["timer", "t"]
    [note] = project.notes
    assert note.message == "a trigger has no triggerName: here it is timer, s deploy needs one"


def test_services_of_edition_3_are_its_resources(tmp_path: Path) -> None:
    project = _run(tmp_path, PROPS.replace("resources:", "services:"))
    assert [one.name for one in project.resources] == ["api"]
    [note] = project.notes
    assert note.position.line == 3
    assert note.message == (
        "services belongs to edition 1; edition 3.0.0 calls it resources: dev reads it so, s deploy"
        " does not"
    )


def test_the_component_of_fc2_in_edition_3_runs_too(tmp_path: Path) -> None:
    text = """\
edition: 3.0.0
resources:
  api:
    component: fc
    props:
      region: cn-hangzhou
      service: {name: shop}
      function: {name: orders, runtime: python3.10, codeUri: ./api}
"""
    project = _run(tmp_path, text)
    [one] = project.resources
    assert (one.component, one.function_name, one.props["code"]) == ("fc3", "shop$orders", "./api")
    [note] = project.notes
    assert note.position.line == 4
    assert (
        note.message == "component fc deploys to FC 2.0: dev runs its function as service$function"
    )


def test_a_variable_of_edition_1_is_that_of_the_environment(tmp_path: Path) -> None:
    text = f"{PROPS}      environmentVariables: {{KEY: '${{env.KEY}}', OTHER: a}}\n"
    project = _run(tmp_path, text)
    [one] = project.resources
    assert one.props["environmentVariables"] == {"OTHER": "a"}
    assert project.unset == ("KEY",)
    [note] = project.notes
    assert note.message == (
        "${env.KEY} is of edition 1.0.0: dev reads it as ${env('KEY')}, s does not"
    )


def test_services_beside_resources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(s_yaml.TemplateError, match="calls it resources"):
        _run(tmp_path, f"{PROPS}services: {{}}\n")


def test_a_component_that_is_a_folder_counts_as_fc3_if_its_props_have_a_runtime(
    tmp_path: Path,
) -> None:
    text = PROPS.replace("component: fc3", "component: ../../..")
    project = _run(tmp_path, f"{text}  other:\n    component: ./tool\n    props: {{a: 1}}\n")
    assert [one.component for one in project.resources] == ["fc3", "./tool"]
    assert [note.message for note in project.notes] == [
        "component ../../.. is a folder: dev takes it for fc3, because props have a runtime"
    ]


@pytest.mark.parametrize(
    ("runtime", "code"),
    [("python3.10", "."), ("custom", "."), ("custom-container", None), ("java11", None)],
)
def test_code_that_is_not_named_is_in_the_folder_of_the_template(
    tmp_path: Path, runtime: str, code: str | None
) -> None:
    text = PROPS.replace("custom", runtime).replace("      code: ./api\n", "")
    project = _run(tmp_path, text)
    assert project.resources[0].props.get("code") == code
    said = (
        "a function has a runtime and no code: dev takes the folder of the template, s deploy needs"
    )
    assert [note.message for note in project.notes] == ([f"{said} one"] if code else [])


@pytest.mark.parametrize("purpose", ["deploy", "show"])
def test_elsewhere_they_stay_as_they_are(tmp_path: Path, purpose: Purpose) -> None:
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    [one] = s_yaml.load(tmp_path / "s.yaml", purpose=purpose).resources
    assert "code" not in one.props


BY_VARIABLE = """\
edition: 3.0.0
name: shop
vars:
  component: fc3
resources:
  api:
    component: ${vars.component}
    props:
      region: cn-hangzhou
      runtime: custom
      codeUri: ./api
"""


def test_keys_of_fc2_are_read_if_the_component_is_a_variable(tmp_path: Path) -> None:
    [resource] = _run(tmp_path, BY_VARIABLE).resources
    assert resource.props["code"] == "./api"


def test_code_of_the_extended_file_wins_over_code_uri_of_the_template(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(PROPS)
    props = "resources: {api: {component: fc3, props: {codeUri: ./old}}}\n"
    project = _run(tmp_path, f"edition: 3.0.0\nextend: base.yaml\n{props}")
    assert project.resources[0].props["code"] == "./api"


def test_the_region_of_an_environment_is_in_the_source_of_a_trigger(tmp_path: Path) -> None:
    trigger = "{name: files, type: oss, config: {bucketName: in}}"
    (tmp_path / "s.yaml").write_text(f"{PROPS}      triggers: [{trigger}]\n")
    environment = "environments: [{name: test, infraStack: {region: cn-beijing}}]\n"
    (tmp_path / "env.yaml").write_text(environment)
    project = s_yaml.load(tmp_path / "s.yaml", env="test", purpose="run")
    assert project.resources[0].at("triggers")[0]["sourceArn"] == "acs:oss:cn-beijing::in"
