# SPDX-License-Identifier: MIT
"""``make setup`` on machines whose Python lacks something."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


def make_venv(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ".ci/venv", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("missing", [["ensurepip"], ["ensurepip", "pip"]])
def test_a_python_without_ensurepip_gets_an_environment_with_pip(
    tmp_path: Path, missing: list[str], cannot_run: Callable[[str], NoReturn]
) -> None:
    for module in missing:
        (tmp_path / f"{module}.py").write_text("raise ImportError\n")

    done = make_venv(tmp_path / "venv", sys.executable, PYTHONPATH=str(tmp_path))

    if "pip can't be fetched" in done.stderr:
        cannot_run("no package index in reach")
    assert done.returncode == 0, done.stderr
    python = tmp_path / "venv/bin/python"
    pip = subprocess.run([python, "-m", "pip", "--version"], check=True, capture_output=True)
    assert str(tmp_path).encode() in pip.stdout


def test_an_environment_of_the_same_version_is_kept(tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment)
    (pip,) = environment.glob("lib/python*/site-packages")
    (pip / "pip.py").write_text("def main(): pass\n")

    assert make_venv(environment, sys.executable).returncode == 0
    assert make_venv(environment).returncode == 0

    assert (pip / "pip.py").exists()


def test_a_machine_without_a_python_gets_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    for tool in ("sh", "tr"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))

    done = make_venv(tmp_path / "venv", PATH=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr == (
        "make: there is no Python 3.10 or newer on PATH. "
        "Name another: make setup PYTHON=/path/to/python3\n"
    )


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    done = make_venv(tmp_path / "venv", old)

    assert done.returncode == 1
    assert f"{old} is not Python 3.10 or newer." in done.stderr
    assert not (tmp_path / "venv").exists()
