# SPDX-License-Identifier: MIT
"""What a template wants: its configuration, its functions when asked for, and nothing by guess."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fc_async_plugin import PluginError, s_yaml
from fc_async_plugin.check.rules import props_schema
from fc_async_plugin.project import attached
from fc_async_plugin.project.state import Code, Place
from fc_async_plugin.project.wanted import wanted
from fc_async_plugin.s_yaml import TemplateError
from fc_async_sdk.models import AsyncConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_plugin.project.state import Wanted, WantedFunction
    from fc_async_plugin.s_yaml import Project

Write = "Callable[..., Wanted]"
TASK = {"asyncTask": True}


@pytest.fixture
def want(tmp_path: Path) -> Callable[..., Wanted]:
    """Writes resources (name to props) as a template, and says what it wants."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("")

    def write(
        resources: dict[str, dict[str, Any]],
        *,
        component: str = "fc3",
        account_id: str | None = "123",
        **choices,
    ) -> Wanted:
        document = {
            "edition": "3.0.0",
            "name": "x",
            "resources": {
                name: {"component": component, "props": {"region": "r1", **props}}
                for name, props in resources.items()
            },
        }
        (tmp_path / "s.yaml").write_text(json.dumps(document, indent=1))
        return wanted(s_yaml.load(tmp_path, account_id=account_id), **choices)

    return write


def function(want: Write, **props) -> WantedFunction:
    props = {"runtime": "python3.12", "handler": "index.handler", "code": "./code", **props}
    [one] = want({"f": props}, functions=True).values()
    return one


def test_a_block_is_wanted_for_its_qualifier(want: Write) -> None:
    found = want({"f": {"asyncInvokeConfig": {**TASK, "qualifier": "prod"}}})
    assert found[Place("r1", "f")].configs == {"prod": AsyncConfig(async_task=True)}


def test_settings_and_code_of_functions_are_read_only_with_functions(want: Write) -> None:
    [one] = want({"f": {"code": "./nowhere", "logConfig": "auto"}}).values()
    assert (one.settings, one.code, one.configs) == (None, None, {})


def test_resources_of_other_components_are_left_out(want: Write) -> None:
    assert want({"f": {"asyncInvokeConfig": TASK}}, component="oss") == {}


def test_two_resources_may_configure_two_qualifiers_of_one_function(want: Write) -> None:
    found = want(
        {
            "a": {"functionName": "f", "asyncInvokeConfig": TASK},
            "b": {"functionName": "f", "asyncInvokeConfig": {**TASK, "qualifier": "prod"}},
        }
    )
    assert set(found[Place("r1", "f")].configs) == {"LATEST", "prod"}


def test_two_resources_that_configure_the_same_are_refused(want: Write) -> None:
    same = {"functionName": "f", "asyncInvokeConfig": TASK}
    with pytest.raises(TemplateError, match="a second time"):
        want({"a": same, "b": same})


def test_two_resources_that_describe_a_function_differently_are_refused(want: Write) -> None:
    props = {"functionName": "f", "runtime": "python3.12", "code": "./code"}
    with pytest.raises(TemplateError, match="in another way than"):
        want({"a": {**props, "timeout": 1}, "b": {**props, "timeout": 2}}, functions=True)


def test_only_the_resources_that_are_named(want: Write) -> None:
    blocks = {"a": {"asyncInvokeConfig": TASK}, "b": {"asyncInvokeConfig": TASK}}
    assert set(want(blocks, only=("b",))) == {Place("r1", "b")}
    with pytest.raises(PluginError, match="no function under resources: c; it has a, b"):
        want(blocks, only=("c",))


def test_a_resource_without_region_is_refused_with_its_place(want: Write) -> None:
    with pytest.raises(TemplateError, match=r"s\.yaml:5:3: .* has no region"):
        want({"f": {"region": "", "asyncInvokeConfig": TASK}})


# --- functions ---------------------------------------------------------------------------------


def test_settings_are_the_props_that_the_api_knows(want: Write) -> None:
    one = function(want, timeout=9, triggers=[], customDomain={}, memorySize=128)
    assert one.settings == {
        "runtime": "python3.12",
        "handler": "index.handler",
        "timeout": 9,
        "memorySize": 128,
    }


