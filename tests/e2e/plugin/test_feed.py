# SPDX-License-Identifier: MIT
"""A file of lines that a function sends to itself, as a user types it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import run
from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace
from fc_async_sdk.payloads import DefaultStore, FolderStore
from fc_async_sdk.stores import MemoryStore
from fc_async_tests.commands import notes
from fc_async_tests.faults import fail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal

    Typed = Callable[..., tuple[int, str, str]]

LINES = 300
SEND = ("invoke", "copy", "--lines", "lines.jsonl", "--task-id", "nightly", "--feed", "batches")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fc_local: FcLocal) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    (tmp_path / "lines.jsonl").write_text("".join(f"{number}\n" for number in range(LINES)))
    return tmp_path


@pytest.fixture
def copied(fc_local: FcLocal, here: Path) -> list[int]:
    numbers: list[int] = []
    pace = Pace("crm", "1/s", store=MemoryStore())
    copy = handler(int, pace=pace, large=FolderStore(here / "batches"))
    fc_local.deploy(
        "copy",
        copy(lambda number, _: numbers.append(number)),
        async_config={"asyncTask": True},
    )
    return numbers


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    def type_in(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return code, out, notes(err)

    return type_in


def test_lines_are_stored_and_the_function_sends_them(
    typed: Typed, fc_local: FcLocal, copied: list[int]
) -> None:
    for _ in range(2):  # a second run goes on with the same feed
        code, out, err = typed(*SEND)
        assert (code, err) == (0, "")
        first, second, third = out.splitlines()
        assert first == f"Stored: {LINES} of {LINES}; copy sends them to itself."
        assert second == f"nightly of copy is running: 0 of {LINES} sent, {LINES} left."
        assert third == "At the pace as it is, the last message starts in 0:04:59."
    fc_local.advance(150)
    code, out, _ = typed("feed", "copy", "nightly")
    assert code == 0
    sent = int(out.partition("running: ")[2].partition(" of")[0])
    assert 150 <= sent <= 250
    fc_local.run_until_idle()
    assert sorted(copied) == list(range(LINES))
    assert typed("feed", "copy", "nightly")[1] == (
        f"nightly of copy is done: {LINES} of {LINES} sent, 0 left.\n"
    )


def test_a_batch_that_was_interrupted_is_not_begun(
    typed: Typed, copied: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        fail(patch, FolderStore, "put", KeyboardInterrupt())
        code, _, err = typed(*SEND)
    assert code != 0
    assert "interrupted: run the same command again to go on; it sends nothing twice" in err
    assert "there is no feed" in typed("feed", "copy", "nightly")[2]
    assert typed(*SEND)[0] == 0


def test_the_store_may_be_that_of_large_payloads(typed: Typed, fc_local: FcLocal) -> None:
    numbers: list[int] = []
    copy = handler(int, pace=Pace("crm", "10/s"), large=DefaultStore())
    fc_local.deploy("copy", copy(lambda number, _: numbers.append(number)))
    assert typed(*SEND[:-1], "default")[0] == 0
    fc_local.run_until_idle()
    assert sorted(numbers) == list(range(LINES))


def test_a_feed_is_paused_resumed_and_stopped(
    typed: Typed, fc_local: FcLocal, copied: list[int]
) -> None:
    typed(*SEND)
    fc_local.advance(5)
    assert "is paused" in typed("feed", "copy", "nightly", "--pause")[1]
    fc_local.run_until_idle()
    assert len(copied) < LINES
    assert "is running" in typed("feed", "copy", "nightly", "--resume")[1]
    code, out, _ = typed("feed", "copy", "nightly", "--stop", "-o", "json")
    assert code == 0
    assert json.loads(out)["state"] == "stopped"
    code, _, err = typed("feed", "copy", "nightly", "--resume")
    assert code == 1
    assert "feed nightly: it was stopped, and does not go on" in err


def test_waiting_ends_when_all_are_sent(typed: Typed, fc_local: FcLocal, copied: list[int]) -> None:
    typed(*SEND)
    fc_local.run_until_idle()
    code, out, _ = typed("feed", "copy", "nightly", "--wait", "-o", "json")
    document = json.loads(out)
    assert code == 0
    assert (document["state"], document["sent"], document["left"]) == ("done", LINES, 0)
    assert (document["remainingMs"], document["problem"]) == (0, None)


def test_a_line_that_cannot_be_sent_is_left_out_and_named(
    typed: Typed, fc_local: FcLocal, copied: list[int], here: Path
) -> None:
    (here / "lines.jsonl").write_text("1\n" + "x" * 200_000 + "\n2\n")
    code, out, err = typed(*SEND, "--failed", "failed.jsonl")
    assert code == 1
    assert out.startswith("Stored: 2 of 3; ")
    assert "payload 1: the payload has 200000 bytes" in err
    assert len((here / "failed.jsonl").read_text()) == 200_001
    fc_local.run_until_idle()
    assert sorted(copied) == [1, 2]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--feed", "batches"), "--feed goes with --batch and --task-id"),
        (("--lines", "lines.jsonl", "--feed", "batches"), "--feed goes with --batch and --task-id"),
        ((*SEND[2:], "--rate", "5/s"), "the pace of the handler decides"),
        ((*SEND[2:], "--delay", "5"), "the pace of the handler decides"),
    ],
)
def test_options_that_a_feed_cannot_keep_are_refused(
    typed: Typed, copied: list[int], options: tuple[str, ...], reason: str
) -> None:
    code, _, err = typed("invoke", "copy", *options)
    assert code == 1
    assert reason in err


def test_a_function_that_cannot_feed_itself_is_named(typed: Typed, fc_local: FcLocal) -> None:
    fc_local.deploy("copy", lambda event, _: event, async_config={"asyncTask": True})
    code, _, err = typed(*SEND)
    assert code == 1
    assert "feed nightly: the function copy does not know feeds" in err
    assert "@handler(…, pace=pace, large=store)" in err
    code, _, err = typed("feed", "copy", "other")
    assert code == 1
    code, _, err = typed("feed", "nosuch", "other")
    assert code == 1
    assert "FunctionNotFound" in err
    assert typed("feed", "copy", "nightly", "--stop", "--wait")[0] == 1
