# SPDX-License-Identifier: MIT
"""A whole runtime over real sockets, files and processes."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil
import pytest

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_local.http import server
from fc_async_local.settings import Settings
from fc_async_local.store.protocol import StoreUnusable
from fc_async_plugin.cli.group import run
from fc_async_tests import runtime_requests as requests
from fc_async_tests.code import archive

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = "/2023-03-30/functions"


@pytest.fixture
def http():
    with requests.Session() as session:
        yield session


def test_functions_and_configurations_survive_a_restart(tmp_path, http):
    with LocalRuntime(data=tmp_path, port=0) as runtime:
        body = {"functionName": "image", "runtime": "custom-container"}
        body["customContainerConfig"] = {"image": "registry/image:1"}
        created = http.post(runtime.endpoint + FUNCTIONS, json=body).json()
    with LocalRuntime(data=tmp_path, port=0) as runtime:
        read = http.get(f"{runtime.endpoint}{FUNCTIONS}/image").json()
    # Whether the image is on this machine is asked each time.
    for name in ("state", "stateReason", "lastUpdateStatus"):
        created.pop(name, None)
        read.pop(name, None)
    assert read == created


def test_a_second_runtime_on_the_same_data_is_refused_and_disturbs_nothing(tmp_path, http):
    with LocalRuntime(data=tmp_path, port=0) as runtime:
        with pytest.raises(StoreUnusable, match="in use"):
            LocalRuntime(data=tmp_path, port=0).start()
        assert http.get(runtime.endpoint + "/_local/health").status_code == 200


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_busy_default_port_moves_up(tmp_path, monkeypatch):
    with server.bind(0) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("fc_async_local.bootstrap.runtime.DEFAULT_PORT", port)
        with LocalRuntime(data=tmp_path, store="memory") as runtime:
            ports = [port_of(url) for url in (runtime.addresses.fc, runtime.addresses.mns)]
        assert port < ports[0] <= port + 100
        assert len({port, *ports}) == 3


def test_a_busy_port_that_was_asked_for_is_an_error(tmp_path):
    with server.bind(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(server.NoFreePort, match=f"port {port} is in use: choose another"):
            LocalRuntime(data=tmp_path, port=port, store="memory").start()


def test_the_services_move_to_free_ports_beside_one_that_was_asked_for(tmp_path):
    with contextlib.ExitStack() as stack:
        free = stack.enter_context(server.bind(0))
        port = port_of(server.url_of(free))
        with contextlib.suppress(server.NoFreePort):  # another program may have it already
            stack.enter_context(server.bind(port + 1, exact=True))
        free.close()
        with LocalRuntime(data=tmp_path, port=port, store="memory") as runtime:
            assert port_of(runtime.addresses.fc) == port
            assert port_of(runtime.addresses.mns) > port + 1


def test_a_runtime_tells_where_it_listens_while_it_runs(tmp_path):
    file = tmp_path / "addresses.json"
    with LocalRuntime(data=tmp_path, port=0) as runtime:
        told = json.loads(file.read_text("utf-8"))
        assert (told["fc"], told["pid"]) == (runtime.endpoint, os.getpid())
    assert not file.exists()


def test_missing_destinations_are_made_on_request(tmp_path, http):
    with LocalRuntime(data=tmp_path, port=0, store="memory") as runtime:
        body = {"functionName": "image", "runtime": "custom-container"}
        body["customContainerConfig"] = {"image": "registry/image:1"}
        http.post(runtime.endpoint + FUNCTIONS, json=body).raise_for_status()
        queue = "acs:mns:cn-hangzhou:1234567890123456:/queues/done/messages"
        config = {"destinationConfig": {"onSuccess": {"destination": queue}}}
        path = f"{runtime.endpoint}{FUNCTIONS}/image/async-invoke-config"
        http.put(path, json=config).raise_for_status()
        for _ in range(2):
            http.post(runtime.endpoint + "/_local/destinations").raise_for_status()
        assert runtime.call(runtime.services.mns.receive("done", wait_seconds=0)) == ()


def test_steps_are_followed_over_http(tmp_path, http):
    with LocalRuntime(data=tmp_path, port=0, store="memory") as runtime:
        url = runtime.endpoint + "/_local/steps"
        assert http.get(url).json() == {"steps": [], "last": 0, "missed": 0}
        refused = http.get(url, params={"after": 0, "wait": 61})
        assert refused.status_code == 400
        assert "wait must be an integer from 0 to 60, got '61'" in refused.text


def test_an_error_says_that_no_port_is_free():
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(server.NoFreePort):  # another program may have it already
            stack.enter_context(server.bind(server.HIGHEST_PORT))
        with pytest.raises(server.NoFreePort, match="--port"):
            server.bind(server.HIGHEST_PORT)  # no port follows it


def test_only_loopback_listens(tmp_path):
    with LocalRuntime(data=tmp_path, port=0, store="memory") as runtime:
        port = int(runtime.endpoint.rpartition(":")[2])
        outside = {
            one.address
            for addresses in psutil.net_if_addrs().values()
            for one in addresses
            if one.family == socket.AF_INET
        } - {"127.0.0.1"}
        if sys.platform == "linux":
            outside.add("127.0.0.2")  # not 127.0.0.1, and there even without a network
        for address in outside:
            with socket.socket() as probe:
                probe.settimeout(1)
                assert probe.connect_ex((address, port)) != 0, address


def test_a_chunked_body_is_read(tmp_path, http):
    with LocalRuntime(data=tmp_path, port=0, store="memory") as runtime:
        url = f"{runtime.endpoint}{FUNCTIONS}/nobody/async-invoke-config"
        answer = http.put(url, data=iter([b'{"asyncTask"', b":true}"]))
        assert answer.request.headers["Transfer-Encoding"] == "chunked"
        assert answer.json()["Code"] == "FunctionNotFound"


def test_a_payload_over_the_limit_is_refused_and_the_sender_hears_why(tmp_path, http):
    with LocalRuntime(data=tmp_path, port=0, store="memory") as runtime:
        url = f"{runtime.endpoint}{FUNCTIONS}/f/invocations"
        headers = {"x-fc-invocation-type": "Async"}
        answer = http.post(url, data=b"x" * 5_000_000, headers=headers)
        assert (answer.status_code, answer.json()["Code"]) == (400, "EntityTooLarge")


def test_a_request_in_progress_is_answered_while_the_runtime_stops(tmp_path, http):
    began, go_on = threading.Event(), threading.Event()

    async def handler(event, attempt):
        import asyncio

        began.set()
        await asyncio.to_thread(go_on.wait)
        return "done"

    runtime = LocalRuntime(
        data=tmp_path, port=0, store="memory", handlers={"image": handler}, settings=Settings()
    )
    runtime.start()
    body = {"functionName": "image", "runtime": "custom-container"}
    body["customContainerConfig"] = {"image": "registry/image:1"}
    assert http.post(runtime.endpoint + FUNCTIONS, json=body).status_code == 200
    answers = []
    url = f"{runtime.endpoint}{FUNCTIONS}/image/invocations"
    caller = threading.Thread(target=lambda: answers.append(requests.post(url)))
    caller.start()
    assert began.wait(60)
    stopper = threading.Thread(target=runtime.stop)
    stopper.start()
    go_on.set()
    stopper.join(60)
    caller.join(60)
    assert [answer.content for answer in answers] == [b"done"]


@contextlib.contextmanager
def start(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "fc_async_plugin", "local", "start", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()  # no-op if it has ended


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_one_line_of_json_and_ends_with_0_on_a_signal(tmp_path, http, number):
    with start("--port", "0", "--data", str(tmp_path / "d"), "--format", "json") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert http.get(ready["fc"] + "/_local/health").json()["pid"] == process.pid
        http.close()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert ready.keys() >= {"fc", "console", "mns", "accountId", "region", "data", "pid"}
    assert os.path.isdir(ready["data"])  # noqa: PTH112 -- a string of JSON


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of other processes: Linux")
def test_a_request_that_there_is_no_memory_for_is_refused_and_the_runtime_goes_on(
    tmp_path, http, monkeypatch
):
    size = 48_000_000
    # The C library reserves 64 MB for each new thread otherwise, whenever one is started.
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    where = ("--port", "0", "--data", str(tmp_path / "d"), "--format", "json")
    with start(*where) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        # The threads that answer such a request exist from the first one on, with their memory.
        small = b'{"functionName":"f","code":{"zipFile":"' + b"A" * 1_000_000 + b'"}}'
        assert http.post(ready["fc"] + FUNCTIONS, data=small).status_code == 400
        used = psutil.Process(process.pid).memory_info().vms
        # Enough for the body, not for the text in it as well.
        resource.prlimit(process.pid, resource.RLIMIT_AS, (used + size * 8 // 5,) * 2)
        body = b'{"functionName":"f","code":{"zipFile":"' + b"A" * size + b'"}}'
        refused = http.post(ready["fc"] + FUNCTIONS, data=body)
        assert (refused.status_code, refused.json()["Code"]) == (503, "ServiceUnavailable")
        assert "memory" in refused.json()["Message"]
        assert http.get(ready["fc"] + "/_local/health").status_code == 200
        http.close()
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_strict_keys_come_from_a_file(tmp_path, http):
    keys = tmp_path / "keys.json"
    keys.write_text('{"key": "hush"}')
    strict = ("--strict-auth", "--access-keys", str(keys), "--format", "json", "--store", "memory")
    with start("--port", "0", "--data", str(tmp_path / "d"), *strict) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert http.get(ready["fc"] + FUNCTIONS).status_code == 403
        settings = http.get(ready["fc"] + "/_local/settings")
        assert settings.json()["access_keys"] == ["fc-async-local", "key"]
        assert "hush" not in settings.text
        http.close()
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert "hush" not in err


@pytest.mark.parametrize(
    ("arguments", "frozen"), [([], True), (["--set", "freeze_instances=false"], False)]
)
def test_the_command_freezes_instances_unless_told_otherwise(tmp_path, http, arguments, frozen):
    where = ("--port", "0", "--data", str(tmp_path / "d"), "--format", "json", "--store", "memory")
    with start(*where, *arguments) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        settings = http.get(ready["fc"] + "/_local/settings").json()
        http.close()
        process.terminate()
        process.communicate(timeout=60)
    assert settings["freeze_instances"] is frozen


def test_the_command_logs_attempts_as_json_with_the_fields_of_request_metrics(tmp_path, http):
    where = ("--port", "0", "--data", str(tmp_path / "d"), "--format", "json", "--store", "memory")
    with start(*where, "--log-format", "json") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        http.close()
        with fc_async_sdk.client(endpoint_url=ready["fc"]) as client:
            client.create_function(
                "f", runtime="python3.10", handler="index.handler", code=archive()
            )
            client.put_async_invoke_config("f", async_task=True)
            accepted = client.invoke_async("f", {})
            client.get_waiter("task_finished").wait("f", accepted.task_id)
        process.terminate()
        _, err = process.communicate(timeout=60)
    lines = [json.loads(line) for line in err.splitlines()]
    [attempt] = [line for line in lines if "retryCount" in line]
    assert (attempt["requestId"], attempt["asyncMode"]) == (accepted.request_id, "Stateful")


def test_the_embedded_runtime_of_tests_does_not_freeze_instances(fc_local, http):
    settings = http.get(fc_local.endpoint + "/_local/settings").json()
    assert settings["freeze_instances"] is False


@pytest.mark.parametrize("keys", ['{"EMPTY": ""}', '{"": "secret"}', "{}"])
def test_empty_keys_in_the_keys_file_are_refused_at_start(tmp_path, capsys, keys):
    file = tmp_path / "keys.json"
    file.write_text(keys)
    strict = ("--strict-auth", "--access-keys", str(file), "--store", "memory")
    code = run(["local", "start", "--port", "0", "--data", str(tmp_path / "d"), *strict])
    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert "neither an empty id nor an empty secret" in err
    assert "Traceback" not in err


def test_the_command_prints_where_it_listens(tmp_path):
    with start("--port", "0", "--data", str(tmp_path), "--region", "cn-beijing") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        process.terminate()
        process.communicate(timeout=60)
    assert lines[0].startswith("FC API   http://127.0.0.1:")
    assert "cn-beijing" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "lease_ms=soon"], "lease_ms"),
        (["--set", "lease_ms=0"], "lease_ms must be an integer from 100 to 86400000, got '0'"),
        (["--set", "max_in_flight=0"], "max_in_flight must be an integer from 1 to 10000"),
        (["--set", "queue_limit=-1"], "queue_limit must be an integer from 0 to"),
        (["--account-id", ""], "account_id must be 1 to 32 digits"),
        (["--set", "leasems=1"], "did you mean 'lease_ms'"),
        (["--set", "access_keys=x"], "one of the settings"),
        (["--store", "mongodb"], "mongodb"),
    ],
)
def test_a_start_that_can_not_be_says_why(tmp_path, monkeypatch, capsys, arguments, words):
    for name in [name for name in os.environ if name.startswith("ALIBABA_CLOUD_")]:
        monkeypatch.delenv(name)
    code = run(["local", "start", "--data", str(tmp_path), "--port", "0", *arguments])
    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert words in err
