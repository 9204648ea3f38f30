# SPDX-License-Identifier: MIT
"""The GitHub Action and the pre-commit hook do what their files say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fc_async_tests.s_yaml import template

ROOT = Path(__file__).parents[3]
GOOD = template(a="")
BAD = GOOD + "      asyncInvokeConfig: {maxAsyncRetryAttempts: 9}\n"
PAGE = (ROOT / "docs/how-to/validate.md").read_text("utf-8")
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


def run_action(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the last step of the action as a runner does, on this machine's bash."""
    step = ACTION["runs"]["steps"][-1]
    known = {name: str(spec["default"]) for name, spec in ACTION["inputs"].items()}
    known.update({name.replace("_", "-"): value for name, value in inputs.items()})
    environ = {
        variable: known[re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", text)[1]]  # type: ignore[index]
        for variable, text in step["env"].items()
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(GOOD)
    (tmp_path / "bad one.yaml").write_text(BAD)
    return tmp_path


def test_the_action_passes_on_a_good_template(folder: Path) -> None:
    done = run_action(folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_action_annotates_lines_and_writes_sarif(folder: Path) -> None:
    done = run_action(folder, templates="s.yaml\nbad one.yaml\n", sarif_file="out.sarif")
    assert done.returncode == 1
    assert "::error file=bad one.yaml,line=12,col=50,title=FCA012::" in done.stdout
    results = json.loads((folder / "out.sarif").read_text())["runs"][0]["results"]
    assert {result["ruleId"] for result in results} == {"FCA012", "FCA050"}


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"select": "FCA050"}, 0),
        ({"select": "FCA050", "strict": "true"}, 1),
        ({"ignore": "FCA012"}, 0),
        ({"select": "FCA050; exit 7"}, 1),
    ],
)
def test_the_actions_inputs_are_options_and_nothing_else(
    folder: Path, inputs: dict[str, str], code: int
) -> None:
    assert run_action(folder, templates="bad one.yaml", **inputs).returncode == code


@pytest.mark.parametrize("inputs", [{"select": "FCA031"}, {"ignore": "FCA001"}])
def test_the_action_fails_when_a_template_is_missing_whatever_rules_are_selected(
    folder: Path, inputs: dict[str, str]
) -> None:
    done = run_action(folder, templates="s.yaml\nmissing.yaml\n", **inputs)
    assert done.returncode == 1
    assert "::error file=missing.yaml,line=1,col=1,title=FCA001::" in done.stdout


def test_the_hook_takes_templates_and_names_a_command_that_exists(folder: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    files = re.compile(hook["files"])
    names = ["s.yaml", "shop/s.yml", "shop/values.yaml", "ss.yaml"]
    assert [bool(files.search(name)) for name in names] == [True, True, False, False]
    command = [sys.executable, "-m", "fc_async_plugin", *hook["entry"].split()[1:]]
    done = subprocess.run([*command, "s.yaml", "bad one.yaml"], cwd=folder, check=False)
    assert done.returncode == 1


def documented(file: str) -> Any:
    """What the page puts into a file."""
    (text,) = re.findall(rf"```yaml\n# {re.escape(file)}\n(.*?)```", PAGE, re.DOTALL)
    return yaml.safe_load(text)


def test_the_hook_of_the_page_is_the_one_of_the_project() -> None:
    (of_the_page,) = documented(".pre-commit-config.yaml")["repos"][0]["hooks"]
    (ours,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    for key in ("id", "name", "entry", "files", "types", "require_serial"):
        assert of_the_page[key] == ours[key]


def test_the_workflow_of_the_page_annotates_lines(folder: Path) -> None:
    for name in ("orders", "billing"):
        (folder / name).mkdir()
        (folder / name / "s.yaml").write_text(BAD)
    command = documented(".github/workflows/validate.yml")["jobs"]["validate"]["steps"][-1]["run"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    for name in ("orders", "billing"):
        assert f"::error file={name}/s.yaml,line=12,col=50,title=FCA012::" in done.stdout
