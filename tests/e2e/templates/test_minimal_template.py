# SPDX-License-Identifier: MIT
"""A project made from a template works on the first run, with nothing but this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli import scaffold

if TYPE_CHECKING:
    from pathlib import Path


def run(cwd: Path, *command: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FC_ASYNC", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(params=scaffold.names())
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    run(tmp_path, "fc_async_plugin", "init", request.param, "--no-input", "project_name=Try Out")
    return tmp_path / "try-out"


def test_its_tests_pass_and_nothing_is_wrong_with_it(project: Path) -> None:
    assert " passed" in run(project, "pytest", "-q", "-p", "no:cacheprovider")
    assert "no findings" in run(project, "fc_async_plugin", "validate")
    run(project, "ruff", "check", "--isolated", ".")
    run(project, "ruff", "format", "--isolated", "--check", ".")


def test_its_tests_pass_side_by_side(project: Path) -> None:
    assert " passed" in run(project, "pytest", "-q", "-p", "no:cacheprovider", "-n", "4")


@pytest.mark.parametrize("retries", ["0"])
def test_its_tests_hold_for_other_answers_too(retries: str, tmp_path: Path) -> None:
    run(
        tmp_path,
        "fc_async_plugin",
        "init",
        "--no-input",
        "project_name=x",
        f"retries={retries}",
        "max_age_seconds=604800",
    )
    assert " passed" in run(tmp_path / "x", "pytest", "-q", "-p", "no:cacheprovider")
