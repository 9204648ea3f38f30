# SPDX-License-Identifier: MIT
"""A replay of thousands of events that is killed in the middle, and run again."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from mns.account import Account
from mns.queue import Message

from fc_async_sdk import events

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal

ARN = "acs:fc:cn-hangzhou:1234567890123456:functions/orders"


def document(number: int) -> bytes:
    """The event of an invocation that failed."""
    return events.encode(
        events.document(
            timestamp=number,
            request_id=f"1-00000000-{number:012d}",
            function_arn=ARN,
            attempts=1,
            request_payload=b"%d" % number,
            condition="UnhandledInvocationError",
        )
    )


@pytest.mark.slow
@pytest.mark.real_time
@pytest.mark.parametrize(
    ("many", "rate"), [(5_000, ""), (2_000, "25/s")], ids=["at once", "at a rate"]
)
def test_after_a_kill_in_the_middle_and_a_second_replay_each_event_was_accepted_once(
    many: int,
    rate: str,
    fc_local: FcLocal,
    tmp_path: Path,
    clean_environment: Callable[..., dict[str, str]],
) -> None:
    called: list[int] = []
    fc_local.create_queue("failures")
    fc_local.deploy(
        "orders", lambda event, _: called.append(int(event)), async_config={"asyncTask": True}
    )
    account = Account(fc_local.mns_endpoint, "k", "s")
    queue: Any = account.get_queue("failures")
    for first in range(0, many, 16):
        batch = range(first, min(first + 16, many))
        queue.batch_send_message([Message(document(number).decode()) for number in batch])

    def left() -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            found = queue.get_attributes()
            return int(found.active_messages + found.inactive_messages)

    command = [sys.executable, "-m", "fc_async_plugin", "events", "replay", "failures", "-y"]
    command += ["--function", "orders"]
    command += ["--rate", rate] if rate else []
    surroundings = clean_environment(FC_ASYNC_ENDPOINT=fc_local.endpoint)
    killed = subprocess.Popen(
        command, cwd=tmp_path, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    while left() > many * 3 // 4 and killed.poll() is None:
        pass
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert 0 < left() < many
    fc_local.advance(30)  # the visibility timeout of what the killed process had received
    again = subprocess.run(
        command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert "Accepted: " in again.stdout
    before = []
    for _ in range(many // 25 // 10 if rate else 0):
        before.append(len(called))
        fc_local.advance(10)
    fc_local.run_until_idle()
    assert sorted(called) == list(range(many))
    # Two commands, each with a pace of its own, and a clock that stands still while they send.
    assert all(after - one <= 600 for one, after in itertools.pairwise(before))
    assert left() == 0
    for one in (account.mns_client, queue.mns_client):
        one.close_connection()
