# SPDX-License-Identifier: MIT
"""What the Node shim hands on: keys by environment only, flags that are ours, failures as such."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from fc_async_plugin.serverless_devs import folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RECORDER = """\
import json, os, sys
with open(os.environ["RECORD"], "w") as file:
    keys = os.environ.get("fc-async_serverless_devs_key")
    resolved = os.environ["FC_ASYNC_RESOLVED"] + sys.stdin.read()
    pipeline = os.environ.get("serverless_devs_access_cicd_alias_name", "")
    json.dump([sys.argv[3:], keys, resolved, pipeline], file)
sys.exit(int(os.environ.get("ENDS_WITH", "0")))
"""
KEYS = {"AccountID": 123, "AccessKeyID": "STS.id", "AccessKeySecret": "hush", "SecurityToken": "t"}


class Called(NamedTuple):
    """How the shim ended, and what it handed to Python."""

    code: int
    arguments: list[str]
    keys: Any
    resolved: str
    pipeline: str


@pytest.fixture
def shim(
    tmp_path: Path,
    clean_environment: Callable[..., dict[str, str]],
    node: str,
) -> Callable[..., Called]:
    """Calls the shim with a recorder in the place of Python; gives code, arguments and keys."""
    recorder = tmp_path / "recorder"
    recorder.write_text(f"#!{sys.executable}\n{RECORDER}")
    recorder.chmod(0o755)

    def call(program: str, **more: str) -> Called:
        record = tmp_path / "record.json"
        environment = clean_environment(
            FC_ASYNC_PYTHON=str(recorder), RECORD=str(record), KEYS=json.dumps(KEYS), **more
        )
        source = (
            f"const shim = new (require({json.dumps(str(folder()))}))({{logger: console}});"
            "const credential = JSON.parse(process.env.KEYS);"
            f"({program}).catch((error) => {{ console.error(error.message); process.exit(9); }});"
        )
        done = subprocess.run([node, "-e", source], env=environment, check=False)
        arguments, keys, resolved, pipeline = json.loads(record.read_text())
        return Called(done.returncode, arguments, keys and json.loads(keys), resolved, pipeline)

    return call


def test_keys_go_by_environment_with_their_token_and_never_by_command_line(
    shim: Callable[..., Any],
) -> None:
    _, arguments, keys, *_ = shim("shim.deploy({credential, resource: {name: 'a'}, args: []})")
    assert keys == {**KEYS, "AccountID": "123"}
    assert not {"STS.id", "hush", "t"} & set(arguments)
    assert arguments == ["deploy", "-a", "fc-async", "--resource", "a", "-y"]


def test_checking_a_template_takes_no_keys(shim: Callable[..., Any]) -> None:
    _, arguments, keys, *_ = shim("shim({credential, yaml: {path: '/x/s.yaml'}}, {}, console)")
    assert keys is None
    assert arguments == ["validate", "-t", "/x/s.yaml"]


def test_the_shim_passes_our_options_on_and_those_of_s_not(shim: Callable[..., Any]) -> None:
    given = "['-t', 's.yaml', '--silent', '-o=json', '--prune', '-y', '--access', 'x']"
    _, arguments, *_ = shim(f"shim.plan({{resource: {{name: 'a'}}, args: {given}}})")
    assert arguments == ["plan", "--resource", "a", "--before-deployment", "--prune"]


@pytest.mark.parametrize(
    ("command", "flags", "code"),
    [("plan", [], 0), ("deploy", ["--dry-run"], 0), ("deploy", [], 9), ("validate", [], 9)],
)
def test_2_is_a_success_of_a_plan_and_of_a_dry_run_only(
    command: str, flags: list[str], code: int, shim: Callable[..., Any]
) -> None:
    program = f"shim.{command}({{resource: {{name: 'a'}}, args: {flags}}})"
    assert shim(program, ENDS_WITH="2").code == code


PROPS = "{credential, resource: {name: 'a'}, args: [], props: {list: ['x-hush', 3, null], t: 't'}}"


def test_resolved_props_go_by_standard_input(shim: Callable[..., Any]) -> None:
    called = shim(f"shim.deploy({PROPS})")
    assert called.resolved == '-{"a":{"list":["x-hush",3,null],"t":"t"}}'


def test_resolved_secrets_are_text_again_where_nothing_is_deployed(
    shim: Callable[..., Any],
) -> None:
    called = shim(f"shim.validate({PROPS})")
    assert json.loads(called.resolved.removeprefix("-"))["a"] == {
        "list": ["x-${config('AccessKeySecret')}", 3, None],
        "t": "${config('SecurityToken')}",
    }


HERE = "http://127.0.0.1:9900"


@pytest.mark.parametrize(
    ("variables", "props"),
    [
        ({"FC_CLIENT_CUSTOM_ENDPOINT": HERE}, "{}"),
        ({"FC_ASYNC_ENDPOINT": HERE}, "{}"),
        ({"FC_ASYNC_ENDPOINT": "http://127.0.0.1:1", "FC_CLIENT_CUSTOM_ENDPOINT": HERE}, "{}"),
        ({"FC_ASYNC_ENDPOINT": "http://127.0.0.1:1"}, f"{{endpoint: '{HERE}'}}"),
    ],
)
def test_the_endpoint_of_s_goes_by_option_so_that_its_keys_may_be_beside_it(
    shim: Callable[..., Any], variables: dict[str, str], props: str
) -> None:
    program = f"shim.deploy({{credential, resource: {{name: 'a'}}, args: [], props: {props}}})"
    _, arguments, *_ = shim(program, **variables)
    assert arguments[:5] == ["deploy", "-a", "fc-async", "--endpoint", HERE]


def test_an_alias_that_is_typed_for_s_is_not_led_to_the_laptop_by_a_variable(
    shim: Callable[..., Any],
) -> None:
    """The child gets the variable with -a, and refuses the two."""
    program = (
        "(process.argv.push('s', '-a', 'prod'), "
        "shim.deploy({credential, resource: {name: 'a'}, args: []}))"
    )
    _, arguments, *_ = shim(program, FC_ASYNC_ENDPOINT=HERE)
    assert arguments[:3] == ["deploy", "-a", "fc-async"]
    assert "--endpoint" not in arguments


def test_the_alias_of_a_pipeline_does_not_come_before_the_keys_that_s_resolved(
    shim: Callable[..., Any],
) -> None:
    called = shim(
        "shim.deploy({credential, resource: {name: 'a'}, args: []})",
        serverless_devs_access_cicd_alias_name="ci",
    )
    assert called.pipeline == ""
