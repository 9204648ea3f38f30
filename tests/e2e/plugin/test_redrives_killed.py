# SPDX-License-Identifier: MIT
"""A redrive whose process is killed at each of its steps, from each source, and resumed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any, Final

import pytest
from mns.account import Account

from fc_async_plugin.operate.redrives import ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal

KILLED: Final = """
import os, signal, sys
from fc_async_plugin.cli import main
from fc_async_plugin.operate.redrives import ledger, sources

kill_at, when = int(sys.argv.pop(1)), sys.argv.pop(1)
steps = 0

def counted(verb):
    def call(*arguments, **options):
        global steps
        steps += 1
        dies = steps == kill_at
        if dies and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = verb(*arguments, **options)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

for owner, name in (
    (ledger.Ledger, "write"), (ledger.Ledger, "update"), (sources.Events, "remove"),
    (sources.Tasks, "remove"),
):
    setattr(owner, name, counted(getattr(owner, name)))
for owner in (sources.Tasks, sources.Events):
    def send(*arguments, own=owner.send):
        return counted(lambda: list(own(*arguments)))()
    owner.send = send
sys.exit(main())
"""
"""Runs a command that kills itself before or after its nth step."""

SOURCES: Final = {
    "tasks": "",
    "queue": "acs:mns:cn-hangzhou::/queues/failures/messages",
    "topic": "acs:mq:cn-hangzhou:1234567890123456:/instances/MQ_INST_1/topics/failures",
    "dead events": "acs:mns:cn-hangzhou::/queues/missing/messages",
    "function": "acs:fc:cn-hangzhou::functions/sink",
}
HIDDEN_SECONDS: Final = 301
"""What a process that was killed has received is hidden, in a topic for five minutes."""


class Incident:
    """Failures of a function that has been mended since, and a redrive of them."""

    def __init__(
        self, runtime: FcLocal, folder: Path, environment: dict[str, str], destination: str
    ) -> None:
        self.called: list[int] = []
        self.is_down = True
        self._runtime = runtime
        self._folder = folder
        self._environment = environment
        self._config: Any = {"maxAsyncRetryAttempts": 0}
        if destination:
            self._config["destinationConfig"] = {"onFailure": {"destination": destination}}
        # Payloads of tasks win over events of a function: without task mode the sink has them.
        self._deploy(tasks="functions/sink" not in destination)

    def _deploy(self, *, tasks: bool) -> None:
        config: Any = {**self._config, "asyncTask": tasks}
        self._runtime.deploy("orders", self.order, async_config=config)

    def order(self, event: bytes, _: object) -> None:
        if self.is_down:
            raise ConnectionError
        self.called.append(int(event))

    def fail(self, number: int) -> None:
        list(self._runtime.client.fan_out("orders", list(range(number)), concurrency=100))
        self._runtime.run_until_idle()
        self.is_down = False
        # So that the service recognises what was sent before.
        self._deploy(tasks=True)

    def run(self, *arguments: str, kill_at: int = 0, when: str = "before") -> tuple[int, str]:
        """Run a command, killed at a step; 0: to its end. Return its exit code and output."""
        command = [sys.executable, "-c", KILLED, str(kill_at), when, *arguments]
        ran = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, check=False
        )
        self._runtime.run_until_idle()
        self._runtime.advance(HIDDEN_SECONDS)
        return ran.returncode, ran.stdout.decode() + ran.stderr.decode()


def killed_at_each_step(incident: Incident, number: int, most_steps: int, *more: str) -> None:
    """Send failures again by processes that are killed ever later, and at last by one that is not.

    Args:
        incident: The failures.
        number: How many there are.
        most_steps: The largest number of steps of a process.
        more: Arguments of the command.
    """
    incident.fail(number)
    begin = ["replay", "--failed", "orders", *more, "-y"]
    # A process that dies before its record was written has sent nothing.
    code, out = incident.run(*begin, kill_at=1)
    assert code == -signal.SIGKILL, out
    records = ledger.of_folder()
    (redrive,) = records.ids()
    step = 0
    while True:
        head = records.head(redrive)
        counts = records.counts(head)
        assert counts.chosen == number
        assert number == counts.accepted + counts.left, "a failure is in no number"
        if not counts.left:
            break
        step = step % most_steps + 1
        when = "after" if step % 2 else "before"
        code, out = incident.run("redrives", "resume", "-y", kill_at=step, when=when)
        assert code in {-signal.SIGKILL, 0}, out
    code, out = incident.run("redrives", "resume", "-y", "-o", "json")
    assert code == 0, out
    said = json.loads(out[: out.rindex("}") + 1])
    assert (said["chosen"], said["accepted"], said["left"]) == (number, number, 0)
    assert said["acceptedBefore"] == 0, "what it sent itself counts as sent by it"


@pytest.fixture
def incident(
    request: pytest.FixtureRequest,
    fc_local: FcLocal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clean_environment: Callable[..., dict[str, str]],
) -> Incident:
    monkeypatch.chdir(tmp_path)
    fc_local.create_queue("failures")
    fc_local.create_rocketmq_topic("MQ_INST_1", "failures")
    fc_local.deploy("sink", lambda *_: None, async_config={"asyncTask": True})
    surroundings = clean_environment(FC_ASYNC_ENDPOINT=fc_local.endpoint)
    return Incident(fc_local, tmp_path, surroundings, SOURCES[request.param])


def left_in_queue(runtime: FcLocal) -> int:
    account = Account(runtime.mns_endpoint, "k", "s")
    queue: Any = account.get_queue("failures")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        attributes = queue.get_attributes()
        left = int(attributes.active_messages + attributes.inactive_messages)
    for connection in (account.mns_client, queue.mns_client):
        connection.close_connection()
    return left


CASES: Final = [
    pytest.param(
        source, number, steps, id=f"{source} {number}", marks=[pytest.mark.slow] if slow else []
    )
    for number, steps in ((110, 9), (1_000, 19))
    for source in SOURCES
    # Of the short ones, make test has those with and without messages to remove.
    for slow in [number > 110 or source not in {"tasks", "queue"}]
]


@pytest.mark.real_time
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("incident", "number", "most_steps"), CASES, indirect=["incident"])
def test_a_redrive_that_is_killed_at_each_step_loses_nothing_and_sends_nothing_twice(
    fc_local: FcLocal, incident: Incident, number: int, most_steps: int
) -> None:
    killed_at_each_step(incident, number, most_steps, "--reader", "GID_replay")
    assert sorted(incident.called) == list(range(number))
    assert left_in_queue(fc_local) == 0
