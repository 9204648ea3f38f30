# SPDX-License-Identifier: MIT
"""``fc-async demo`` is the first command of the README."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.real_time
def test_the_demo_shows_seven_steps_and_checks_each_whatever_the_folder_has(
    tmp_path: Path,
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the folder ran')\n")
    (tmp_path / ".env").write_bytes(b"\xff\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("fc-async"), "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for promise in (
        "1/7",
        "resize → watermark (on success) → resize",
        "Nothing to do",
        "no attempt came early",
        "attempt 3 of 3",
        "aliyun-mns-sdk received message",
        "scratched.mov is damaged",
        "killed with SIGKILL",
        "nothing that was accepted was lost",
        "FunctionDestinationSucceeded",
        "FunctionDestinationErrors",
        "All checks passed.",
    ):
        assert promise in done.stdout
