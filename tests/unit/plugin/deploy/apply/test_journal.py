# SPDX-License-Identifier: MIT
"""After an end in the middle the journal knows what stands."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import PluginError
from fc_async_plugin.deploy.apply.executor import Work
from fc_async_plugin.deploy.apply.journal import Journal
from fc_async_plugin.deploy.apply.perform import Done
from fc_async_plugin.deploy.plan.model import UpdateFunction
from fc_async_plugin.project.state import Code
from fc_async_sdk import _project_folder, _user_key
from fc_async_sdk.errors import AccessDenied, TimedOut
from fc_async_sdk.models import AsyncConfig
from fc_async_tests.faults import fail
from fc_async_tests.steps import put

if TYPE_CHECKING:
    from pathlib import Path

STEPS = tuple(put("async config", AsyncConfig(async_task=True), function=name) for name in "abcd")
A, B, C, D = STEPS
TARGET = "http://127.0.0.1:9900"


def journal_of(folder: Path, target: str = TARGET, template: str = "s.yaml") -> Journal:
    return Journal(folder, template, target, wait_seconds=0)


def standing(folder: Path) -> list[str]:
    with journal_of(folder) as journal:
        return [work.step.function for work in journal.standing]


def file_of(folder: Path) -> Path:
    [path] = folder.glob(".fc-async/deploy/*/journal")
    return path


class Crash(BaseException):
    """Ends a run without telling the journal."""


def crashing(folder: Path, *events: tuple[str, int], target: str = TARGET) -> None:
    with contextlib.suppress(Crash), journal_of(folder, target) as journal:
        first = journal.begin("deploy", STEPS)
        for what, number in events:
            step = STEPS[number]
            if what == "started":
                journal.recorder.started(step, first + number)
            elif what == "done":
                journal.recorder.done(step, first + number, Done())
            elif what == "undone":
                journal.recorder.undone(step, first + number)
            else:
                error = (
                    TimedOut("?") if what == "unknown" else AccessDenied("x", "", http_status=403)
                )
                journal.recorder.failed(step, first + number, error)
        raise Crash


def test_a_run_that_ended_leaves_nothing_but_the_gitignore_and_the_mark(tmp_path: Path) -> None:
    with journal_of(tmp_path) as journal:
        journal.begin("deploy", STEPS)
        journal.recorder.started(A, 0)
        journal.recorder.done(A, 0, Done())
        journal.end([])
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path).as_posix() for path in left} == {
        ".fc-async/.gitignore",
        ".fc-async/mark",
    }


def test_steps_that_were_done_or_started_stand_in_the_journal(tmp_path: Path) -> None:
    crashing(tmp_path, ("started", 0), ("started", 1), ("done", 0), ("started", 2))
    assert standing(tmp_path) == ["b", "a", "c"]


def test_failed_steps_do_not_stand_in_the_journal_but_unclear_ones_do(
    tmp_path: Path,
) -> None:
    crashing(tmp_path, ("started", 0), ("failed", 0), ("started", 1), ("unknown", 1))
    assert standing(tmp_path) == ["b"]


def test_undone_steps_do_not_stand_in_the_journal(tmp_path: Path) -> None:
    crashing(tmp_path, ("started", 0), ("done", 0), ("started", 1), ("done", 1), ("undone", 0))
    assert standing(tmp_path) == ["b"]


def test_a_further_run_counts_on_from_the_one_before(tmp_path: Path) -> None:
    crashing(tmp_path, ("started", 0), ("done", 0))
    crashing(tmp_path, ("started", 1), ("done", 1))
    with journal_of(tmp_path) as journal:
        assert [(work.index, work.step.function) for work in journal.standing] == [
            (0, "a"),
            (5, "b"),
        ]


@pytest.mark.parametrize("then", ["nothing", "unknown"])
def test_the_journal_knows_how_to_undo_a_step_without_an_answer(tmp_path: Path, then: str) -> None:
    left = Done("", Code(path="/kept.zip", checksum="1"), ("1", "2"), sent=True)
    with contextlib.suppress(Crash), journal_of(tmp_path) as journal:
        journal.begin("deploy", STEPS)
        journal.recorder.started(A, 0)
        journal.recorder.prepared(A, 0, left)
        if then == "unknown":
            journal.recorder.failed(A, 0, TimedOut("?"))
        raise Crash
    with journal_of(tmp_path) as journal:
        assert journal.standing == [Work(0, A, left, in_doubt=True)]
        assert journal.command == "deploy"


def test_reading_the_journal_does_not_delete_it(tmp_path: Path) -> None:
    crashing(tmp_path, ("done", 0))
    assert standing(tmp_path) == standing(tmp_path) == ["a"]


def test_a_line_that_was_cut_off_is_forgiven_and_does_not_spoil_the_next_run(
    tmp_path: Path,
) -> None:
    crashing(tmp_path, ("started", 0), ("started", 1))
    path = file_of(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    assert standing(tmp_path) == ["a"]
    crashing(tmp_path, ("started", 2))
    assert standing(tmp_path) == ["a", "c"]


def test_a_damaged_journal_is_an_error_with_its_place(tmp_path: Path) -> None:
    crashing(tmp_path, ("started", 0), ("started", 1))
    path = file_of(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "rubbish", *lines[1:]]))
    with pytest.raises(PluginError, match=r"line 2 of .*journal is damaged"):
        standing(tmp_path)


def test_a_journal_whose_key_is_lost_is_an_error_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashing(tmp_path, ("started", 0))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    with pytest.raises(_project_folder.ForeignFolder, match="fc-async local trust"):
        standing(tmp_path)
    _project_folder.trust(tmp_path / _project_folder.NAME)
    with pytest.raises(PluginError, match="look at the account"):
        standing(tmp_path)
    assert file_of(tmp_path).stat().st_size


def test_no_value_of_a_function_can_be_read_in_any_file_of_an_interrupted_deployment(
    tmp_path: Path,
) -> None:
    update = UpdateFunction(
        region="cn-hangzhou",
        function="f",
        before={"environmentVariables": {"TOKEN": "hunter1"}},
        after={"environmentVariables": {"TOKEN": "hunter2"}},
    )
    with contextlib.suppress(Crash), journal_of(tmp_path) as journal:
        journal.begin("deploy", (update,))
        journal.recorder.started(update, 0)
        raise Crash
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hunter" not in everything
    with journal_of(tmp_path) as journal:
        assert journal.standing[0].step == update


def test_the_gitignore_is_there_before_any_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, _user_key, "key", Crash())
    with pytest.raises(Crash), journal_of(tmp_path) as journal:
        journal.begin("deploy", STEPS)
    assert (tmp_path / ".fc-async" / ".gitignore").read_text().splitlines()[-1] == "*"


def test_a_gitignore_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    (tmp_path / ".fc-async").mkdir()
    (tmp_path / ".fc-async" / ".gitignore").touch()
    crashing(tmp_path, ("started", 0))
    assert (tmp_path / ".fc-async" / ".gitignore").read_text().splitlines()[-1] == "*"


def test_two_deployments_to_one_target_exclude_each_other(tmp_path: Path) -> None:
    with journal_of(tmp_path), pytest.raises(PluginError, match="another deployment of s"):
        journal_of(tmp_path).__enter__()


def test_deployments_to_different_targets_or_of_different_templates_do_not_wait_for_each_other(
    tmp_path: Path,
) -> None:
    crashing(tmp_path, ("done", 0))
    with journal_of(tmp_path), journal_of(tmp_path, "http://127.0.0.1:9901") as other:
        assert other.standing == []
        with journal_of(tmp_path, template="other.yaml") as another:
            assert another.standing == []
    assert standing(tmp_path) == ["a"]


def test_a_deployment_waits_for_the_one_that_is_running_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    told = threading.Event()

    def waiting(message: str) -> None:
        said.append(message)
        told.set()

    def second() -> None:
        with Journal(tmp_path, "s.yaml", TARGET, waiting=waiting):
            said.append("my turn")

    thread = threading.Thread(target=second)
    with journal_of(tmp_path):
        thread.start()
        assert told.wait(30)
        said.append("first ends")
    thread.join(30)
    assert said == [
        f"Another deployment of s.yaml to {TARGET} is running: waiting until it ends.",
        "first ends",
        "my turn",
    ]


def test_many_that_come_and_go_never_hold_the_lock_at_the_same_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def come_and_go() -> None:
        for _ in range(20):
            with Journal(tmp_path, "s.yaml", TARGET) as journal:
                inside.append(1)
                most.append(len(inside))
                journal.begin("deploy", STEPS)
                journal.end([])
                inside.pop()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert most == [1] * 80


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    crashing(tmp_path, ("done", 0))
    assert file_of(tmp_path).stat().st_mode & 0o077 == 0
    assert _user_key.key_path().stat().st_mode & 0o077 == 0
