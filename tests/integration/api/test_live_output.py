# SPDX-License-Identifier: MIT
"""The output of a function is seen line by line while it runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk.admin import operations as admin
from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_sdk.admin.models import Step

PYTHON = """
import os, sys, time

print("loading")

def handler(event, context):
    sys.stdout.buffer.write({output!r})
    sys.stdout.flush()
    while not os.path.exists(event):
        time.sleep(0.01)
    {then}
"""
NODE = """
const fs = require("fs");
console.log("loading");
exports.handler = (event, context, callback) => {{
  fs.writeSync(1, Buffer.from({output}));
  const look = () => {{
    if (fs.existsSync(event.toString())) callback(null, "done");
    else setTimeout(look, 10);
  }};
  look();
}};
"""
SERVER = """
import http.server, os, sys, time

print("loading", flush=True)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        event = self.rfile.read(int(self.headers["Content-Length"]))
        sys.stdout.buffer.write({output!r})
        sys.stdout.flush()
        while not os.path.exists(event):
            time.sleep(0.01)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

port = int(os.environ["FC_SERVER_PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
BEFORE = b"first \x1b[1m\xff\nsecond\r\nthe last line is not compl"
SEEN = "loading\nfirst \x1b[1m\ufffd\nsecond\r\n"


class Follower:
    """What a reader of the feed sees of one function, whose handler waits for a file."""

    def __init__(self, fc_local: FcLocal, folder: Path) -> None:
        self.fc_local = fc_local
        self.folder = folder
        self.gate = folder / "gate"
        self._client = fc_local.client
        self._last = self._client.send(admin.get_steps()).last
        self.text = ""

    def deploy(self, source: str, name: str = "index.py", **settings: Any) -> None:
        code = self.folder / "code"
        code.mkdir(exist_ok=True)
        (code / name).write_text(source)
        config: Any = {"asyncTask": True, "maxAsyncRetryAttempts": 0}
        self.fc_local.deploy("f", code, **{"async_config": config, "timeout": 60, **settings})

    def invoke(self, task_id: str = "job") -> None:
        self._client.invoke_async("f", str(self.gate).encode(), task_id=task_id)

    def steps(self) -> Iterator[Step]:
        while True:
            page = self._client.send(admin.get_steps(self._last, wait=20))
            for step in page.steps:
                self._last = step.number
                self.text += step.output if step.kind == "printed" else ""
                yield step

    def printed(self, until: Callable[[str], bool]) -> str:
        """Read until the output so far, without the runtime's marks, is as expected."""
        text = ""
        for step in self.steps():
            assert step.kind != "ended", (text, step)
            text += step.output
            shown = "".join(
                line
                for line in text.splitlines(keepends=True)
                if not line.startswith("FC Invoke Start")
            )
            if until(shown):
                return shown
        raise AssertionError

    def ended(self) -> tuple[Step, str]:
        """Read until the attempt has ended; return that step, and the output after all others.

        Printed steps and this rest are all of the output: nothing is repeated, nothing is missing.
        """
        for step in self.steps():
            if step.kind == "ended":
                assert step.output.startswith(self.text) or step.cut
                assert step.told == (0 if step.cut else len(self.text))
                return step, step.output[step.told :]
        raise AssertionError

    def log(self) -> str:
        """Return the log of the attempt, as the console asks for it."""
        url = f"{self.fc_local.endpoint}/_local/tasks/f/job/log"
        return requests.get(url, {"attempt": 1}, timeout=10).text


@pytest.fixture
def follower(fc_local: FcLocal, tmp_path: Path) -> Follower:
    return Follower(fc_local, tmp_path)


def deploy_python(follower: Follower, output: bytes = BEFORE, then: str = "") -> None:
    follower.deploy(PYTHON.format(output=output, then=then or "return 'done'"))


def deploy_node(follower: Follower) -> None:
    follower.deploy(NODE.format(output=list(BEFORE)), "index.js", runtime="nodejs20")


def deploy_server(follower: Follower) -> None:
    follower.deploy(
        SERVER.format(output=BEFORE),
        "server.py",
        runtime="custom.debian12",
        custom_runtime_config={"command": [sys.executable, "server.py"]},
    )


@pytest.mark.parametrize("deploy", [deploy_python, deploy_node, deploy_server])
def test_lines_are_seen_while_the_function_runs_and_the_rest_at_its_end(
    follower: Follower, deploy: Callable[[Follower], None], request: pytest.FixtureRequest
) -> None:
    if deploy is deploy_node:
        request.getfixturevalue("node")
    deploy(follower)
    follower.invoke()
    assert follower.printed(lambda text: "second" in text) == SEEN
    assert follower.log().endswith(SEEN[len("loading\n") :])
    follower.gate.touch()
    end, rest = follower.ended()
    assert rest.startswith("the last line is not compl")
    assert (end.status, end.cut) == ("Succeeded", False)
    assert follower.log() == end.output


@pytest.mark.parametrize("then", ["os._exit(3)", "os.kill(os.getpid(), 9)", "raise ValueError()"])
def test_a_function_that_crashes_repeats_no_line_that_was_seen(
    follower: Follower, then: str
) -> None:
    deploy_python(follower, b"one\ntwo\nhalf", then)
    follower.invoke()
    follower.printed(lambda text: "two\n" in text)
    follower.gate.touch()
    end, _ = follower.ended()
    assert end.status == "Failed"
    assert "one\ntwo\nhalf" in end.output


def test_a_task_that_is_stopped_has_the_lines_that_were_seen(follower: Follower) -> None:
    deploy_python(follower, b"one\ntwo\nhalf")
    follower.invoke()
    follower.printed(lambda text: "two\n" in text)
    follower.fc_local.client.stop_async_task("f", "job")
    end, rest = follower.ended()
    assert (end.status, rest) == ("Stopped", "half")


def test_of_more_than_64_kb_at_once_the_newest_lines_are_seen(follower: Follower) -> None:
    line = "订单" * 20_000  # 120 KB
    deploy_python(follower, f"{line}\n".encode() * 3 + b"end\n" + b"y" * 100_000)
    follower.invoke()
    printed = []
    for step in follower.steps():
        printed += [step] if "订" in step.output else []
        if step.output.endswith("end\n"):
            break
    assert all(step.cut and 20_000 < len(step.output) < 22_000 for step in printed)
    follower.gate.touch()
    end, _ = follower.ended()
    assert (end.cut, end.told) == (True, 0)
    assert "y" * 60_000 in end.output


def test_a_reader_that_comes_late_gets_the_lines_of_what_runs(
    follower: Follower, fc_local: FcLocal
) -> None:
    follower.gate.touch()
    deploy_python(follower)
    follower.invoke("over")
    follower.ended()
    follower.gate.unlink()
    follower.text = ""
    follower.invoke("job")
    follower.printed(lambda text: "second" in text)
    late = fc_local.client.send(admin.get_steps())
    assert {step.task_id for step in late.steps} == {"job"}
    assert late.steps[-1].output.endswith("second\r\n")
    follower.gate.touch()
    (end,) = fc_local.client.send(admin.get_steps(late.last, wait=20)).steps
    assert end.output[end.told :].startswith("the last line")


def test_output_after_the_end_of_a_handler_belongs_to_the_next_call(follower: Follower) -> None:
    """As on the service: a thread that a handler leaves goes on in its instance."""
    source = """
import os, threading, time

def handler(event, context):
    gate = event.decode()
    def later():
        while not os.path.exists(gate):
            time.sleep(0.01)
        print("late")
        open(gate + "-seen", "w").close()
    if os.path.exists(gate + "-second"):
        while not os.path.exists(gate + "-end"):
            time.sleep(0.01)
    else:
        threading.Thread(target=later).start()
"""
    follower.deploy(source, instance_lifecycle_config={})
    follower.invoke("first")
    first, _ = follower.ended()
    follower.text = ""
    (follower.folder / "gate-second").touch()
    follower.invoke("job")
    next(step for step in follower.steps() if step.kind == "started")
    follower.gate.touch()
    assert follower.printed(lambda text: "late\n" in text) == "late\n"
    (follower.folder / "gate-end").touch()
    end, _ = follower.ended()
    assert ("late" in first.output, end.output.count("late")) == (False, 1)


def test_two_calls_of_one_instance_have_lines_of_their_own_time(follower: Follower) -> None:
    source = """
import os, time

def handler(event, context):
    while not os.path.exists(event):
        time.sleep(0.01)
    print("got", context.request_id, flush=True)
    while not os.path.exists(event + b"-end"):
        time.sleep(0.01)
"""
    follower.deploy(source, instance_concurrency=2)
    follower.invoke("one")
    follower.invoke("two")
    follower.gate.touch()
    seen: dict[str, str] = {}
    for step in follower.steps():
        assert step.kind != "ended"
        seen[step.task_id] = seen.get(step.task_id, "") + step.output
        if [text.count("got ") for text in seen.values()] == [2, 2]:
            break
    (follower.folder / "gate-end").touch()
    ends = (step for step in follower.steps() if step.kind == "ended")
    for _ in range(2):
        end = next(ends)
        assert end.output.startswith(seen[end.task_id])
        assert "got" not in end.output[end.told :]
