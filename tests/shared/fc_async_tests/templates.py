# SPDX-License-Identifier: MIT
"""Projects that are made from the shipped templates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from fc_async_plugin import scaffold
from fc_async_tests.users_pytest import PYTEST

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET: Final = "a-secret-of-dot-env"
"""Stands in ``.env``; no command may print it."""


def run(cwd: Path, *command: str, **environment: str) -> str:
    """Run a module of Python in a folder, and return what it printed.

    Args:
        cwd: The folder.
        command: The module and its arguments.
        environment: Variables in addition to those of this process without fc-async's.
    """
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
    """Make a project from a shipped template, and return its folder."""
    return scaffold.create(name, into, answers, ask=None)


def run_tests(project: Path, *options: str, **environment: str) -> str:
    """Run the tests of a project, and return what pytest printed; see :func:`run`."""
    return run(project, *PYTEST[2:], "-p", "pytest_httpserver", *options, **environment)


def prepare(project: Path) -> None:
    """Give a project the packages of this environment, so that `make` installs nothing."""
    environment = project / ".venv"
    environment.mkdir()
    for name in ("bin", "lib", "lib64", "pyvenv.cfg"):
        if (Path(sys.prefix) / name).exists():
            (environment / name).symlink_to(Path(sys.prefix) / name)
    (environment / ".ready").touch()
    keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "made-up", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}
    (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in keys.items()))
