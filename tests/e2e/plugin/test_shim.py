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
    json.dump([sys.argv[3:], keys, os.environ["FC_ASYNC_RESOLVED"] + sys.stdin.read()], file)
sys.exit(int(os.environ.get("ENDS_WITH", "0")))
"""
KEYS = {"AccountID": 123, "AccessKeyID": "STS.id", "AccessKeySecret": "hush", "SecurityToken": "t"}


class Called(NamedTuple):
    """How the shim ended, and what it handed to Python."""

    code: int
    arguments: list[str]
    keys: Any
    resolved: str


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
        arguments, keys, resolved = json.loads(record.read_text())
        return Called(done.returncode, arguments, keys and json.loads(keys), resolved)

    return call


def test_keys_go_by_environment_with_their_token_and_never_by_command_line(
    shim: Callable[..., Any],
) -> None:
    _, arguments, keys, _ = shim("shim.deploy({credential, resource: {name: 'a'}, args: []})")
    assert keys == {**KEYS, "AccountID": "123"}
    assert not {"STS.id", "hush", "t"} & set(arguments)
    assert arguments == ["deploy", "-a", "fc-async", "--resource", "a", "-y"]


def test_checking_a_template_takes_no_keys(shim: Callable[..., Any]) -> None:
    _, arguments, keys, _ = shim("shim({credential, yaml: {path: '/x/s.yaml'}}, {}, console)")
    assert keys is None
    assert arguments == ["validate", "-t", "/x/s.yaml"]


def test_the_shim_passes_our_options_on_and_those_of_s_not(shim: Callable[..., Any]) -> None:
    given = "['-t', 's.yaml', '--silent', '-o=json', '--prune', '-y', '--access', 'x']"
    _, arguments, _, _ = shim(f"shim.plan({{resource: {{name: 'a'}}, args: {given}}})")
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
