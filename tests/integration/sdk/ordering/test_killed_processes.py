# SPDX-License-Identifier: MIT
"""kill -9 of real processes that share a file: the key of a killed run is given to its retry."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

INSTANCE = """
import json, os, signal, sys
from types import SimpleNamespace

from fc_async_sdk.events import handler
from fc_async_sdk.ordering import Concurrency
from fc_async_sdk.stores import SqliteStore

path, request, attempt, now, kill = sys.argv[1:]
talk = Concurrency(
    "talk", 1, store=SqliteStore(path), mode="skip", clock=lambda: float(now)
)


@handler(int, concurrency=talk)
def reply(number, context):
    if kill == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return number


function = SimpleNamespace(name="reply", timeout=60)
context = SimpleNamespace(request_id=request, retry_count=int(attempt), function=function)
print(json.dumps(reply(b"7", context)))
"""


def instance(path: Path, request: str, attempt: int, now: float, kill: str = "no") -> object:
    """Deliver a message in a process of its own; return its result, or the signal that ended it."""
    arguments = [str(path), request, str(attempt), str(now), kill]
    run = subprocess.run(
        [sys.executable, "-c", INSTANCE, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    if run.returncode < 0:
        return -run.returncode
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_key_of_a_killed_run_is_free_for_its_retry_and_later_for_all(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    skipped = {"$fc-async.skipped": {"by": "talk", "reason": "talk: 1 at a time"}}
    now = 1_790_000_000.0
    assert instance(path, "r-1", 0, now, "kill") == signal.SIGKILL
    assert instance(path, "r-2", 0, now + 100) == skipped
    assert instance(path, "r-1", 1, now + 101, "kill") == signal.SIGKILL
    # The timeout of the function and 90 seconds after the second attempt began.
    assert instance(path, "r-2", 0, now + 101 + 149) == skipped
    assert instance(path, "r-2", 0, now + 101 + 150) == 7
