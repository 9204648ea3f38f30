# SPDX-License-Identifier: MIT
"""Settings of functions reach their instances: from the API to the process."""

from __future__ import annotations

import json
import random
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_local.execution.machine.ports import is_free

if TYPE_CHECKING:
    from pathlib import Path

SERVER = """
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open("checked", "w").close()
        self.answer(b"")
    def do_POST(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        initialized = os.path.exists("initialized")
        if self.path == "/initialize":
            open("initialized", "w").close()
        facts = {"initialized": initialized, "checked": os.path.exists("checked"), **headers}
        self.answer(json.dumps(facts).encode())
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
port = int(os.environ["FC_CUSTOM_LISTEN_PORT"])
http.server.HTTPServer(("0.0.0.0", port), Handler).serve_forever()
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "function"
    folder.mkdir()
    return folder


def test_a_custom_runtime_with_hooks_and_health_check(fc_local, code: Path) -> None:
    (code / "server.py").write_text(SERVER)
    fc_local.deploy(
        "web",
        code,
        runtime="custom.debian12",
        handler="unused",
        timeout=20,
        custom_runtime_config={
            "command": [sys.executable],
            "args": ["server.py"],
            "healthCheckConfig": {"httpGetUrl": "/health"},
        },
        instance_lifecycle_config={"initializer": {"handler": "any", "timeout": 20}},
    )
    seen = json.loads(fc_local.client.invoke("web", b"").payload)
    assert (seen["initialized"], seen["checked"]) == (True, True)
    assert seen["x-fc-function-name"] == "web"


FIXED = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        event = self.rfile.read(int(self.headers["Content-Length"]))
        answer = os.environ["FC_FUNCTION_NAME"].encode() + b" got " + event
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *args):
        pass
http.server.HTTPServer(("0.0.0.0", PORT), Handler).serve_forever()
"""


def test_parallel_asynchronous_calls_of_servers_on_one_fixed_port_all_succeed(
    fc_local, code: Path
) -> None:
    # Below the ports that the system gives to clients.
    port = next(port for port in iter(lambda: random.randrange(15_000, 30_000), 0) if is_free(port))
    (code / "server.py").write_text(FIXED.replace("PORT", str(port)))
    for name in ("orders", "mails"):
        fc_local.deploy(
            name,
            code,
            runtime="custom.debian12",
            handler="unused",
            timeout=20,
            custom_runtime_config={"command": [sys.executable, "server.py"], "port": port},
        )
    calls = {
        (name, f"event {number}"): fc_local.client.invoke_async(name, f"event {number}".encode())
        for number in range(4)
        for name in ("orders", "mails")
    }
    fc_local.run_until_idle()
    for (name, event), accepted in calls.items():
        task = fc_local.client.get_async_task(name, accepted.task_id)
        assert (task.status, task.return_payload) == ("Succeeded", f"{name} got {event}")


@pytest.mark.usefixtures("node")
def test_a_function_in_node_runs(fc_local, code: Path) -> None:
    (code / "index.js").write_text("exports.handler = async (event) => `node ${event}`")
    fc_local.deploy("node", code, runtime="nodejs20", timeout=20)
    assert fc_local.client.invoke("node", b"event").payload == b"node event"


def test_hooks_and_environment_of_a_python_function(fc_local, code: Path) -> None:
    (code / "index.py").write_text(
        "import os\n"
        "ready = []\n"
        "def initialize(context): ready.append(os.environ['MODE'])\n"
        "def handler(event, context): return ready\n"
    )
    fc_local.deploy(
        "hooked",
        code,
        timeout=20,
        environment_variables={"MODE": "test"},
        instance_lifecycle_config={"initializer": {"handler": "index.initialize", "timeout": 20}},
    )
    assert json.loads(fc_local.client.invoke("hooked", b"").payload) == ["test"]


def test_a_task_that_waits_during_an_update_runs_the_new_code(fc_local, code: Path) -> None:
    index = code / "index.py"
    index.write_text("def handler(event, context): return 'old'\n")
    fc_local.deploy("orders", code, timeout=20)
    assert fc_local.client.invoke("orders", b"").payload == b"old"
    accepted = fc_local.client.invoke_async("orders", b"", delay=60)
    index.write_text("def handler(event, context): return 'new'\n")
    fc_local.deploy("orders", code, timeout=20)
    fc_local.advance(60)
    task = fc_local.client.get_async_task("orders", accepted.task_id)
    assert (task.status, task.return_payload) == ("Succeeded", "new")


def test_an_error_document_reaches_the_caller(fc_local, code: Path) -> None:
    (code / "index.py").write_text("import os\ndef handler(event, context): os._exit(1)\n")
    fc_local.deploy("crash", code, timeout=20)
    answer = fc_local.client.invoke("crash", b"")
    assert answer.error_type == "UnhandledInvocationError"
    assert json.loads(answer.payload)["errorMessage"].startswith(
        "Process exited unexpectedly before completing request (duration: "
    )