def test_the_environment_is_text(want: Write) -> None:
    one = function(want, environmentVariables={"N": 1, "B": True, "S": "x", "F": 1.5})
    assert one.settings is not None
    assert one.settings["environmentVariables"] == {"N": "1", "B": "true", "S": "x", "F": "1.5"}


@pytest.mark.parametrize(
    ("role", "expected"),
    [("acs:ram::9:role/R", "acs:ram::9:role/R"), ("MyRole", "acs:ram::123:role/MyRole")],
)
def test_a_role_may_be_named_without_its_arn_and_keeps_its_case(
    role: str, expected: str, want: Write
) -> None:
    settings = function(want, role=role).settings
    assert settings is not None
    assert settings["role"] == expected


def test_a_role_without_account_is_refused(want: Write) -> None:
    with pytest.raises(TemplateError, match="the account is not known"):
        want({"f": {"runtime": "custom", "role": "R"}}, account_id="", functions=True)


def test_a_custom_runtime_needs_no_handler(want: Write) -> None:
    custom = {"runtime": "custom.debian12", "customRuntimeConfig": {"command": ["python3", "a.py"]}}
    [one] = want({"f": {**custom, "code": "./code"}}, functions=True).values()
    assert one.settings is not None
    assert "handler" not in one.settings


@pytest.mark.parametrize("name", ["logConfig", "vpcConfig", "nasConfig"])
def test_auto_parts_are_refused_with_their_place(name: str, want: Write) -> None:
    with pytest.raises(TemplateError, match=rf"s\.yaml:\d+:\d+: {name}: auto"):
        function(want, **{name: "auto"})


def test_a_function_without_runtime_is_refused(want: Write) -> None:
    with pytest.raises(TemplateError, match="has no runtime"):
        want({"f": {"code": "./code"}}, functions=True)


def project(folder: Path, resource: str) -> Project:
    """Return a template with one resource."""
    (folder / "s.yaml").write_text(
        "edition: 3.0.0\nname: x\nresources:\n  f:\n    component: fc3\n" + resource
    )
    return s_yaml.load(folder, region="r1")


def test_a_function_with_inputs_in_place_of_props_is_told_that_it_has_no_props(
    tmp_path: Path,
) -> None:
    read = project(tmp_path, "    inputs: {region: r1, functionName: f, runtime: custom}\n")
    with pytest.raises(TemplateError) as caught:
        wanted(read, functions=True)
    assert "resource 'f' has no props" in str(caught.value)
    assert "write its settings under props" in str(caught.value)


def test_only_props_that_fc3_knows_are_left_to_s_deploy(tmp_path: Path) -> None:
    known = {one.encode_name for one in msgspec.structs.fields(props_schema.PROPS)}
    names = sorted({*known, "serviceName", "port"} - {"triggers", "asyncInvokeConfig"})
    props = "".join(f"      {name}: a\n" for name in names)
    said = list(attached.omitted(project(tmp_path, f"    props:\n{props}"), (), local=False))
    ignored = "ignored, by s deploy too: {} of f (see fc-async validate)"
    assert [one for one in said if one.startswith("ignored")] == [
        ignored.format("port"),
        ignored.format("serviceName"),
    ]
    assert "not deployed by fc-async: customDomain of f (use s deploy)" in said


def test_a_value_that_only_s_knows_is_refused(want: Write) -> None:
    props = {"runtime": "custom", "code": "./code", "description": "${resources.f.output.url}"}
    with pytest.raises(TemplateError, match="known only after s deploy"):
        want({"f": props}, functions=True)


# --- code --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["./code", {"src": "code"}])
def test_code_is_a_folder_beside_the_template(code, want: Write, tmp_path: Path) -> None:
    found = function(want, code=code).code
    assert found is not None
    assert found.path == str(tmp_path / "code")
    assert found.checksum


def test_code_may_be_an_object_in_oss(want: Write) -> None:
    one = function(want, code={"ossBucketName": "b", "ossObjectName": "o.zip"})
    assert one.code == Code(bucket="b", object_name="o.zip")


def test_an_image_needs_no_code(want: Write) -> None:
    [one] = want({"f": {"runtime": "custom-container"}}, functions=True).values()
    assert one.code == Code()


def test_code_that_is_not_there_is_refused_with_its_place(want: Write) -> None:
    with pytest.raises(
        TemplateError, match=r"s\.yaml:\d+:\d+: code: .*nowhere is neither a folder nor a zip file"
    ):
        function(want, code="./nowhere")
