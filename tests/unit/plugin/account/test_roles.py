# SPDX-License-Identifier: MIT
"""What RAM allows a role, read by the official client from a server that answers as RAM does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug import Request, Response

from fc_async_plugin import PluginError
from fc_async_plugin.account.roles import Roles
from fc_async_plugin.cli.group import run
from fc_async_sdk.credentials import Credentials
from fc_async_sdk.spec.ram import Permission
from fc_async_sdk.spec.ram import document as policy_document
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

KEYS = Credentials(access_key_id="madeup", access_key_secret="madeup")
SEND = Permission("mns:SendMessage", "acs:mns:cn-hangzhou:123:/queues/q/messages")


@pytest.fixture
def ram(httpserver) -> dict[str, Any]:
    """RAM: policies by role, documents by policy. A role that isn't there is refused."""
    state: dict[str, Any] = {"roles": {}, "documents": {}}

    def answer(request: Request) -> Response:
        action = request.headers["x-acs-action"]
        assert request.headers["x-acs-version"] == "2015-05-01"
        if action == "GetPolicy":
            text = state["documents"][request.args["PolicyName"]]
            body: dict[str, Any] = {"DefaultPolicyVersion": {"PolicyDocument": text}}
        elif request.args["RoleName"] in state["roles"]:
            names = state["roles"][request.args["RoleName"]]
            found = [{"PolicyName": name, "PolicyType": "Custom"} for name in names]
            body = {"Policies": {"Policy": found}}
        else:
            body = {"Code": "EntityNotExist.Role", "Message": "The role not exists."}
            return Response(json.dumps(body), 404, content_type="application/json")
        return Response(json.dumps(body), content_type="application/json")

    httpserver.expect_request("/").respond_with_handler(answer)
    return state


def test_all_policies_of_a_role_are_one_document(ram: dict[str, Any], httpserver) -> None:
    ram["roles"]["worker"] = ["a", "b"]
    ram["documents"] = {name: json.dumps(policy_document([SEND])) for name in ("a", "b")}
    found = Roles(KEYS, httpserver.url_for("")).policy_of("acs:ram::123:role/worker")
    assert [statement["Action"] for statement in found["Statement"]] == [["mns:SendMessage"]] * 2


def test_a_role_without_policies_is_allowed_nothing(ram: dict[str, Any], httpserver) -> None:
    ram["roles"]["worker"] = []
    assert Roles(KEYS, httpserver.url_for("")).policy_of("worker")["Statement"] == []


def test_a_role_that_can_not_be_read_is_an_error(ram: dict[str, Any], httpserver) -> None:
    with pytest.raises(PluginError, match=r"policies of role worker cannot be read: .*not exists"):
        Roles(KEYS, httpserver.url_for("")).policy_of("worker")


def test_no_ram_at_all_is_an_error() -> None:
    with pytest.raises(PluginError, match="cannot be read"):
        Roles(KEYS, "http://127.0.0.1:1").policy_of("worker")


def test_rubbish_instead_of_a_policy_is_an_error(ram: dict[str, Any], httpserver) -> None:
    ram["roles"]["worker"] = ["a"]
    ram["documents"]["a"] = "[]"
    with pytest.raises(PluginError, match="policy a is not a policy document"):
        Roles(KEYS, httpserver.url_for("")).policy_of("worker")


def test_an_address_without_scheme_is_refused() -> None:
    with pytest.raises(PluginError, match="is not a URL, such as"):
        Roles(KEYS, "ram.aliyuncs.com")


@pytest.fixture
def live(httpserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command that compares with RAM, in a project whose function needs SEND."""
    block = {"destinationConfig": {"onFailure": {"destination": SEND.resource}}}
    text = template(f={"asyncInvokeConfig": block, "role": "acs:ram::123:role/worker"})
    (tmp_path / "s.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "madeup")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "madeup")
    monkeypatch.setenv("HOME", str(tmp_path))
    return ["policy", "--live", "--ram-endpoint", httpserver.url_for("")]


def test_the_command_tells_what_each_role_lacks(
    ram: dict[str, Any], live: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ram["roles"]["worker"] = []
    assert run(live) == 1
    assert "role/worker: missing: mns:SendMessage on" in capsys.readouterr().out
    ram["roles"]["worker"] = ["a"]
    ram["documents"]["a"] = json.dumps(policy_document([SEND]))
    assert run(live) == 0
    assert "role/worker: it allows what is needed and no more" in capsys.readouterr().out


def test_warnings_of_the_official_client_do_not_end_the_command(
    ram: dict[str, Any], live: list[str]
) -> None:
    """Python 3.12 and later warn of ``datetime.utcnow()``, which the client calls."""
    ram["roles"]["worker"] = []

    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "fc_async_plugin", *live],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "role/worker: missing: mns:SendMessage on" in done.stdout, done.stderr
