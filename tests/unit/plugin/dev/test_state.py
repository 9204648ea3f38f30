# SPDX-License-Identifier: MIT
"""What is deployed, said and left unsaid, decided from data: no clock, no files, no runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_plugin.dev import state
from fc_async_plugin.dev.deploying import Result
from fc_async_plugin.dev.launch import Target
from fc_async_plugin.dev.messages import Message
from fc_async_plugin.dev.state import State
from fc_async_plugin.prepare.syntax import Broken
from fc_async_plugin.project.sources import Source
from fc_async_sdk.admin.models import Step

HOME = Path("/home/me/shop")
INDEX = HOME / "code" / "index.py"
OTHER = HOME / "code" / "other.py"
ORDERS = Source("orders", "orders", "s.yaml", "python3.10", "index.handler", HOME / "code")
AGAIN = state.Deploy("saved", again=True)
BROKEN = Broken(INDEX, 3, "invalid syntax", "def f(:", 7)


def session(*targets: Target) -> State:
    """Return the state of a session in which keys are read."""
    session = State(HOME, targets)
    session.decide(state.KeysRead(from_terminal=True))
    return session


def saved(session: State, stamps: dict[Path, int]) -> list[state.Action]:
    return session.decide(state.Saved({file: (time, 9) for file, time in stamps.items()}))


def deployed(session: State, request: state.Deploy, **fields: Any) -> list[state.Action]:
    result = Result(**{name: fields.pop(name) for name in Result._fields if name in fields})
    return session.decide(state.DeploymentEnded(request, result, 12, sources=[ORDERS], **fields))


def texts(actions: list[state.Action], kind: str) -> list[str]:
    return [one.text for one in actions if isinstance(one, Message) and one.kind == kind]


def test_a_save_is_built_deployed_and_looked_at_again():
    assert saved(session(), {OTHER: 1, INDEX: 1}) == [
        state.Build(frozenset({INDEX, OTHER})),
        state.Deploy("saved", (INDEX, OTHER)),
        state.ReadStamps(frozenset({INDEX, OTHER})),
    ]


def test_what_a_build_or_an_installation_has_written_is_not_a_save():
    loop = session()
    loop.decide(state.Built([], [], frozenset({INDEX}), {OTHER: (1, 9)}))
    assert saved(loop, {OTHER: 1}) == []
    deployed(loop, state.Deploy("saved", (INDEX,)), written={OTHER: (2, 9)})
    assert saved(loop, {OTHER: 2}) == []
    assert saved(loop, {OTHER: 3})  # the user has changed it afterwards


def test_a_save_that_is_reported_in_pieces_is_deployed_once():
    loop = session()
    saved(loop, {INDEX: 1})
    assert saved(loop, {INDEX: 1}) == []
    assert saved(loop, {INDEX: 2}) != []


def test_a_file_that_is_deleted_is_a_save():
    loop = session()
    saved(loop, {INDEX: 1})
    assert loop.decide(state.Saved({INDEX: None})) != []


def test_a_save_that_was_written_while_it_was_deployed_is_said_once():
    loop = session()
    saved(loop, {INDEX: 1})
    loop.decide(state.StampsRead({INDEX: (2, 9)}))
    [_, deploy, _] = saved(loop, {INDEX: 2})
    assert deploy == state.Deploy("saved", (INDEX,), again=True)
    assert deployed(loop, deploy, findings=()) == []


def test_the_save_after_one_that_was_complete_is_reported():
    loop = session()
    saved(loop, {INDEX: 1})
    loop.decide(state.StampsRead({INDEX: (1, 9)}))
    [_, deploy, _] = saved(loop, {INDEX: 2})
    assert deploy == state.Deploy("saved", (INDEX,))


def test_what_was_saved_before_a_watch_began_is_deployed_without_a_second_report():
    loop = session()
    assert loop.decide(state.WatchBegan({INDEX: (1, 9)})) == [state.Build(None), AGAIN]
    assert deployed(loop, AGAIN, findings=()) == []
    assert saved(loop, {INDEX: 1}) == []


def test_the_first_watch_is_said_once_when_it_has_begun():
    loop = session()
    replaced = loop.decide(state.CaughtUp((), ["orders"], watched=False))
    first = loop.decide(state.CaughtUp((), ["orders"], watched=True))
    second = loop.decide(state.CaughtUp((), ["orders"], watched=True))
    assert replaced == second == []
    assert texts(first, "watching") == ["Watching. Ctrl-C ends it, ? shows keys."]


def test_a_declined_build_is_not_named_again_before_the_first_watch_has_begun():
    loop = session()
    built = state.Built(["npm failed"], ["web: npm run build"])
    assert texts(loop.decide(built), "note") == []
    loop.decide(state.CaughtUp((), [], watched=True))
    note = "not built again: web: npm run build; fc-async dev asks when it starts"
    assert texts(loop.decide(built), "note") == [note]
    assert texts(loop.decide(built), "note") == []
    assert texts(loop.decide(built), "problem") == ["npm failed"]


def test_a_draft_that_an_editor_has_deleted_is_not_named():
    request = state.Deploy("saved", (INDEX, OTHER))
    actions = deployed(session(), request, findings=(), existing=[INDEX])
    assert texts(actions, "saved") == ["saved code/index.py, deployed in 12 ms: no changes"]


def test_a_broken_file_is_said_with_what_stays_and_named_when_it_is_mended():
    loop = session()
    request = state.Deploy("saved", (INDEX,))
    unreadable = frozenset({INDEX})
    actions = deployed(loop, request, broken=(BROKEN,), unreadable=unreadable)
    [text] = texts(actions, "broken")
    assert text.startswith("code/index.py:3: invalid syntax\n  def f(:\n        ^\n")
    assert text.endswith("\nNothing was deployed from it.")
    actions = deployed(loop, request, broken=(BROKEN,), unreadable=unreadable, covered=unreadable)
    assert texts(actions, "broken")[0].endswith("\nThe last good code stays.")
    assert texts(deployed(loop, request), "mended") == ["code/index.py can be read again"]


def test_a_failure_is_repeated_for_a_save_but_not_when_everything_is_read_again():
    loop = session()
    failure = {"failures": ("orders: no code",)}
    save = state.Deploy("saved", (INDEX,))
    assert texts(deployed(loop, save, **failure), "refused") == ["not deployed: orders: no code"]
    assert texts(deployed(loop, save, **failure), "refused") == ["not deployed: orders: no code"]
    assert deployed(loop, AGAIN, **failure) == []


def test_what_is_left_out_is_named_once():
    loop = session()
    first = deployed(loop, state.Deploy("deployed"), findings=(), omitted=("vpcConfig",))
    second = deployed(loop, state.Deploy("saved"), findings=(), omitted=("vpcConfig",))
    assert (texts(first, "note"), texts(second, "note")) == (["vpcConfig"], [])


def test_the_urls_of_all_functions_are_shown_at_the_start_only():
    loop = session()
    assert deployed(loop, state.Deploy("deployed"))[-1] == state.ShowUrls(frozenset({"orders"}))
    assert deployed(loop, state.Deploy("saved", ()))[-1] == state.ShowUrls(frozenset())


def test_how_an_editor_attaches_is_said_when_the_debugger_first_runs():
    target = Target("orders", "python", 5678, HOME / "code")
    loop = session(target)
    for _ in range(2):  # it did not start: the next deployment tries again
        actions = deployed(loop, state.Deploy("saved", ()))
        assert state.StartDebugger(target) in actions
    assert texts(loop.decide(state.DebuggerReady(target)), "debugger")
    assert loop.decide(state.DebuggerReady(target)) == []
    assert loop.debugged == {"orders"}
    assert state.StartDebugger(target) not in deployed(loop, state.Deploy("saved", ()))


def step(kind: str, **fields: Any) -> Step:
    return Step(kind=kind, at=1, function="orders", request_id="1-a", **fields)


def read(loop: State, *steps: Step, missed: int = 0) -> list[state.Action]:
    return loop.decide(state.StepsRead(steps, missed, [ORDERS]))


def test_the_key_i_repeats_the_last_call_of_the_user_not_one_that_a_function_made():
    loop = session()
    [hint] = loop.decide(state.KeyPressed("i"))
    assert isinstance(hint, Message)
    first = step("accepted", hops=0)
    read(loop, first, step("started", hops=0), step("accepted", hops=1))
    assert loop.decide(state.KeyPressed("i")) == [state.Invoke(first)]


def test_a_failed_attempt_is_searched_for_a_missing_import_and_the_advice_is_said_once():
    loop = session()
    failed = step("ended", status="Failed", hops=0)
    actions = read(loop, step("ended", status="Succeeded", hops=0), failed, missed=2)
    assert texts(actions, "missed") == ["2 steps were too many to show"]
    assert actions[-1] == state.FindImport(failed, ORDERS)
    assert texts(loop.decide(state.Noticed("install numpy")), "note") == ["install numpy"]
    assert loop.decide(state.Noticed("install numpy")) == loop.decide(state.Noticed("")) == []


def test_a_key_without_a_meaning_does_nothing():
    assert session().decide(state.KeyPressed("x")) == []


@pytest.mark.parametrize(("due", "seconds"), [(None, 60), (500, 60), (1_000, 60), (3_500, 2.5)])
def test_virtual_time_moves_to_what_is_due_or_by_a_minute(due: int | None, seconds: float):
    assert state.seconds_ahead(1_000, due) == seconds


@given(st.lists(st.tuples(st.sampled_from([INDEX, OTHER]), st.integers(1, 3)), max_size=20))
def test_each_written_state_is_deployed_exactly_once(reports: list[tuple[Path, int]]):
    loop = session()
    written: dict[Path, int] = {}
    for file, time in reports:
        is_news = written.get(file) != time
        written[file] = time
        assert bool(saved(loop, {file: time})) == is_news
