# SPDX-License-Identifier: MIT
"""What ``s`` with fc3 sent on deploy, plan, info, invoke and remove, sent to a real runtime.

The requests were recorded (tests/captures/serverless-devs); the archive of the upload wasn't, so
the test brings its own.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from fc_async_local.embedded import LocalRuntime
from fc_async_local.execution.archive import checksum
from fc_async_plugin.cli.group import run
from fc_async_tests.code import archive
from fc_async_tests.s_yaml import template

ACCOUNT = "123456789012345"
CODE = 'def handler(event, context):\n    return "hello"\n'
TEMPLATE = template(
    orders=f"""
        asyncInvokeConfig:
          asyncTask: true
          maxAsyncRetryAttempts: 2
          maxAsyncEventAgeInSeconds: 3600
          destinationConfig:
            onSuccess: {{destination: "acs:fc:cn-hangzhou:{ACCOUNT}:functions/audit"}}
            onFailure: {{destination: "acs:mns:cn-hangzhou:{ACCOUNT}:/queues/dlq/messages"}}
    """,
)
CAPTURES = Path(__file__).parents[2] / "captures" / "serverless-devs"


class Exchange(NamedTuple):
    """A request, the status that was recorded for it, and the answer of the runtime."""

    method: str
    path: str
    status: int
    answer: requests.Response


class Replay:
    """Sends recorded requests, filling in what the runtime said before."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.session = requests.Session()
        self.token: dict[str, object] = {}
        self.object = ""

    def run(self, name: str) -> list[tuple[str, str, int, requests.Response]]:
        """(method, path, recorded status, answer) of every request of a command."""
        lines = (CAPTURES / f"{name}.jsonl").read_text().splitlines()
        return [self._send(json.loads(line)) for line in lines]

    def _send(self, recorded):
        method, path = recorded["method"], recorded["path"]
        headers, body = dict(recorded["headers"]), recorded["body"]
        if path.startswith("/123456789012345/"):
            account = path.split("/")[1]
            self.object = f"{account}/{self.token['objectName']}"
            path, body = f"/{self.object}", archive(CODE)
            headers |= {
                "x-oss-security-token": self.token["credentials"]["SecurityToken"],
                "host": f"{self.token['ossBucket']}.oss-cn-hangzhou.aliyuncs.com",
            }
        elif isinstance(body, dict) and "code" in body:
            body["code"] = {
                "ossBucketName": self.token["ossBucket"],
                "ossObjectName": self.object,
            }
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        chunked = headers.pop("Transfer-Encoding", None) == "chunked"
        answer = self.session.request(
            method,
            self.endpoint + path,
            data=iter([body]) if chunked and body else body,
            headers=headers,
        )
        if path.endswith("tempBucketToken"):
            self.token = answer.json()
        return Exchange(method, path, recorded["status"], answer)


@pytest.fixture
def replay(tmp_path):
    with LocalRuntime(data=tmp_path, port=0, store="memory") as runtime:
        replay = Replay(runtime.endpoint)
        with replay.session:
            yield replay


def find(exchanges, method, path):
    """Return the first answer to a method on a path that begins so."""
    return next(
        one.answer for one in exchanges if one.method == method and one.path.startswith(path)
    )


def differences(exchanges) -> list[str]:
    return [
        f"{one.method} {one.path}: {one.answer.status_code} {one.answer.text[:200]} "
        f"instead of {one.status}"
        for one in exchanges
        if one.answer.status_code != one.status
    ]


def test_a_first_deployment_goes_through(replay):
    exchanges = replay.run("deploy")
    assert differences(exchanges) == []
    created = find(exchanges, "POST", "/2023-03-30/functions")
    assert created.json()["codeChecksum"] == checksum(archive(CODE))
    upload = find(exchanges, "PUT", "/1234")
    assert upload.headers["x-oss-hash-crc64ecma"] == checksum(archive(CODE))


