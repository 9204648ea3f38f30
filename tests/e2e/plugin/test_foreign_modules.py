# SPDX-License-Identifier: MIT
"""Python files in the working folder are the user's: no command of ours imports them."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from fc_async_plugin.demo.steps import killed_at_the_end
from fc_async_plugin.prepare.installing import install_packages
from fc_async_plugin.prepare.needs import Needs
from fc_async_plugin.serverless_devs import folder as shim_folder
from fc_async_tests.s_yaml import template
from tests.e2e.plugin.conftest import execute

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
RAN = "a module of the project ran"
TEMPLATE = template(orders="")


@pytest.fixture
def folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose modules have the names of modules that pip and fc-async import."""
    for name in ("click", "email", "json", "msgspec", "pip", "runpy", "typing", "yaml"):
        (project / f"{name}.py").write_text(f"raise SystemExit({RAN!r})\n")
    (project / "s.yaml").write_text(TEMPLATE)
    monkeypatch.chdir(project)
    return project


def test_inside_s_a_module_beside_the_template_is_not_imported(
    folder: Path, clean_environment: Callable[..., dict[str, str]], node: str
) -> None:
    source = (
        f"const shim = new (require({json.dumps(str(shim_folder()))}))({{logger: console}});"
        f"shim({{yaml: {{path: {json.dumps(str(folder / 's.yaml'))}}}}}, {{}}, console)"
        ".catch((error) => { console.error(error.message); process.exit(9); });"
    )
    done = execute([node, "-e", source], folder, clean_environment(FC_ASYNC_PYTHON=sys.executable))
    assert done.code == 0, done.said
    assert "no findings" in done.out


def test_the_process_of_the_demo_imports_no_module_of_the_working_folder(folder: Path) -> None:
    with killed_at_the_end(folder / "data") as addresses:
        assert addresses.data == str(folder / "data")


def test_packages_are_installed_without_a_module_of_the_project(folder: Path) -> None:
    with zipfile.ZipFile(folder / "left_pad-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("left_pad.py", "")
        wheel.writestr("left_pad-1.dist-info/METADATA", "Name: left-pad\nVersion: 1\n")
        wheel.writestr("left_pad-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("left_pad-1.dist-info/RECORD", "")
    (folder / "requirements.txt").write_text("./left_pad-1-py3-none-any.whl\n")
    install_packages(Needs(folder / "requirements.txt"), folder / "layer")
    assert (folder / "layer" / "left_pad.py").is_file()


def test_the_action_installs_fc_async_without_a_module_of_the_repository(folder: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    [install] = [step for step in action["runs"]["steps"] if step.get("name") == "Install"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {"PATH": path, "GITHUB_ACTION_PATH": "./nosuch"}
    done = execute(["bash", "-c", install["run"]], folder, variables)
    assert RAN not in done.said
    assert "./nosuch" in done.said  # pip looked for it
