"""A job from the request to the event bus, with parts that fail, are repeated or run twice."""

import json
import urllib.request
import wave
from array import array
from pathlib import Path
from typing import Any, Literal

import pytest
from fc_async_local.testing import FcLocal
from fc_async_sdk import events
from sample import samples, write

NAME = "{{ cookiecutter.project_slug }}"
SPLIT, TRANSCODE, COLLECT, JOIN = (
    f"{NAME}-{function}" for function in ("split", "transcode", "collect", "join")
)
FAILURES = "{{ cookiecutter.failure_queue }}"
BUS = "{{ cookiecutter.event_bus }}"
RETRIES = {{ cookiecutter.retries }}
RETRIED = pytest.mark.skipif(RETRIES == 0, reason="s.yaml allows no retries")

How = Literal["together", "redelivery", "crash"]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty storage for the functions of one test, with `in/talk.wav`."""
    folder = tmp_path / "media"
    (folder / "in").mkdir(parents=True)
    write(folder / "in" / "talk.wav")
    monkeypatch.setenv("FCASYNC_PAYLOADS", str(folder))
    monkeypatch.setenv("MEDIA_CODEC", "wave")
    return folder


def request(**changes: object) -> dict[str, object]:
    return {"job": "talk", "source": "in/talk.wav", "part_seconds": 2, "gain_db": -6.0, **changes}


def published(runtime: FcLocal) -> list[Any]:
    """Return the results that the event bus got."""
    url = f"{runtime.endpoint}/_local/channels/bus/messages?name={BUS}"
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {runtime.token}"})
    with urllib.request.urlopen(asked) as answer:
        messages = json.load(answer)["messages"]
    return [events.parse(message["body"]).response.json() for message in messages]


def statuses(runtime: FcLocal, function: str) -> dict[str, str]:
    return {task.task_id: task.status for task in runtime.client.list_async_tasks(function).tasks}


def sound(file: Path) -> "array[int]":
    with wave.open(str(file), "rb") as reader:
        return array("h", reader.readframes(reader.getnframes()))


def test_a_job_is_split_transcoded_in_parts_joined_and_published(
    deployed: FcLocal, root: Path
) -> None:
    deployed.client.invoke_async(SPLIT, request(part_seconds=4), task_id="talk")
    deployed.run_until_idle()

    assert statuses(deployed, TRANSCODE) == {"talk-0": "Succeeded", "talk-1": "Succeeded"}
    [result] = published(deployed)
    assert result == {"job": "talk", "file": "out/talk.wav", "seconds": 6.0, "parts": 2}
    half = 10 ** (-6.0 / 20)
    assert list(sound(root / result["file"])) == [round(sample * half) for sample in samples()]


@RETRIED
def test_parts_wait_for_the_one_that_is_retried(deployed: FcLocal, root: Path) -> None:
    obstacle = root / "jobs" / "talk" / "done" / "00001"
    obstacle.mkdir(parents=True)
    deployed.client.invoke_async(SPLIT, request(), task_id="talk")
    deployed.advance(0.1)
    assert published(deployed) == []

    obstacle.rmdir()
    deployed.run_until_idle()
    assert statuses(deployed, TRANSCODE)["talk-1"] == "Succeeded"
    assert len(published(deployed)) == 1


def test_a_part_that_fails_for_good_is_replayed_and_the_job_completes(
    deployed: FcLocal,
) -> None:
    deployed.client.invoke_async(SPLIT, request(gain_db=3.0), task_id="talk")
    deployed.run_until_idle()

    event = deployed.receive(FAILURES)
    assert event is not None
    assert event.function == TRANSCODE
    assert event.request.json()["index"] == 1
    assert event.attempts == 1 + RETRIES
    assert "lifts the peak to +1.1 dB" in event.response.json()["errorMessage"]
    assert deployed.receive(FAILURES) is None
    assert published(deployed) == []

    settings = deployed.client.get_function(TRANSCODE).environment_variables or {}
    deployed.client.update_function(TRANSCODE, environment_variables={**settings, "PEAKS": "clip"})
    group = deployed.client.group(TRANSCODE, "talk", size=3).wait()
    assert [task.index for task in group.failures] == [1]
    assert group.replay_failed() == 1
    deployed.run_until_idle()
    assert [result["seconds"] for result in published(deployed)] == [6.0]


@pytest.mark.parametrize("how", ["together", "redelivery", pytest.param("crash", marks=RETRIED)])
def test_a_job_whose_functions_all_run_twice_is_joined_and_published_once(
    deployed: FcLocal, root: Path, how: How
) -> None:
    for function in (SPLIT, TRANSCODE, COLLECT, JOIN):
        deployed.duplicate(function, how)
    deployed.client.invoke_async(SPLIT, request(gain_db=0), task_id="talk")
    deployed.run_until_idle()

    assert len(statuses(deployed, TRANSCODE)) == 3
    assert statuses(deployed, JOIN) == {"talk": "Succeeded"}
    assert len(published(deployed)) == 1
    assert sound(root / "out" / "talk.wav") == sound(root / "in" / "talk.wav")


def test_a_part_that_is_done_is_not_transcoded_again(deployed: FcLocal, root: Path) -> None:
    deployed.client.invoke_async(SPLIT, request(), task_id="talk")
    deployed.run_until_idle()
    done = root / "jobs" / "talk" / "done" / "00001"
    done.write_bytes(b"as it was")

    deployed.client.task(TRANSCODE, "talk-1").replay()
    deployed.run_until_idle()
    assert done.read_bytes() == b"as it was"
    assert statuses(deployed, JOIN) == {"talk": "Succeeded"}


def test_a_name_of_a_job_cannot_be_used_for_another_request(deployed: FcLocal) -> None:
    deployed.client.invoke_async(SPLIT, request(), task_id="talk")
    deployed.client.invoke_async(SPLIT, request(gain_db=0), task_id="other", delay=60)
    deployed.run_until_idle()

    event = deployed.receive(FAILURES)
    assert event is not None
    assert "choose another name" in event.response.json()["errorMessage"]
    assert len(published(deployed)) == 1


def test_a_file_that_cannot_be_used_is_in_the_failure_queue(deployed: FcLocal, root: Path) -> None:
    (root / "in" / "text.wav").write_text("no sound")
    reasons = {
        "in/missing.wav": "No such file",
        "in/text.wav": "not a WAV file",
        "../secret.wav": "is outside of",
    }
    for source in reasons:
        deployed.client.invoke_async(SPLIT, request(source=source))
    deployed.run_until_idle()

    for _ in reasons:
        event = deployed.receive(FAILURES)
        assert event is not None
        assert event.attempts == 1 + RETRIES
        assert reasons[event.request.json()["source"]] in event.response.json()["errorMessage"]
    assert statuses(deployed, TRANSCODE) == {}


def test_a_job_for_later_waits_while_the_account_has_no_free_instance(deployed: FcLocal) -> None:
    deployed.fail_function(TRANSCODE, "throttled", seconds=600 + 1800)
    deployed.client.invoke_async(SPLIT, request(), task_id="talk", delay=600)

    deployed.advance(599)
    assert statuses(deployed, SPLIT) == {"talk": "Enqueued"}
    deployed.advance(1800)
    assert published(deployed) == []
    deployed.run_until_idle()
    assert len(published(deployed)) == 1
    assert deployed.receive(FAILURES) is None
