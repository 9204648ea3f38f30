# SPDX-License-Identifier: MIT
"""A local runtime in a process that is killed, and a queue of MNS.

The queue is read with the official client ``aliyun-mns-sdk``, without code of this package in
between.
"""

from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mns.account import Account
from mns.queue import QueueMeta

from fc_async_plugin.dev.runtime import find
from fc_async_sdk import events
from fc_async_sdk._installation import module_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_sdk.admin.models import Addresses
    from fc_async_sdk.events import DestinationEvent

LONG_POLL_SECONDS = 20
START_SECONDS = 60
"""A start takes about one second; after this time it has failed."""


class DemoFailed(Exception):
    """A check of the demo failed."""


@contextmanager
def killed_at_the_end(data: Path) -> Iterator[Addresses]:
    """Run a local runtime in a process that ends with the block, by SIGKILL.

    Raises:
        DemoFailed: It ended, or was not ready in time; the message ends with its log.
    """
    command = module_command("fc_async_plugin", "local", "start", "--port=0", f"--data={data}")
    log = data.with_suffix(".log")
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 -- our own command, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output
        ) as process,
    ):
        watchdog = threading.Timer(START_SECONDS, process.kill)
        watchdog.start()
        try:
            assert process.stdout is not None
            process.stdout.readline()  # it prints its addresses when it is ready
            watchdog.cancel()
            addresses = find(data)
            if addresses is None:
                raise DemoFailed(f"the local runtime did not start:\n{log.read_text('utf-8')}")
            yield addresses
        finally:
            watchdog.cancel()
            process.kill()


class EventQueue:
    """One queue that destination events go to."""

    def __init__(self, endpoint: str, name: str) -> None:
        # The local runtime accepts any key by default.
        self._queue = Account(endpoint, "local", "local").get_queue(name)

    def create(self) -> None:
        """Create the queue, unless it exists."""
        self._queue.create(QueueMeta())

    def receive(self) -> tuple[str, DestinationEvent]:
        """Wait for one message and delete it; return its id and the event that it carries.

        Raises:
            mns.mns_exception.MNSServerException: No message arrived (``MessageNotExist``).
            fc_async_sdk.errors.InvalidEvent: The message is not a destination event.
        """
        message = self._queue.receive_message(LONG_POLL_SECONDS)
        event = events.from_mns_message(message)
        self._queue.delete_message(message.receipt_handle)
        return message.message_id, event
