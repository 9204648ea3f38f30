# SPDX-License-Identifier: MIT
"""What is waited for when the local runtime starts: the first 202, and one test on ``fc_local``."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from engine import create_function
from rows import processor_seconds, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options, Row

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(20))
def test_one(fc_local, number):
    fc_local.deploy("f", lambda event, context: event)
    fc_local.client.invoke_async("f", b"{}")
    fc_local.run_until_idle()
"""


def first_accept() -> tuple[float, float]:
    """Seconds from the start of the process to the first 202, on an empty data folder.

    Returns:
        Elapsed, and of the processor.
    """
    command = ["-m", "fc_async_plugin", "local", "start", "--port", "0", "--format", "json"]
    with tempfile.TemporaryDirectory() as data:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command, "--log-level", "warning", "--data", data],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            endpoint = json.loads(process.stdout.readline())["fc"]
            create_function(int(endpoint.rpartition(":")[2]))
            request = urllib.request.Request(  # noqa: S310 -- loopback
                f"{endpoint}/2023-03-30/functions/noop/invocations",
                b"{}",
                {"x-fc-invocation-type": "Async"},
            )
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 -- loopback
                assert answer.status == 202
            return time.perf_counter() - began, processor_seconds(process.pid)
        finally:
            process.terminate()
            process.wait(20)
            assert process.stdout is not None
            process.stdout.close()


def fixture() -> float:
    """Milliseconds of a test with its fixture: the median of 20 tests in one process."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "test_fixture.py").write_text(TESTS)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=r.xml"]
        subprocess.run([*command, "-q", "."], cwd=name, check=True, capture_output=True)
        report = (Path(name) / "r.xml").read_text("utf-8")
    times = [float(found) for found in re.findall(r'<testcase[^>]* time="([\d.]+)"', report)]
    assert len(times) == 20
    return statistics.median(times) * 1_000


def measure(options: Options) -> Iterator[Row]:
    starts = [first_accept() for _ in range(2 * options.rounds)]
    elapsed, used = map(statistics.median, zip(*starts, strict=True))
    yield row("start of the runtime to the first 202, s", elapsed)
    yield row("start of the runtime to the first 202, processor, s", used)
    tests = [fixture() for _ in range(options.rounds)]
    yield row("one test on the fixture fc_local, ms", statistics.median(tests))
