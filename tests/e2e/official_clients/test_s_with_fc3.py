# SPDX-License-Identifier: MIT
"""The real ``s`` with the real fc3, signatures verified: every command of a function's life.

fc3 is not on npm: ``FC_ASYNC_FC3`` names the folder of a built one, else the test is skipped. What
it sent once is held against the runtime in any case (tests/integration/api).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_tests.s_yaml import template

FC3 = os.environ.get("FC_ASYNC_FC3", "")
VERSION = "3.1.10"
KEY, SECRET = "LTAImadeupkey", "madeupsecretmadeup"
FAR_FUTURE = 4102444800000
LOCK = json.dumps({"version": "0.1.22", "lastUpdateCheck": FAR_FUTURE})
STUB = "module.exports = class { async deploy() { return {}; } async plan() { return {}; } };"
CODE = "def handler(event, context):\n    print('a line')\n    return 'hello ' + event.decode()\n"
TEMPLATE = template(
    "access: default",
    orders="""
        concurrencyConfig: {reservedConcurrency: 5}
        asyncInvokeConfig:
          asyncTask: true
          maxAsyncRetryAttempts: 2
          maxAsyncEventAgeInSeconds: 3600
          destinationConfig:
            onFailure: {destination: "acs:mns:cn-hangzhou::/queues/q/messages"}
        triggers:
          - triggerName: web
            triggerType: http
            triggerConfig: {authType: anonymous, methods: [GET]}
          - triggerName: nightly
            triggerType: timer
            triggerConfig: {cronExpression: "@every 1h", enable: true}
    """,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FC3, reason="FC_ASYNC_FC3 doesn't name a built fc3"),
]


class Ran(NamedTuple):
    code: int
    output: str


@pytest.fixture(scope="module")
def program(node_packages) -> Path:
    return node_packages(f"s-{VERSION}", f"@serverless-devs/s@{VERSION}") / ".bin" / "s"


@pytest.fixture
def home(tmp_path) -> Path:
    state = tmp_path / "home" / ".s"
    (state / "config").mkdir(parents=True)
    (state / "set-config.yml").write_text("analysis: disable\n")
    (state / "config" / "update-notifier.json").write_text(f'{{"lastUpdateCheck": {FAR_FUTURE}}}')
    components = state / "components" / "devsapp.cn" / "v3"
    fc3, domain = components / "fc3", components / "fc3-domain"
    fc3.mkdir(parents=True)
    for name in ("package.json", "publish.yaml"):
        shutil.copy(Path(FC3) / name, fc3 / name)
    (fc3 / "dist").symlink_to(Path(FC3) / "dist")
    domain.mkdir()
    (domain / "package.json").write_text('{"name": "fc3-domain", "main": "index.js"}')
    (domain / "index.js").write_text(STUB)
    for component in (fc3, domain):
        (component / ".s.lock").write_text(LOCK)
    return tmp_path / "home"


@pytest.fixture
def s(program, home, tmp_path):
    project = tmp_path / "project"
    (project / "code").mkdir(parents=True)
    (project / "code" / "index.py").write_text(CODE)
    (project / "s.yaml").write_text(TEMPLATE)
    settings = Settings.of(strict_auth=True, access_keys={KEY: SECRET})
    with LocalRuntime(data=tmp_path / "data", port=0, store="memory", settings=settings) as local:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "NO_COLOR": "1",
            # Not in access.yaml: s decrypts its values, also those that are plain text.
            "AccountID": "1234567890123456",
            "AccessKeyID": KEY,
            "AccessKeySecret": SECRET,
            "serverless_devs_config_home": str(home),
            "FC_CLIENT_CUSTOM_ENDPOINT": local.endpoint,
            "FC_CODE_TEMP_OSS_ENDPOINT": local.endpoint,
        }

        def run(*arguments: str) -> Ran:
            done = subprocess.run(
                [str(program), *arguments],
                cwd=project,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            return Ran(done.returncode, done.stdout + done.stderr)

        yield run


def test_a_functions_life(s, tmp_path):
    target = tmp_path / "synced"
    commands = {
        ("deploy", "-y"): "completed",
        ("info",): "maxAsyncRetryAttempts:     2",
        ("orders", "invoke", "-e", "bob"): "hello bob",
        ("orders", "invoke", "--invocation-type", "Async", "--async-task-id", "T1"): "T1",
        ("orders", "version", "publish", "--description", "v1"): "versionId:",
        ("orders", "alias", "publish", "--alias-name", "prod", "--version-id", "1"): "prod",
        ("orders", "invoke", "--qualifier", "prod", "-e", "al"): "hello al",
        ("orders", "concurrency", "get"): "reservedConcurrency: 5",
        ("orders", "sync", "--target-dir", str(target)): "completed",
    }
    for command, words in commands.items():
        ran = s(*command)
        assert (ran.code, words in ran.output) == (0, True), ran.output
    assert (target / "cn-hangzhou_orders" / "index.py").read_text() == CODE
    ran = s("remove", "-y")
    assert ran.code == 0
    assert "error" not in ran.output.lower()
    assert "FunctionNotFound" in s("info").output


def changes(plan: str) -> list[str]:
    """Lines that are marked as added, removed or changed; list items have no key."""
    return re.findall(r"^ *[-+~] \w+:.*$", plan, re.MULTILINE)


def test_nothing_drifts_after_a_deployment(s):
    assert s("deploy", "-y").code == 0
    plan = s("plan")
    assert plan.code == 0
    assert changes(plan.output) == []
    again = s("deploy", "-y").output
    # fc3 itself shows the qualifier that a template leaves out; it is all that it may show.
    changed = re.findall(r"(\w+) was changed", again)
    assert changed in ([], ["asyncInvokeConfig"])
