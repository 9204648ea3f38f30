# SPDX-License-Identifier: MIT
"""``fc-async demo`` is the first command of the README."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.real_time
def test_the_demo_shows_seven_steps_and_checks_each() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fc_async_plugin", "demo"],
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
        "killed with SIGKILL",
        "nothing that was accepted was lost",
        "FunctionDestinationSucceeded",
        "FunctionDestinationErrors",
        "All checks passed.",
    ):
        assert promise in done.stdout
