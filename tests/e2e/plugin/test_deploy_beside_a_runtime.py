# SPDX-License-Identifier: MIT
"""A project's deployments and its local runtime keep their files apart."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_plugin.cli import group
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TEMPLATE = template(orders="")


def deploy(project: Path, endpoint: str, returns: str, *flags: str) -> int:
    text = f"def handler(event, context):\n    return {returns!r}\n"
    (project / "code" / "index.py").write_text(text)
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        return group.run(["deploy", "--with-functions", "-y", "--endpoint", endpoint, *flags])


def files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in found}


def test_a_deployment_leaves_the_code_of_the_running_runtime_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    (project / "s.yaml").write_text(TEMPLATE)
    with LocalRuntime(port=0) as runtime:
        client = fc_async_sdk.client(region_name="cn-hangzhou", endpoint_url=runtime.endpoint)
        assert deploy(project, runtime.endpoint, "one") == 0
        assert client.invoke("orders").text() == "one"
        unpacked = files(project / ".fc-async" / "runtime")
        assert any(name.endswith("index.py") for name in unpacked)
        assert deploy(project, runtime.endpoint, "two") == 0
        still = files(project / ".fc-async" / "runtime")
        assert {name for name in unpacked if name.endswith("index.py")} <= still
        assert client.invoke("orders").text() == "two"
        client.close()


def test_the_default_data_folder_of_the_runtime_has_its_gitignore_first(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    with LocalRuntime(port=0):
        assert (project / ".fc-async" / ".gitignore").read_text().splitlines()[-1] == "*"
        assert set(files(project / ".fc-async")) > {".gitignore"}


def test_a_runtime_whose_data_are_in_a_project_folder_lets_git_see_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    (project / "s.yaml").write_text(TEMPLATE)
    with LocalRuntime(port=0, data="."):
        assert not (project / ".gitignore").exists()
