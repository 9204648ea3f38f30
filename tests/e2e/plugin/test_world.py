# SPDX-License-Identifier: MIT
"""``make world``: small projects, one for each reason why a function does not run at first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fc_async_tests import s_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

WORLD = Path(__file__).parents[3] / ".ci" / "world.py"
HANDLER = "import json\n\ndef handler(event, context):\n    return json.loads(event)\n"
CALLER = """\
import json, os, urllib.request

urllib.request.urlopen(os.environ["URL"])

def handler(event, context):
    return json.loads(event)
"""
SERVER = """\
from http.server import BaseHTTPRequestHandler, HTTPServer
import os

class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

HTTPServer(("127.0.0.1", int(os.environ["FC_SERVER_PORT"])), Page).serve_forever()
"""


def function(name: str, **props: str) -> str:
    """Return a resource of a template."""
    settings = {"asyncInvokeConfig": "{asyncTask: true, maxAsyncRetryAttempts: 0}", **props}
    return s_yaml.function(name, "\n".join(f"{key}: {text}" for key, text in settings.items()))


GOOD = function("good")
HTTP_TRIGGER = (
    "[{triggerName: web, triggerType: http, triggerConfig: {authType: anonymous, methods: [GET]}}]"
)
URL = "'${resources.called.output.url.system_url}'"
PROJECTS = {
    # project: the resources beside a good one, start, and what the reason must name
    "auto": (function("auto", logConfig="auto", vpcConfig="auto"), "yes", ""),
    "build": (function("built", code="./target"), "part", "target"),
    "builds": (
        function("built", code="./target").replace(
            "    props:",
            '    actions: {pre-deploy: [{run: "mkdir target && cp code/index.py target"}]}\n'
            "    props:",
        ),
        "yes",
        "",
    ),
    "error": (function("wrong", memorySize="64k"), "part", "FCA016"),
    "language": (
        function("java", runtime="java11"),
        "part",
        "java runs on java11, which is not on this machine",
    ),
    "output": (
        function("called", triggers=HTTP_TRIGGER)
        + function("caller", handler="caller.handler", environmentVariables=f"{{URL: {URL}}}"),
        "yes",
        "",
    ),
    "paths": (
        function(
            "server",
            runtime="custom.debian12",
            environmentVariables="{PATH: '/var/fc/lang/python3.10/bin:/opt/bin:/code'}",
            customRuntimeConfig="{command: [/var/fc/lang/python3.10/bin/python3, /code/server.py]}",
            triggers=HTTP_TRIGGER,
        ),
        "yes",
        "",
    ),
    "regions": (function("good2", region="cn-beijing", functionName="good"), "part", "cn-hangzhou"),
    "requirements": (function("needs", code="./needs"), "part", "cannot be installed"),
    "runtime": (function("refused", customRuntimeConfig="{port: 99999}"), "part", "99999"),
    "secrets": (
        function("secret", environmentVariables="{KEY: \"${env('KEY_OF_NO_MACHINE')}\"}"),
        "yes",
        "",
    ),
    "server": (
        function(
            "server",
            runtime="custom.debian12",
            customRuntimeConfig="{command: [python3, server.py]}",
            triggers=HTTP_TRIGGER,
        ),
        "yes",
        "",
    ),
}


EDITION_1 = """\
edition: 1.0.0
name: old
services:
  orders:
    component: fc
    props:
      region: cn-hangzhou
      service: {name: shop}
      function:
        name: orders
        runtime: python3
        handler: index.handler
        codeUri: ./code
        asyncConfiguration: {maxAsyncRetryAttempts: 0}
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    for name, (resource, _, _) in PROJECTS.items():
        folder = tmp_path / name
        for code in ("code", "needs"):
            (folder / code).mkdir(parents=True)
            (folder / code / "index.py").write_text(HANDLER)
        (folder / "code" / "server.py").write_text(SERVER)
        (folder / "code" / "caller.py").write_text(CALLER)
        (folder / "needs" / "requirements.txt").write_text("./missing-package\n")
        (folder / "s.yaml").write_text(s_yaml.template() + GOOD + resource)
    for name, text in {"edition": EDITION_1, "unreadable": "resources: ["}.items():
        (tmp_path / name / "code").mkdir(parents=True)
        (tmp_path / name / "code" / "index.py").write_text(HANDLER)
        (tmp_path / name / "s.yaml").write_text(text)
    return tmp_path


@pytest.mark.slow
def test_one_function_that_does_not_run_never_stops_the_others_and_is_named(
    world: Path, clean_environment: Callable[..., dict[str, str]]
) -> None:
    command = [sys.executable, str(WORLD), str(world), "--install", "-y"]
    done = subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, check=True
    )
    _, *lines, total = done.stdout.splitlines()
    rows = {line.split("\t")[0]: line.split("\t") for line in lines}
    assert {name: row[1] for name, row in rows.items()} == {
        **{name: start for name, (_, start, _) in PROJECTS.items()},
        "edition": "yes",
        "unreadable": "no",
    }
    assert {name for name, (_, _, part) in PROJECTS.items() if part not in rows[name][5]} == set()
    assert rows["unreadable"][5].startswith("Error: s.yaml:")
    assert rows["edition"][2] == "1/1"
    webs = {"paths", "server"}
    assert {rows[name][4] for name in PROJECTS.keys() - webs} <= {
        "1 Failed",
        "2 Failed",
        "3 Failed",
    }
    assert {rows[name][3] for name in webs} == {"1/1"}
    assert total == "14 projects: 7 yes, 6 part, 1 no"
