# SPDX-License-Identifier: MIT
"""Members of a group and single tasks: what is known of them after any order of answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fc_async_sdk import errors
from fc_async_sdk._pacing import hop
from fc_async_sdk.handles import snapshot
from fc_async_sdk.handles.members import Ended, Members
from fc_async_sdk.models import AsyncTask, TaskStatus

FINAL: tuple[TaskStatus, ...] = ("Succeeded", "Failed", "Stopped", "Expired", "Invalid")
INDEXES = st.integers(0, 5)


class MembersMachine(RuleBasedStateMachine):
    """Any order of tasks that are listed, sent again, refused or lost, compared with a model.

    The model has the last replay and the end of each member: None, or whether it has a result.
    """

    def __init__(self) -> None:
        super().__init__()
        self.members = Members("f", "b", None)
        self.last: dict[int, int] = {}
        self.has_result: dict[int, bool | None] = {}

    @initialize(size=st.none() | st.integers(0, 4))
    def begin(self, size: int | None) -> None:
        self.members = Members("f", "b", size)
        self.last = dict.fromkeys(range(size or 0), 0)
        self.has_result = dict.fromkeys(self.last)

    def id_of(self, index: int) -> str:
        replay = self.last[index]
        return f"b_r{replay}-{index}" if replay else f"b-{index}"

    @rule(index=INDEXES, replay=st.integers(0, 3))
    def list_one(self, index: int, replay: int) -> None:
        self.members.note(f"b_r{replay}-{index}" if replay else f"b-{index}")
        size = self.members.size
        if size is not None and index >= size:
            return
        known = self.last.get(index)
        if known is None or replay > known:
            self.last[index] = replay
            self.has_result[index] = None

    @precondition(lambda self: self.last)
    @rule(data=st.data(), status=st.sampled_from(FINAL))
    def end(self, data: st.DataObject, status: TaskStatus) -> None:
        index = data.draw(st.sampled_from(sorted(self.last)))
        task = AsyncTask(task_id=self.id_of(index), status=status)
        ended = self.members.end(task)
        is_first = self.has_result[index] is None
        assert (ended is not None) == is_first, "each member is reported once"
        if is_first:
            self.has_result[index] = status == "Succeeded"

    @precondition(lambda self: self.last)
    @rule(data=st.data())
    def lose_or_refuse(self, data: st.DataObject) -> None:
        index = data.draw(st.sampled_from(sorted(self.last)))
        if data.draw(st.booleans()):
            self.members.lose(self.id_of(index))
        else:
            self.members.refuse(self.id_of(index), errors.TransportError("away"))
        self.has_result[index] = False

    @precondition(lambda self: self.last)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        index = data.draw(st.sampled_from(sorted(self.last)))
        following = self.members.next_id(self.id_of(index))
        self.last[index] += 1
        assert following == self.id_of(index)
        self.members.send_again(following)
        self.has_result[index] = None

    @invariant()
    def a_member_waits_until_its_last_replay_has_ended(self) -> None:
        open_ids = {self.id_of(index) for index, end in self.has_result.items() if end is None}
        assert self.members.waiting() == open_ids
        assert all(self.members.awaited(task_id) for task_id in open_ids)

    @invariant()
    def the_counts_are_those_of_the_last_replays(self) -> None:
        ends = [end for end in self.has_result.values() if end is not None]
        progress = self.members.progress
        assert progress.done == len(ends)
        assert progress.failed == ends.count(False)
        assert progress.total == (None if self.members.size is None else len(self.last))


TestMembers = MembersMachine.TestCase


def test_a_message_that_only_waits_on_is_not_the_end_of_a_member() -> None:
    members = Members("f", "b", 1)
    sent = hop.Sent(next="other-id", seconds=9)
    delivery = AsyncTask(
        task_id="b-0", status="Succeeded", return_payload=json.dumps(sent.result())
    )
    assert members.end(delivery) is None
    assert members.elsewhere == {"other-id": "b-0"}
    ended = members.end_elsewhere(AsyncTask(task_id="other-id", status="Failed"))
    assert ended is not None
    assert (ended.index, ended.task_id) == (0, "other-id")


class TestSnapshot:
    def test_what_a_list_told_lacks_the_return_value(self) -> None:
        task = AsyncTask(task_id="b-0", status="Succeeded", request_id="r")
        listed = snapshot.first("b-0", "", Ended("b-0", 0, task, None))
        assert listed.incomplete
        assert listed.request_id == "r"
        assert not listed.after("f", task).incomplete

    @pytest.mark.parametrize("status", FINAL)
    def test_a_task_that_did_not_succeed_has_an_error(self, status: TaskStatus) -> None:
        seen = snapshot.first("t", "r", None).after("f", AsyncTask(task_id="t", status=status))
        assert (seen.error is None) == (status == "Succeeded")
        assert seen.request_id == "r"

    def test_a_replay_that_succeeds_has_no_error_any_more(self) -> None:
        failed = snapshot.first("t", "", None).after("f", AsyncTask(task_id="t", status="Failed"))
        assert failed.error is not None
        assert failed.after("f", AsyncTask(task_id="t", status="Succeeded")).error is None

    def test_nothing_is_known_of_the_message_that_follows(self) -> None:
        sent = hop.Sent(next="t_r2", seconds=9)
        delivery = AsyncTask(
            task_id="t", status="Succeeded", return_payload=json.dumps(sent.result())
        )
        following = snapshot.first("t", "r", None).after("f", delivery).following(delivery, None)
        assert following is not None
        assert following.message_id == "t_r2"
        assert following.task is None

    def test_a_task_that_ran_its_handler_is_followed_by_none(self) -> None:
        task = AsyncTask(task_id="t", status="Succeeded", return_payload="5")
        assert snapshot.first("t", "", None).following(task, None) is None
