# SPDX-License-Identifier: MIT
"""Another user of the machine: what a program of another uid can do to a running runtime."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_tests.code import archive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NOBODY = 65534
SCRIPT = """
import json, os, sys, urllib.error, urllib.request
answers = []
for method, url, body, headers in json.load(sys.stdin):
    request = urllib.request.Request(url, body.encode() or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answers.append([answer.status, answer.read().decode("utf-8", "replace")])
    except urllib.error.HTTPError as error:
        answers.append([error.code, error.read().decode("utf-8", "replace")])
print(json.dumps({"uid": os.getuid(), "answers": answers}))
"""


class Asked(NamedTuple):
    method: str
    url: str
    body: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


class Answered(NamedTuple):
    status: int
    text: str


def by_nobody(command: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.defpath},
        timeout=300,
    )


AsNobody = Callable[..., list[Answered]] if TYPE_CHECKING else Any


@pytest.fixture(scope="module")
def as_nobody(cannot_run: Callable[[str], Any]) -> AsNobody:
    """Sends requests from a process of another user."""
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only root can start processes of another user")
    candidates = [sys.executable, "/usr/bin/python3", shutil.which("python3") or ""]

    def run(python: str, asked: list[Asked]) -> subprocess.CompletedProcess[str]:
        return by_nobody(
            [python, "-I", "-S", "-c", SCRIPT],
            json.dumps([[*one[:3], dict(one.headers)] for one in asked]),
        )

    def works(python: str) -> bool:
        try:
            return run(python, []).returncode == 0
        except OSError:
            return False

    usable = next(filter(works, candidates), None) or cannot_run("no Python for another user")

    def send(*asked: Asked) -> list[Answered]:
        done = run(usable, list(asked))
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["uid"] == NOBODY
        return [Answered(*one) for one in told["answers"]]

    return send


@pytest.fixture(params=[False, True], ids=["default", "strict"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalRuntime]:
    settings = Settings.of(strict_auth=request.param)
    with LocalRuntime(data=tmp_path / "data", port=0, settings=settings) as one:
        fc_async_sdk.client(endpoint_url=one.endpoint).create_function(
            "orders",
            runtime="python3.10",
            handler="index.handler",
            code=archive("def handler(event, context): return 'hunter2'"),
            environment_variables={"DB": "hunter2"},
        )
        yield one


def own_api(runtime: LocalRuntime) -> list[Asked]:
    fc, folder = runtime.endpoint, json.dumps({"folder": "/"})
    return [
        Asked("GET", f"{fc}/_local/state"),
        Asked("PUT", f"{fc}/_local/state", "x"),
        Asked("DELETE", f"{fc}/_local/state"),
        Asked("GET", f"{fc}/_local/functions"),
        Asked("GET", f"{fc}/_local/settings"),
        Asked("POST", f"{fc}/_local/functions/orders/invoke", '{"type": "Sync"}'),
        Asked("PUT", f"{fc}/_local/debug/orders", folder),
        Asked("GET", f"{fc}/_local/code/orders/LATEST"),
        Asked("GET", f"{fc}/_local/openapi.json"),
        Asked("GET", f"{fc}/metrics"),
        Asked("GET", f"{fc}/mcp"),
        Asked("GET", f"{fc}/console"),
        Asked("GET", f"{fc}/console?token=guessed"),
    ]


def test_another_user_takes_no_state_and_runs_no_code_by_the_admin_api(
    runtime: LocalRuntime, as_nobody: AsNobody
) -> None:
    for answer in as_nobody(*own_api(runtime)):
        assert answer.status == 401
        assert "hunter2" not in answer.text


def test_another_user_learns_no_more_than_that_the_runtime_lives(
    runtime: LocalRuntime, as_nobody: AsNobody
) -> None:
    (answer,) = as_nobody(Asked("GET", f"{runtime.endpoint}/_local/health"))
    assert answer == (200, '{"status":"ok"}')


def test_another_user_who_got_the_token_uses_the_admin_api(
    runtime: LocalRuntime, as_nobody: AsNobody
) -> None:
    headers = {"authorization": f"Bearer {runtime.token}"}
    (answer,) = as_nobody(Asked("GET", f"{runtime.endpoint}/_local/functions", "", headers))
    assert answer.status == 200
    assert "hunter2" in answer.text


@pytest.mark.usefixtures("as_nobody")
def test_another_user_cannot_read_the_token(runtime: LocalRuntime) -> None:
    data = runtime.addresses.data
    done = by_nobody(["/bin/sh", "-c", 'cat "$1"/token "$1"/access-key', "sh", data])
    assert done.returncode != 0
    assert done.stdout == ""


@pytest.mark.parametrize("runtime", [True], indirect=True, ids=["strict"])
def test_another_user_gets_nothing_from_any_port_of_a_strict_runtime(
    runtime: LocalRuntime, as_nobody: AsNobody
) -> None:
    places = runtime.addresses
    function = json.dumps({"functionName": "evil", "runtime": "python3.10", "handler": "i.h"})
    json_type = {"content-type": "application/json"}
    answers = as_nobody(
        Asked("GET", f"{places.fc}/2023-03-30/functions"),
        Asked("POST", f"{places.fc}/2023-03-30/functions", function, json_type),
        Asked("POST", f"{places.fc}/2023-03-30/functions/orders/invocations", "{}"),
        Asked("GET", f"{places.fc}/2016-08-15/tempBucketToken"),
        Asked("POST", f"{places.fc}/2021-04-06/services/s/functions/orders/invocations", "{}"),
        Asked("GET", f"{places.mns}/queues"),
        Asked("PUT", f"{places.mns}/queues/mine"),
        Asked("GET", f"{places.mns}/queues/work/messages"),
        Asked("GET", f"{places.rocketmq}/topics/t/messages?consumer=c&numOfMessages=1"),
        Asked("POST", f"{places.eventbridge}/openapi/createEventBus", "{}", json_type),
        Asked("GET", f"{places.oss}/"),
        Asked("PUT", f"{places.oss}/bucket/key", "x"),
    )
    assert [answer.status for answer in answers if answer.status < 400] == []
    assert all(answer.status in {400, 401, 403} for answer in answers), answers


@pytest.mark.parametrize("runtime", [True], indirect=True, ids=["strict"])
def test_the_user_of_a_strict_runtime_needs_no_keys_of_an_account(runtime: LocalRuntime) -> None:
    with fc_async_sdk.client(endpoint_url=runtime.endpoint) as client:
        assert client.invoke("orders").payload == b"hunter2"


@pytest.mark.skipif(
    "FAKETIME" in os.environ,
    reason="functions have the machine's clock, and sign with it",
)
@pytest.mark.parametrize("runtime", [True], indirect=True, ids=["strict"])
def test_a_function_of_a_strict_runtime_has_a_key_for_it(runtime: LocalRuntime) -> None:
    code = (
        "import fc_async_sdk\n"
        "def handler(event, context):\n"
        "    return fc_async_sdk.client().invoke('orders').payload\n"
    )
    with fc_async_sdk.client(endpoint_url=runtime.endpoint) as client:
        client.create_function(
            "caller", runtime="python3.10", handler="index.handler", code=archive(code)
        )
        assert client.invoke("caller").payload == b"hunter2"
