# SPDX-License-Identifier: MIT
"""The demo's local runtime: a real ``fc-async local start`` in a process that can be killed.

It holds no state but the process: everything else is in the data folder.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import msgspec

from fc_async_sdk.decoding import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START_SECONDS = 20
"""A start takes about one second; after this long something is wrong."""


class Ready(msgspec.Struct, frozen=True):
    """The line that the runtime prints when it is ready."""

    fc: str
    console: str
    mns: str
    account_id: str
    region: str
    data: str
    pid: int


prepare(Ready)


class RuntimeFailed(Exception):
    """The runtime didn't come up; the message ends with what it logged."""


def command(*arguments: str) -> list[str]:
    """How to run this very ``fc-async``, whatever is on PATH."""
    return [sys.executable, "-m", "fc_async_plugin", *arguments]


class RuntimeProcess:
    """One run of the local runtime."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._log = data.with_suffix(".log")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Ready:
        """Start it on free ports and wait until it is ready.

        Raises:
            RuntimeFailed: It ended or said nothing in time.
        """
        arguments: Sequence[str] = ("--port", "0", "--data", str(self._data), "--format", "json")
        with self._log.open("a") as log:
            self._process = subprocess.Popen(  # noqa: S603 -- our own command, no shell
                command("local", "start", *arguments),
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
            )
        assert self._process.stdout is not None
        watchdog = threading.Timer(START_SECONDS, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            self.kill()
            raise RuntimeFailed(f"the local runtime didn't start:\n{self._log.read_text()}")
        return msgspec.convert(json.loads(line), Ready)

    def kill(self) -> int:
        """SIGKILL: no chance to tidy up. Returns how it ended (-9)."""
        return self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM: an orderly end; killed if it takes too long."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            code = process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        return code
