# SPDX-License-Identifier: MIT
"""The form of the benchmarks' result. No duration is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RUNNER = Path(__file__).parents[3] / "benchmarks" / "run.py"


def test_runner_writes_rows_as_json_and_as_a_table(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, str(RUNNER), "example", "--out", str(tmp_path)],
        check=True,
        capture_output=True,
        timeout=60,
    )

    result = json.loads((tmp_path / "bench.json").read_text())
    assert set(result) == {"machine", "seconds", "rows"}
    assert set(result["machine"]) == {"cores", "cpu", "memory_gb", "python", "os"}
    [row] = result["rows"]
    expected = {"what": "example", "ratio": 1.0, "goal": ">= 1", "met": True}
    assert expected.items() <= row.items()
    table = (tmp_path / "bench.md").read_text()
    assert "| example | 1 | >= 1 | yes |" in table
