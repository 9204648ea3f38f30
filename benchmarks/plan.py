# SPDX-License-Identifier: MIT
"""What ``plan`` of 1,000 configurations takes: time, and requests to the account.

The account is a local runtime in this process, where every second function already has its
configuration.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from rows import row
from validate import FUNCTION, HEAD

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options, Row

FUNCTIONS = 1_000
COUNTING = """
import sys
import http.client
send, number = http.client.HTTPConnection.putrequest, 0

def counted(self, *arguments, **named):
    global number
    number += 1
    return send(self, *arguments, **named)

http.client.HTTPConnection.putrequest = counted
from fc_async_plugin.cli import main
code = main()
print(f"requests {number}", file=sys.stderr)
raise SystemExit(code)
"""


def plan(folder: Path, endpoint: str) -> tuple[float, int]:
    """Seconds and requests of one ``fc-async plan`` without validation."""
    command = [sys.executable, "-c", COUNTING, "plan", "--skip-validation"]
    keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "b"}
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--endpoint", endpoint],
        cwd=folder,
        env={**os.environ, **keys},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - began
    if done.returncode != 2:  # there are changes
        raise RuntimeError(f"{done.returncode}: {done.stdout[-500:]} {done.stderr[-2_000:]}")
    return took, int(done.stderr.rpartition("requests ")[2])


def measure(options: Options) -> Iterator[Row]:
    with (
        tempfile.TemporaryDirectory() as name,
        LocalRuntime(data=Path(name) / "data", port=0, store="memory") as runtime,
        fc_async_sdk.client(endpoint_url=runtime.endpoint) as client,
    ):
        folder = Path(name)
        (folder / "code").mkdir()
        text = HEAD + "".join(
            FUNCTION.format(number=number, following=(number + 1) % FUNCTIONS)
            for number in range(FUNCTIONS)
        )
        (folder / "s.yaml").write_text(text)
        fill(client)
        rounds = [plan(folder, runtime.endpoint) for _ in range(options.rounds)]
    yield row("plan of 1,000 configurations, s", statistics.median(took for took, _ in rounds))
    yield row("plan of 1,000 configurations, requests", rounds[0][1])


def fill(client: fc_async_sdk.Client) -> None:
    """Create all functions, and the configuration of every second one."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", "def handler(event, context):\n    return b''\n")
    for number in range(FUNCTIONS):
        client.create_function(
            f"fn{number}", runtime="python3.12", handler="index.handler", code=archive.getvalue()
        )
        if number % 2:
            client.put_async_invoke_config(f"fn{number}", max_async_retry_attempts=1)
