# SPDX-License-Identifier: MIT
"""A deployment that is killed with SIGKILL, anywhere, can be undone completely or resumed.

The named points (before and after each kind of request) are tested with an account in memory; here
a real process dies at random points against a real runtime.
"""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_tests.project import kept_by_deployments
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.e2e.plugin.conftest import Ran

pytestmark = pytest.mark.slow

DEPLOY = ("deploy", "-y", "--with-functions", "--prune")
FUNCTIONS = 6
KILLED_AT_A_REQUEST = """
import os, signal, sys, threading
from fc_async_plugin.account import connection
from fc_async_plugin.cli import group

limit, when = int(sys.argv[1]), sys.argv[2]
lock, sent = threading.Lock(), 0
make = connection.client

class Client:
    def __init__(self, real):
        self.real = real

    def __getattr__(self, name):
        operation = getattr(self.real, name)
        if not name.startswith(("create", "update", "put", "publish", "delete")):
            return operation

        def call(*arguments, **more):
            global sent
            with lock:
                sent += 1
                last = sent == limit
            if last and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = operation(*arguments, **more)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

connection.client = lambda *arguments: Client(make(*arguments))
sys.exit(group.run(sys.argv[3:]))
"""
REQUESTS = 25
"""The fewest: what each function has changes, "f5" is replaced, triggers change, come and go."""


def write(project: Path, version: int) -> None:
    functions: dict[str, Any] = {}
    for number in range(FUNCTIONS):
        functions[f"f{number}"] = {
            "timeout": 10 * version + number,
            "environmentVariables": {"VERSION": str(version)},
            "concurrencyConfig": {"reservedConcurrency": 10 * version},
            "triggers": [
                {
                    "triggerName": f"timer{version if number == 1 else ''}",
                    "triggerType": "timer",
                    "triggerConfig": {"cronExpression": f"@every {version}m", "enable": False},
                }
            ],
            "asyncInvokeConfig": {
                "maxAsyncRetryAttempts": version,
                **({"qualifier": "prod"} if (version, number) == (2, 0) else {}),
            },
        }
    if version == 2:
        functions["new"] = functions.pop("f5")
    (project / "s.yaml").write_text(template(**functions))
    text = f"def handler(event, context):\n    return {version}\n"
    (project / "code" / "index.py").write_text(text)


PASSING = {"createdTime", "lastModifiedTime", "functionId", "functionArn", "state"}


def state(fc_local: FcLocal) -> dict[str, Any]:
    """Everything that the account has, without times."""
    client = fc_local.client
    found: dict[str, Any] = {}
    for function in client.list_functions(limit=100).functions:
        name = function.function_name
        settings = function.to_dict()
        found[name] = {
            "settings": {key: one for key, one in settings.items() if key not in PASSING},
            "result": client.invoke(name).text(),
            "configs": {
                one.qualifier: (one.max_async_retry_attempts, one.async_task)
                for one in client.list_async_invoke_configs(name).configs
            },
            "aliases": [
                (one.alias_name, one.version_id) for one in client.list_aliases(name).aliases
            ],
            "triggers": [
                (one.trigger_name, one.trigger_config)
                for one in client.list_triggers(name).triggers
            ],
            "concurrency": [
                one.reserved_concurrency for one in client.list_concurrency_configs(name).configs
            ],
            "versions": len(client.list_function_versions(name).versions),
        }
    return found


@pytest.fixture
def killed(
    project: Path,
    fc_local: FcLocal,
    fc_async: Callable[..., Ran],
    clean_environment: Callable[..., dict[str, str]],
) -> Callable[[int, str], None]:
    """Deploys the first version, then the second one in a process that dies on the way."""
    write(project, 1)
    assert fc_async(*DEPLOY).code == 0

    def deploy(request: int, when: str) -> None:
        write(project, 2)
        ended = subprocess.run(
            [sys.executable, "-c", KILLED_AT_A_REQUEST, str(request), when, *DEPLOY],
            cwd=project,
            env=clean_environment(FC_ASYNC_ENDPOINT=fc_local.endpoint),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert ended.returncode == -9, ended.stderr

    return deploy


POINTS = [
    (random.Random(seed).randint(1, REQUESTS), random.Random(-seed).choice(["before", "after"]))
    for seed in range(1, 9)
]


@pytest.mark.parametrize(("request_number", "when"), POINTS)
def test_undo_after_a_kill_gives_back_the_account_as_it_was(
    killed: Callable[[int, str], None],
    fc_local: FcLocal,
    fc_async: Callable[..., Ran],
    project: Path,
    request_number: int,
    when: str,
) -> None:
    before = state(fc_local)
    killed(request_number, when)
    undone = fc_async("deploy", "-y", "--undo")
    assert undone.code == 0, undone.said
    assert state(fc_local) == before
    assert kept_by_deployments(project) == []


@pytest.mark.parametrize(("request_number", "when"), POINTS)
def test_resume_after_a_kill_reaches_what_the_template_says(
    killed: Callable[[int, str], None],
    fc_local: FcLocal,
    fc_async: Callable[..., Ran],
    project: Path,
    request_number: int,
    when: str,
) -> None:
    killed(request_number, when)
    resumed = fc_async(*DEPLOY, "--resume")
    assert resumed.code == 0, resumed.said
    assert fc_async("plan", "--with-functions", "--prune").code == 0
    reached = state(fc_local)
    assert set(reached) == {"new", *(f"f{number}" for number in range(FUNCTIONS))}
    assert [reached[name]["result"] for name in ("f0", "f4", "new")] == ["2", "2", "2"]
    [(alias, _)] = reached["f0"]["aliases"]
    assert (alias, reached["f0"]["versions"]) == ("prod", 1)
    assert {one["concurrency"][0] for one in reached.values()} == {20, 10}
    assert [name for name, _ in reached["f1"]["triggers"]] == ["timer2"]
    assert reached["f0"]["configs"] == {"prod": (2, None)}
    assert kept_by_deployments(project) == []
