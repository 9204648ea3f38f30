# SPDX-License-Identifier: MIT
"""Runtimes in processes of their own, official clients of theirs, and waiting on the real clock."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from mns.account import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 60


@contextlib.contextmanager
def node(folder: Path, *options: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[bytes]]]:
    """Where a runtime with its data in this folder listens, and its process; killed at the end."""
    start = ("-m", "fc_async_plugin", "local", "start", "--port", "0", "--format", "json")
    command = [sys.executable, *start, "--data", str(folder), "--log-level", "error", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        try:
            yield json.loads(running.stdout.readline()), running
        finally:
            running.kill()


@contextlib.contextmanager
def mns(address: str) -> Iterator[Account]:
    """The official client of MNS."""
    account = Account(address, "id", "secret")
    try:
        yield account
    finally:
        account.mns_client.http.conn.close()


def wait_for(what: Callable[[], Any]) -> Any:
    """What this returns as soon as it is something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE} s")
