# SPDX-License-Identifier: MIT
"""The real command line, and the real ``s`` from npm, against the local runtime.

``s`` is installed once per machine into a cache. Without npm its tests are skipped; in CI they
fail. ``s`` sends no telemetry, looks for no updates and uses components from this machine only.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.report import terminal
from fc_async_tests.commands import Ran, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal

S_VERSION = "3.1.10"
FAR_FUTURE = 4102444800000
KEYS = {
    "AccountID": "1234567890123456",
    "AccessKeyID": "LTAImadeupkey",
    "AccessKeySecret": "madeupsecretmadeup",
}
"""Keys for ``s``, by environment: it decrypts values in access.yaml, and plain text that happens to
look encrypted becomes something else."""


def execute(command: list[str], cwd: Path, environment: dict[str, str]) -> Ran:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what would lead a command elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FC_", "ALIBABA_CLOUD", "COV_", "GITHUB", "GITLAB", "JENKINS"))
        and name not in {"AccountID", "AccessKeyID", "AccessKeySecret", "CI"}
    }
    return kept | {"NO_COLOR": "1"} | more


@pytest.fixture
def clean_environment() -> Callable[..., dict[str, str]]:
    """Makes an environment for a process of a test's own."""
    return environment


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project with a code folder."""
    folder = tmp_path / "project"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "index.py").write_text("def handler(event, context):\n    return 'ok'\n")
    return folder


@pytest.fixture
def fc_async(
    project: Path, fc_local: FcLocal, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Runs ``fc-async`` in the project and in this process, against the local runtime."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    return run


@pytest.fixture
def at_the_question(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], object]], None]:
    """``at_the_question(happens)``: is called with the question; then the answer is yes."""

    def set_answer(happens: Callable[[str], object]) -> None:
        monkeypatch.setattr(terminal, "confirm", lambda question, **_: happens(question))

    return set_answer


@pytest.fixture
def fresh_process(project: Path) -> Callable[..., Ran]:
    """Runs ``fc-async`` in a process of its own."""
    command = [sys.executable, "-m", "fc_async_plugin"]
    return lambda *arguments: execute([*command, *arguments], project, environment())


@pytest.fixture(scope="session")
def s_program(node_packages: Callable[..., Path]) -> Path:
    """The real ``s``; installed on first use."""
    modules = node_packages(f"s-{S_VERSION}", f"@serverless-devs/s@{S_VERSION}")
    return modules / ".bin" / "s"


@pytest.fixture
def s_home(tmp_path: Path) -> Path:
    """A home folder for ``s``, without telemetry, update checks and keys."""
    home = tmp_path / "s-home"
    state = home / ".s"
    (state / "config").mkdir(parents=True)
    (state / "set-config.yml").write_text("analysis: disable\n")
    (state / "config" / "update-notifier.json").write_text(f'{{"lastUpdateCheck": {FAR_FUTURE}}}')
    return home


@pytest.fixture
def s(project: Path, s_program: Path, s_home: Path, fc_local: FcLocal) -> Callable[..., Ran]:
    """Runs the real ``s`` in the project, against the local runtime."""
    from fc_async_plugin.serverless_devs import folder

    def run(*arguments: str, **more: str) -> Ran:
        usual = KEYS | {
            "HOME": str(s_home),
            "serverless_devs_config_home": str(s_home),
            "FC_CLIENT_CUSTOM_ENDPOINT": fc_local.endpoint,
            "FC_CODE_TEMP_OSS_ENDPOINT": fc_local.endpoint,
            "FC_ASYNC_PYTHON": sys.executable,
            "FC_ASYNC_PLUGIN": str(folder()),
        }
        return execute([str(s_program), *arguments], project, environment(**usual | more))

    return run
