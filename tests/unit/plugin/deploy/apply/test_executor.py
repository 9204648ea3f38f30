# SPDX-License-Identifier: MIT
"""A plan is applied as a whole or not at all; steps that cannot be undone are reported."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.account.remote import read
from fc_async_plugin.deploy.apply.executor import apply
from fc_async_plugin.deploy.apply.perform import Performer
from fc_async_plugin.deploy.plan import Plan, plan_changes
from fc_async_plugin.deploy.plan.model import (
    CreateFunction,
    DeleteFunction,
    Put,
    Step,
    UpdateFunction,
)
from fc_async_plugin.deploy.plan.order import in_order, needs_of
from fc_async_plugin.project.state import Code, Place, WantedFunction
from fc_async_plugin.s_yaml.problems import Position
from fc_async_sdk import errors
from fc_async_sdk.models import AsyncConfig
from fc_async_tests import steps

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.account import Regions

REGION = "cn-hangzhou"
TASK = AsyncConfig(async_task=True)


def plan_of(*steps: Step) -> Plan:
    ordered = in_order(steps)
    return Plan(steps=ordered, needs=needs_of(ordered))


def put(function: str, before: AsyncConfig | None = None) -> Put:
    return steps.put("async config", TASK, before, function=function)


def refusal(code: str, status: int) -> errors.ServiceError:
    return errors.service_error_class(code, status)(code, "injected", http_status=status)


@pytest.fixture
def functions(account) -> list[str]:
    names = [f"f{number}" for number in range(6)]
    for name in names:
        account.add_function(name)
    return names


def test_apply_performs_all_steps_of_a_plan(
    account, performer: Performer, functions: list[str]
) -> None:
    report = apply(plan_of(*map(put, functions)), performer)
    assert report.outcome == "done"
    assert {function for function, _ in account.configs} == set(functions)


def test_an_empty_plan_is_done(performer: Performer) -> None:
    assert apply(Plan(), performer).outcome == "done"


def test_a_failure_undoes_everything(account, performer: Performer, functions: list[str]) -> None:
    account.configs["f0", "LATEST"] = AsyncConfig(max_async_retry_attempts=1)
    before = account.snapshot()
    old = account.configs["f0", "LATEST"]
    account.fail = lambda operation, function: (
        refusal("AccessDenied", 403)
        if (operation, function) == ("PutAsyncInvokeConfig", "f5")
        else None
    )
    report = apply(plan_of(put("f0", old), *map(put, functions[1:])), performer, workers=1)
    assert report.outcome == "undone"
    [failure] = report.failures
    assert str(failure).startswith("+ async config f5 (cn-hangzhou): 403 AccessDenied")
    after = account.snapshot()
    after[1]["f0", "LATEST"] = old  # the service adds the ARN to what it stores
    assert after == before


def test_a_step_that_may_have_been_done_is_undone_too(
    account, performer: Performer, functions: list[str]
) -> None:
    account.fail_after = lambda operation, function: (
        errors.InvalidResponse("cut off")
        if (operation, function) == ("PutAsyncInvokeConfig", "f3")
        else None
    )
    report = apply(plan_of(*map(put, functions)), performer)
    assert report.outcome == "undone"
    assert account.configs == {}


def test_a_step_that_failed_for_sure_is_not_undone(
    account, performer: Performer, functions: list[str]
) -> None:
    account.fail = lambda operation, _: (
        refusal("InvalidArgument", 400) if operation == "PutAsyncInvokeConfig" else None
    )
    apply(plan_of(put("f0")), performer)
    assert [operation for operation, _ in account.calls] == ["PutAsyncInvokeConfig"]


def test_a_step_that_cannot_be_undone_is_reported_with_the_reason(
    account, performer: Performer, functions: list[str]
) -> None:
    def fail(operation: str, function: str) -> Exception | None:
        if operation == "DeleteAsyncInvokeConfig":
            return refusal("AccessDenied", 403)
        return refusal("InvalidArgument", 400) if function == "f1" else None

    account.fail = fail
    report = apply(plan_of(put("f0"), put("f1")), performer, workers=1)
    assert report.outcome == "stuck"
    assert "403 AccessDenied" in report.stuck[0].reason


def test_a_deleted_function_is_reported_as_not_reversible(
    account, performer: Performer, functions: list[str]
) -> None:
    account.fail = lambda operation, function: (
        refusal("AccessDenied", 403) if (operation, function) == ("DeleteFunction", "f1") else None
    )
    steps = [DeleteFunction(region=REGION, function=name) for name in ("f0", "f1")]
    report = apply(plan_of(*steps), performer, workers=1)
    assert report.stuck[0].reason == "what was deleted cannot be brought back"


def test_a_transient_failure_is_waited_out(
    account, performer: Performer, functions: list[str], naps: list[float]
) -> None:
    account.fail = lambda *_: refusal("Throttled", 429) if len(account.calls) < 3 else None
    assert apply(plan_of(put("f0")), performer).outcome == "done"
    assert naps == [0.5, 1.0]


def test_a_stop_leaves_what_was_done_standing(
    account, performer: Performer, functions: list[str]
) -> None:
    report = apply(
        plan_of(*map(put, functions)), performer, stop=lambda: len(account.calls) >= 2, workers=1
    )
    assert (report.outcome, len(report.done)) == ("interrupted", 2)
    assert len(account.configs) == 2


def test_a_created_function_goes_away_again_after_its_configuration(
    account, performer: Performer, tmp_path: Path
) -> None:
    (tmp_path / "index.py").write_text("")
    create = CreateFunction(
        region=REGION,
        function="new",
        after={"runtime": "python3.12", "handler": "index.handler", "timeout": 9},
        code=Code(path=str(tmp_path)),
    )
    account.fail = lambda operation, function: (
        refusal("AccessDenied", 403)
        if (operation, function) == ("PutAsyncInvokeConfig", "bad")
        else None
    )
    account.add_function("bad")
    report = apply(plan_of(create, put("new"), put("bad")), performer, workers=1)
    assert report.outcome == "undone"
    assert list(account.functions) == ["bad"]


def test_code_that_changed_since_the_plan_is_not_deployed(
    account, performer: Performer, tmp_path: Path
) -> None:
    (tmp_path / "index.py").write_text("")
    account.add_function("f")
    step = UpdateFunction(
        region=REGION,
        function="f",
        before={},
        after={},
        code=Code(path=str(tmp_path), checksum="1"),
    )
    report = apply(plan_of(step), performer)
    assert "changed since it was planned" in report.failures[0].reason


def test_version_and_alias_of_one_run_are_made_and_unmade_in_order(
    account, regions: Regions, performer: Performer
) -> None:
    account.add_function("f")
    place = Place(REGION, "f")
    wanted = {
        place: WantedFunction(
            configs={"prod": TASK, "beta": TASK}, position=Position("s.yaml", 1, 1), settings={}
        )
    }
    plan = plan_changes(wanted, read(regions, wanted))
    account.fail = lambda operation, _: (
        refusal("AccessDenied", 403)
        if operation == "PutAsyncInvokeConfig" and ("f", "beta") in account.configs
        else None
    )
    before = account.snapshot()
    report = apply(plan, performer, workers=1)
    assert report.outcome == "undone"
    assert account.snapshot() == before
    account.fail = lambda *_: None
    assert apply(plan, performer).outcome == "done"
    assert {alias.version_id for alias in account.aliases.values()} == {"1"}


@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_configurations_with_fifty_failures_end_all_done_or_all_undone(
    account, regions: Regions, seed: int
) -> None:
    chance = random.Random(seed)
    names = [f"f{number:04}" for number in range(1000)]
    for name in names:
        account.add_function(name)
    failures = [
        chance.choice(
            [
                refusal("Throttled", 429),
                refusal("InternalServerError", 500),
                errors.ConnectFailed("reset"),
                errors.TimedOut("no answer"),
            ]
        )
        for _ in range(50)
    ]
    if seed % 2:
        failures[25] = refusal("AccessDenied", 403)
    due = set(chance.sample(range(100, 1000), 50))

    def fail(operation: str, _: str) -> Exception | None:
        return failures.pop() if failures and len(account.calls) in due else None

    account.fail = fail
    report = apply(plan_of(*map(put, names)), Performer(regions, sleep=lambda _: None))
    assert report.outcome == ("undone" if seed % 2 else "done")
    assert len(account.configs) == (0 if seed % 2 else 1000)
