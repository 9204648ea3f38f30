# SPDX-License-Identifier: MIT
"""An end in the middle is no riddle: the journal knows what stands."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.apply import Work
from fc_async_plugin.apply.journal import Journal
from fc_async_plugin.apply.perform import Done
from fc_async_plugin.errors import PluginError
from fc_async_plugin.plan.steps import Code, PutAsyncConfig
from fc_async_sdk.errors import AccessDenied, TimedOut
from fc_async_sdk.models import AsyncConfig

if TYPE_CHECKING:
    from pathlib import Path

STEPS = tuple(
    PutAsyncConfig(region="cn-hangzhou", function=name, after=AsyncConfig(async_task=True))
    for name in "abcd"
)
A, B, C, D = STEPS
TARGET = "http://127.0.0.1:9900"


def standing(folder: Path) -> list[str]:
    with Journal(folder) as journal:
        return [work.step.function for work in journal.standing]


class Crash(BaseException):
    """Ends a run without telling the journal."""


def crashing(folder: Path, *events: tuple[str, int]) -> None:
    with contextlib.suppress(Crash), Journal(folder) as journal:
        first = journal.begin("deploy", TARGET, STEPS)
        for what, number in events:
            step = STEPS[number]
            if what == "started":
                journal.started(step, first + number)
            elif what == "done":
                journal.done(step, first + number, Done())
            elif what == "undone":
                journal.undone(step, first + number)
            else:
                error = (
                    TimedOut("?") if what == "unknown" else AccessDenied("x", "", http_status=403)
                )
                journal.failed(step, first + number, error)
        raise Crash


def test_a_run_that_ended_leaves_nothing(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.begin("deploy", TARGET, STEPS)
        journal.started(A, 0)
        journal.done(A, 0, Done())
        journal.end([])
    assert list(tmp_path.iterdir()) == []


def test_what_was_done_or_only_started_stands(tmp_path: Path) -> None:
    crashing(tmp_path, ("started", 0), ("started", 1), ("done", 0), ("started", 2))
    assert standing(tmp_path) == ["b", "a", "c"]


def test_what_failed_for_sure_does_not_stand_and_what_may_have_been_done_does(
    tmp_path: Path,
) -> None:
    crashing(tmp_path, ("started", 0), ("failed", 0), ("started", 1), ("unknown", 1))
    assert standing(tmp_path) == ["b"]


def test_what_was_undone_does_not_stand(tmp_path: Path) -> None:
    crashing(tmp_path, ("started", 0), ("done", 0), ("started", 1), ("done", 1), ("undone", 0))
    assert standing(tmp_path) == ["b"]


def test_a_further_run_counts_on_from_the_one_before(tmp_path: Path) -> None:
    crashing(tmp_path, ("started", 0), ("done", 0))
    crashing(tmp_path, ("started", 1), ("done", 1))
    with Journal(tmp_path) as journal:
        assert [(work.index, work.step.function) for work in journal.standing] == [
            (0, "a"),
            (5, "b"),
        ]


def test_what_undoing_needs_is_kept(tmp_path: Path) -> None:
    kept = Code(path="/kept.zip", checksum="1")
    with contextlib.suppress(Crash), Journal(tmp_path) as journal:
        journal.begin("deploy", TARGET, STEPS)
        journal.done(A, 0, Done("7", kept))
        raise Crash
    with Journal(tmp_path) as journal:
        assert journal.standing == [Work(0, A, Done("7", kept))]
        assert (journal.command, journal.target) == ("deploy", TARGET)


def test_looking_at_it_does_not_make_it_go(tmp_path: Path) -> None:
    crashing(tmp_path, ("done", 0))
    assert standing(tmp_path) == standing(tmp_path) == ["a"]


def test_a_line_that_was_cut_off_is_forgiven(tmp_path: Path) -> None:
    crashing(tmp_path, ("started", 0), ("started", 1))
    path = tmp_path / ".fc-async" / "deployment.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    assert standing(tmp_path) == ["a"]


def test_a_damaged_journal_is_an_error_with_its_place(tmp_path: Path) -> None:
    crashing(tmp_path, ("started", 0), ("started", 1))
    path = tmp_path / ".fc-async" / "deployment.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "rubbish", *lines[1:]]))
    with pytest.raises(PluginError, match=r"deployment\.jsonl:2 is damaged"):
        standing(tmp_path)


def test_two_deployments_of_one_project_exclude_each_other(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(PluginError, match="another deployment"):
        Journal(tmp_path).__enter__()


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    crashing(tmp_path, ("done", 0))
    path = tmp_path / ".fc-async" / "deployment.jsonl"
    assert path.stat().st_mode & 0o077 == 0
