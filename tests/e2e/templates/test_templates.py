# SPDX-License-Identifier: MIT
"""A project made from a template works on the first run, with nothing but this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pytest

from fc_async_plugin.cli import scaffold

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fc_async_local.testing import FcLocal

ANSWERS: Final = {
    "defaults": {},
    "no retries": {"retries": "0", "max_age_seconds": "604800"},
    "most retries": {"retries": "8", "region": "us-west-1", "python_version": "3.10"},
    "own names": {"project_name": "Über 9: all", "project_slug": "u9", "failure_queue": "Dead-1"},
}
FAILING: Final[Mapping[str, tuple[str, Any]]] = {
    "data-etl": ("transform", {"batch": "x"}),
    "minimal": ("process", {"order": 8}),
}
"""For each template, a function and an event that it fails on."""


def run(cwd: Path, *command: str, **environment: str) -> str:
    own = {k: v for k, v in os.environ.items() if not k.startswith(("FC_ASYNC", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env={**own, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def start(name: str, into: Path, answers: Mapping[str, str] = MappingProxyType({})) -> Path:
    given = [f"{key}={value}" for key, value in answers.items()]
    run(into, "fc_async_plugin", "init", name, "--no-input", *given)
    return next(file.parent for file in into.glob("*/s.yaml"))


@pytest.mark.parametrize("name", scaffold.names())
def test_code_of_a_project_is_formatted_linted_and_typed(name: str, tmp_path: Path) -> None:
    project = start(name, tmp_path)
    run(project, "ruff", "check", ".")
    run(project, "ruff", "format", "--check", ".")
    run(project, "mypy")


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("name", scaffold.names())
def test_a_project_is_tested_validated_and_deployed_and_shows_what_failed(
    name: str, answers: Mapping[str, str], tmp_path: Path, fc_local: FcLocal
) -> None:
    project = start(name, tmp_path, answers)
    side_by_side = () if answers else ("-n", "4")
    assert " passed" in run(project, "pytest", "-q", "-p", "no:cacheprovider", *side_by_side)
    assert "no findings" in run(project, "fc_async_plugin", "validate")

    queue = answers.get("failure_queue", f"{project.name}-failures")
    fc_local.create_queue(queue)
    run(
        project,
        *("fc_async_plugin", "deploy", "--with-functions", "--yes"),
        FC_ASYNC_ENDPOINT=fc_local.endpoint,
    )
    function, event = FAILING[name]
    fc_local.client.invoke_async(f"{project.name}-{function}", event, task_id="bad")
    fc_local.run_until_idle()

    failed = fc_local.receive(queue)
    assert failed is not None
    assert failed.request.json() == event
    assert failed.attempts == 1 + int(answers.get("retries", "2"))
