# SPDX-License-Identifier: MIT
"""``fc-async demo`` is what the README promises first: it must come out true, and soon."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest


@pytest.mark.slow
@pytest.mark.real_time
def test_the_demo_shows_seven_steps_and_checks_each() -> None:
    began = time.monotonic()

    done = subprocess.run(
        [sys.executable, "-m", "fc_async_plugin", "demo"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 60
    for promise in (
        "1/7",
        "resize → watermark (on success) → resize",
        "Nothing to do",
        "no attempt came early",
        "attempt 3 of 3",
        "aliyun-mns-sdk received message",
        "killed with SIGKILL",
        "nothing that was accepted was lost",
        "FunctionDestinationSucceed",
        "FunctionDestinationErrors",
        "All checks passed.",
    ):
        assert promise in done.stdout
