# SPDX-License-Identifier: MIT
"""A deployment that is cut off in the middle can be gone on with or taken back."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_tests.project import kept_by_deployments
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.e2e.plugin.conftest import Ran

COUNT = 300
ENOUGH = 25
"""Steps that must be done before the deployment is cut off."""


@pytest.fixture
def many(project: Path, fc_local: FcLocal) -> list[str]:
    """A template with many functions, all of them in the account."""
    names = [f"f{number:03}" for number in range(COUNT)]
    settings = """
        role: acs:ram::1234567890123456:role/x
        asyncInvokeConfig:
          asyncTask: true
          destinationConfig:
            onFailure: {destination: "acs:mns:cn-hangzhou::/queues/q/messages"}
    """
    (project / "s.yaml").write_text(template(**dict.fromkeys(names, settings)))
    for name in names:
        fc_local.deploy(name, lambda *_: None)
        fc_local.client.delete_async_invoke_config(name)
    return names


@pytest.fixture
def cut_off(
    project: Path,
    fc_local: FcLocal,
    many: list[str],
    clean_environment: Callable[..., dict[str, str]],
) -> Callable[[int], int]:
    """Deploys, and sends a signal in the middle; gives the exit code."""

    def deploy(number: int) -> int:
        process = subprocess.Popen(
            [sys.executable, "-m", "fc_async_plugin", "deploy", "-y"],
            cwd=project,
            env=clean_environment(FC_ASYNC_ENDPOINT=fc_local.endpoint),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        with process:
            for line_number, _ in enumerate(process.stderr):  # one line per step
                if line_number == ENOUGH:
                    process.send_signal(number)
                    break
            process.stderr.read()
        return process.returncode

    return deploy


def configured(fc_local: FcLocal) -> int:
    count, token = 0, None
    while True:
        page = fc_local.client.list_async_invoke_configs(limit=100, next_token=token)
        count, token = count + len(page.configs), page.next_token
        if not token:
            return count


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 130), pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow)],
)
def test_an_interrupted_deployment_can_be_rolled_back(
    number: int,
    code: int,
    cut_off: Callable[[int], int],
    fc_local: FcLocal,
    fc_async: Callable[..., Ran],
    project: Path,
) -> None:
    assert cut_off(number) == code
    assert ENOUGH <= configured(fc_local) < COUNT
    refused = fc_async("deploy", "-y")
    assert refused.code == 1
    assert "--resume goes on" in refused.err
    taken_back = fc_async("deploy", "-y", "--undo")
    assert taken_back.code == 0, taken_back.said
    assert configured(fc_local) == 0
    assert kept_by_deployments(project) == []


@pytest.mark.slow
def test_an_interrupted_deployment_can_be_resumed_after_ctrl_c(
    cut_off: Callable[[int], int], fc_local: FcLocal, fc_async: Callable[..., Ran], project: Path
) -> None:
    cut_off(signal.SIGINT)
    gone_on = fc_async("deploy", "-y", "--resume")
    assert gone_on.code == 0, gone_on.said
    assert configured(fc_local) == COUNT
    assert fc_async("plan").code == 0
    assert kept_by_deployments(project) == []


def test_deployments_to_one_runtime_at_the_same_time_wait_for_one_another(
    project: Path, fc_local: FcLocal, clean_environment: Callable[..., dict[str, str]]
) -> None:
    names = [f"f{number}" for number in range(20)]
    settings = "asyncInvokeConfig: {asyncTask: true}"
    (project / "s.yaml").write_text(template(**dict.fromkeys(names, settings)))
    files = [(project / f"said-{number}").open("w+") for number in range(4)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "fc_async_plugin", "deploy", "-y", "--with-functions"],
            cwd=project,
            env=clean_environment(FC_ASYNC_ENDPOINT=fc_local.endpoint),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        for file in files
    ]
    for process in processes:
        process.wait()
    said = []
    for file in files:
        with file:
            file.seek(0)
            said.append(file.read())
    assert [process.returncode for process in processes] == [0, 0, 0, 0], said
    assert sum("Done: 40 of 40 steps" in one for one in said) == 1
    assert sum("Nothing to do" in one for one in said) == 3
    assert configured(fc_local) == 20
