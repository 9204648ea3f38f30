# SPDX-License-Identifier: MIT
"""The demo's local runtime, which is a process that can be killed, and a queue of its MNS.

The queue is read with the official client ``aliyun-mns-sdk``, without code of this package in
between.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from mns.account import Account
from mns.queue import QueueMeta

from fc_async_sdk import events
from fc_async_sdk._decoding import prepare
from fc_async_sdk._installation import module_command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fc_async_sdk.events import DestinationEvent

LONG_POLL_SECONDS = 20
START_SECONDS = 60
"""A start takes about one second; after this time it has failed."""


class Ready(msgspec.Struct, frozen=True, rename="camel"):
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
    """The runtime did not start; the message ends with its log."""


def command(*arguments: str) -> list[str]:
    """Return the command line of this ``fc-async``, independent of PATH."""
    return module_command("fc_async_plugin", *arguments)


class RuntimeProcess:
    """One run of the local runtime."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._log = data.with_suffix(".log")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Ready:
        """Start it on free ports and wait until it is ready.

        Raises:
            RuntimeFailed: It ended, or was not ready in time.
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
            raise RuntimeFailed(f"the local runtime did not start:\n{self._log.read_text()}")
        return msgspec.convert(json.loads(line), Ready)

    def kill(self) -> int:
        """Kill the process with SIGKILL; return its exit code (-9)."""
        return self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the process with SIGTERM; kill it if it takes too long."""
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


class Received(NamedTuple):
    """One message and the event that it carries."""

    message_id: str
    event: DestinationEvent


class EventQueue:
    """One queue that destination events go to."""

    def __init__(self, endpoint: str, name: str) -> None:
        # The local runtime accepts any key by default.
        self._queue = Account(endpoint, "local", "local").get_queue(name)

    def create(self) -> None:
        """Create the queue, unless it exists."""
        self._queue.create(QueueMeta())

    def receive(self) -> Received:
        """Wait for one message, read it and delete it.

        Raises:
            mns.mns_exception.MNSServerException: No message arrived (``MessageNotExist``).
            fc_async_sdk.errors.InvalidEvent: The message is not a destination event.
        """
        message = self._queue.receive_message(LONG_POLL_SECONDS)
        event = events.from_mns_message(message)
        self._queue.delete_message(message.receipt_handle)
        return Received(message.message_id, event)