@pytest.mark.parametrize("command", ["redeploy", "plan", "info"])
def test_the_commands_after_it_go_through(replay, command):
    replay.run("deploy")
    assert differences(replay.run(command)) == []


def test_a_function_is_described_without_drift(replay):
    """Every key that isn't in the template and isn't known to fc3 would show as a change."""
    exchanges = replay.run("deploy")
    recorded = map(json.loads, (CAPTURES / "redeploy.jsonl").read_text().splitlines())
    sent = next(
        request["body"]
        for request in recorded
        if (request["method"], request["path"]) == ("PUT", "/2023-03-30/functions/orders")
    )
    shown = exchanges[-2].answer.json()
    ignored = {
        *("functionArn", "functionId", "functionName", "codeChecksum", "codeSize"),
        *("createdTime", "lastModifiedTime", "state", "lastUpdateStatus"),
    }
    assert {k: v for k, v in shown.items() if k not in ignored} == {
        k: v for k, v in sent.items() if k != "layers"
    }


def test_fc_async_finds_nothing_to_do_after_it(replay, tmp_path, monkeypatch, capsys):
    """The zip of ``s`` and what it fills in do not count as differences."""
    replay.run("deploy")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text(CODE)
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    monkeypatch.chdir(tmp_path)
    code = run(["plan", "--with-functions", "--endpoint", replay.endpoint])
    assert (code, capsys.readouterr().out.splitlines()[0]) == (
        0,
        f"Nothing to do: the runtime at {replay.endpoint} has what the template says.",
    )


def test_asynchronous_and_synchronous_invocation(replay):
    replay.run("deploy")
    for command in ("invoke_async", "invoke_async_id"):
        ((_, _, status, answer),) = replay.run(command)
        assert answer.status_code == status == 202
        assert answer.headers["x-fc-request-id"]
    assert answer.headers["x-fc-async-task-id"] == "task-42"
    ((_, _, _, answer),) = replay.run("invoke_sync")
    assert (answer.status_code, answer.text) == (200, "hello")
    assert b"FC Invoke Start" in base64.b64decode(answer.headers["x-fc-log-result"])
    assert answer.headers["x-fc-instance-id"]
    assert answer.headers["x-fc-invocation-service-version"] == "LATEST"


def test_removal_leaves_nothing(replay):
    replay.run("deploy")
    assert differences(replay.run("remove_plain")) == []
    gone = replay.session.get(replay.endpoint + "/2023-03-30/functions/orders")
    assert gone.json()["Code"] == "FunctionNotFound"


def test_removal_of_everything_that_a_function_can_have(replay):
    replay.run("deploy")
    functions = replay.endpoint + "/2023-03-30/functions/orders"
    http = {
        "triggerName": "httpT",
        "triggerType": "http",
        "qualifier": "LATEST",
        "description": "",
        "triggerConfig": '{"authType":"anonymous","methods":["GET","POST"]}',
    }
    trigger = replay.session.post(functions + "/triggers", json=http)
    assert trigger.json()["httpTrigger"]["urlInternet"].startswith(replay.endpoint)
    timer = http | {
        "triggerName": "timerT",
        "triggerType": "timer",
        "triggerConfig": '{"cronExpression":"@every 1h","enable":true}',
    }
    assert replay.session.post(functions + "/triggers", json=timer).status_code == 200
    replay.session.post(functions + "/versions", json={"description": "v1"})
    replay.session.post(functions + "/aliases", json={"aliasName": "prod", "versionId": "1"})
    replay.session.put(functions + "/async-invoke-config?qualifier=prod", json={})
    assert differences(replay.run("remove_extended")) == []


def test_an_upload_without_a_token_of_this_runtime_is_refused(replay):
    answer = replay.session.put(
        replay.endpoint + "/123/object",
        data=b"x",
        headers={"x-oss-security-token": "99999999999999.abc"},
    )
    assert (answer.status_code, answer.json()["Code"]) == (403, "AccessDenied")
