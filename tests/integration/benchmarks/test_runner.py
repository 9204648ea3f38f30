# SPDX-License-Identifier: MIT
"""The form of the benchmarks' result, also when a benchmark does not finish.

No duration is asserted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

RUNNER = Path(__file__).parents[3] / "benchmarks" / "run.py"


def start(out: Path, behaviour: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(RUNNER), "example", "--out", str(out)],
        env={**os.environ, "EXAMPLE": behaviour},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def rows(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "bench.json").read_text())["rows"]
    return found


def test_runner_writes_rows_as_json_and_as_a_table(tmp_path: Path) -> None:
    with start(tmp_path) as runner:
        runner.communicate(timeout=60)

    assert runner.returncode == 0
    result = json.loads((tmp_path / "bench.json").read_text())
    assert set(result) == {"machine", "seconds", "rows"}
    assert set(result["machine"]) == {"cores", "cpu", "memory_gb", "python", "os"}
    [row] = result["rows"]
    expected = {"what": "example", "ratio": 1.0, "goal": ">= 1", "met": True}
    assert expected.items() <= row.items()
    table = (tmp_path / "bench.md").read_text()
    assert "| example | 1 | >= 1 | yes |" in table


def test_a_row_is_the_median_of_its_turns(tmp_path: Path) -> None:
    with start(tmp_path, str(tmp_path / "turns")) as runner:
        runner.communicate(timeout=60)

    assert (tmp_path / "turns").read_text() == "xxx"
    assert [row["ratio"] for row in rows(tmp_path)] == [2.0]


def test_a_benchmark_that_fails_is_a_row_and_an_exit_code(tmp_path: Path) -> None:
    with start(tmp_path, "fail") as runner:
        runner.communicate(timeout=60)

    assert runner.returncode == 1
    assert [row["note"] for row in rows(tmp_path)] == ["", "failed: exit code 1"]
    assert "| example | failed: exit code 1 |" in (tmp_path / "bench.md").read_text()


def test_a_terminated_run_ends_its_benchmark_and_writes_its_rows(tmp_path: Path) -> None:
    with start(tmp_path, "wait") as runner:
        assert runner.stderr is not None
        while runner.stderr.readline() != "waiting\n":
            assert runner.poll() is None
        runner.terminate()
        _, said = runner.communicate(timeout=60)

    assert runner.returncode == 1
    assert "cleaned up\n" in said
    assert [row["note"] for row in rows(tmp_path)] == ["", "failed: interrupted"]
