"""What a worker makes of the events of `price`: with the official clients, on virtual time."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT, Worker
from fc_async_local.testing import FcLocal
from fc_async_sdk.testing import failure_event, success_event
from mns.account import Account  # type: ignore[import-untyped]
from mns.queue import Message  # type: ignore[import-untyped]

from worker import effects
from worker.__main__ import main
from worker.consumer import MOST_RECEIVES
from worker.settings import Settings
from worker.sources import HIDDEN_SECONDS

PRICE = "{{ cookiecutter.project_slug }}-price"
GOOD = {"order": 7, "items": [{"price": 3, "count": 2}]}
BAD = {"order": 8, "items": []}
PRICED = '{"order": 7, "total": 6}'
Lines = Callable[[str], list[str]]


def send(settings: Settings, body: bytes) -> None:
    """Put a message into the queue as it is, with the official client."""
    queue = Account(settings.mns_endpoint, "key", "secret").get_queue(settings.mns_queue)
    queue.set_encoding(False)
    queue.send_message(Message(body.decode()))


def variables(settings: Settings) -> dict[str, str]:
    """Return the environment of a worker with these settings."""
    return {name.upper(): value for name, value in asdict(settings).items()}


def test_a_result_is_noted_once_and_its_message_is_gone(
    deployed: FcLocal, results: Worker, lines: Lines
) -> None:
    deployed.client.invoke_async(PRICE, GOOD)
    deployed.run_until_idle()
    assert results.work() == 1
    assert lines("results.jsonl") == [PRICED]
    deployed.advance(600)
    assert results.work() == 0


def test_a_failure_is_noted_with_its_order_and_the_number_of_attempts(
    deployed: FcLocal, failures: Worker, lines: Lines
) -> None:
    deployed.client.invoke_async(PRICE, BAD)
    deployed.run_until_idle()
    assert failures.work() == 1
    [line] = map(json.loads, lines("failures.jsonl"))
    assert json.loads(line["payload"]) == BAD
    assert line["attempts"] == 1 + {{ cookiecutter.retries }}


@pytest.mark.parametrize("encode", [bytes, base64.b64encode])
def test_a_message_of_mns_may_be_json_or_base64_of_it(
    encode: Callable[[bytes], bytes], settings: Settings, failures: Worker, lines: Lines
) -> None:
    send(settings, encode(failure_event(function=PRICE, payload=BAD).source))
    assert failures.work() == 1
    assert len(lines("failures.jsonl")) == 1


def test_an_event_that_is_delivered_twice_has_one_effect(
    settings: Settings, failures: Worker, lines: Lines
) -> None:
    event = success_event(function=PRICE, response={"order": 7, "total": 6}).source
    send(settings, event)
    send(settings, event)
    assert failures.work() == 2
    assert lines("results.jsonl") == [PRICED]


KILLED = """
import os, sys
from worker import sources
sources.{place} = lambda *_: os._exit(9)
from worker.__main__ import main
main([{command!r}, "--until-empty"])
"""


@pytest.mark.parametrize("command", ["mns", "rocketmq"])
def test_a_worker_that_is_killed_before_it_acknowledges_has_one_effect(
    command: str,
    deployed: FcLocal,
    settings: Settings,
    results: Worker,
    failures: Worker,
    lines: Lines,
) -> None:
    deployed.client.invoke_async(PRICE, GOOD if command == "rocketmq" else BAD)
    deployed.run_until_idle()
    place = {"mns": "Mns", "rocketmq": "RocketMq"}[command] + ".acknowledge"
    script = KILLED.format(place=place, command=command)
    environment = {**os.environ, **variables(settings)}
    killed = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=environment)
    assert killed.returncode == 9

    worker, file = {
        "mns": (failures, "failures.jsonl"),
        "rocketmq": (results, "results.jsonl"),
    }[command]
    assert worker.work() == 0  # the message is hidden
    deployed.advance(301)
    assert worker.work() == 1
    assert len(lines(file)) == 1


def test_a_message_that_failed_is_handled_when_it_is_received_again(
    deployed: FcLocal,
    settings: Settings,
    failures: Worker,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(settings, failure_event(function=PRICE, payload=BAD).source)
    with monkeypatch.context() as broken:
        broken.delattr(effects, "line_for")
        failures.work()
    deployed.advance(HIDDEN_SECONDS + 1)
    assert failures.work() == 1
    assert len(lines("failures.jsonl")) == 1
    assert failures.dead_letters.all() == []


def test_a_message_that_fails_again_and_again_is_a_dead_letter_until_it_is_mended(
    deployed: FcLocal,
    settings: Settings,
    failures: Worker,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables(settings).items():
        monkeypatch.setenv(name, value)
    send(settings, b"not an event")
    event = success_event(function=PRICE, response={"order": 7, "sum": 6})
    send(settings, event.source)
    for _ in range(MOST_RECEIVES):
        assert failures.work() == 2
        deployed.advance(HIDDEN_SECONDS + 1)
    assert failures.work() == 0

    assert main(["dead"]) == 0
    shown = capsys.readouterr().out
    assert "received 5 times: InvalidEvent: " in shown
    assert "received 5 times: InvalidPayload: " in shown

    monkeypatch.setattr(effects, "line_for", lambda event: ("results.jsonl", {"order": 7}))
    assert main(["retry"]) == 1  # the other one is not an event still
    assert lines("results.jsonl") == ['{"order": 7}']
    [left] = failures.dead_letters.all()
    assert left.body == "not an event"


def test_an_effect_that_may_have_happened_is_not_repeated(
    deployed: FcLocal,
    settings: Settings,
    failures: Worker,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    append = effects.append

    def interrupted(file: str, line: dict[str, Any]) -> None:
        append(file, line)
        raise TimeoutError("no answer")

    monkeypatch.setattr(effects, "append", interrupted)
    send(settings, failure_event(function=PRICE, payload=BAD).source)
    for _ in range(MOST_RECEIVES):
        assert failures.work() == 1
        deployed.advance(HIDDEN_SECONDS + 1)
    assert len(lines("failures.jsonl")) == 1
    [letter] = failures.dead_letters.all()
    assert letter.reason.startswith("EffectInDoubt: ")


def test_a_result_that_cannot_be_handled_is_given_up_too(
    deployed: FcLocal, results: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.client.invoke_async(PRICE, GOOD)
    deployed.run_until_idle()
    monkeypatch.delattr(effects, "line_for")
    for _ in range(MOST_RECEIVES):
        assert results.work() == 1
        deployed.advance(301)
    assert results.work() == 0
    [letter] = results.dead_letters.all()
    assert (letter.source, letter.receives) == ("rocketmq", MOST_RECEIVES)


@pytest.mark.parametrize("command", ["mns", "rocketmq"])
def test_a_worker_that_waits_for_messages_stops_at_once(
    command: str, settings: Settings, deployed: FcLocal, tmp_path: Path
) -> None:
    environment = {**os.environ, **variables(settings)}
    worker = subprocess.Popen(
        [sys.executable, "-m", "worker", command],
        cwd=PROJECT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stderr is not None
    assert "reading from" in worker.stderr.readline()
    worker.send_signal(signal.SIGTERM)
    _, said = worker.communicate(timeout=15)  # a poll lasts 20 s
    assert (worker.returncode, said) == (0, "INFO stopped\n")
