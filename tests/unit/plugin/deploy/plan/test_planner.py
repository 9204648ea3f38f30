# SPDX-License-Identifier: MIT
"""Wanted and remote state in, steps out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_plugin.deploy.plan import Plan, plan_changes, plan_removal
from fc_async_plugin.deploy.plan.kinds import config_of
from fc_async_plugin.deploy.plan.model import (
    CreateFunction,
    Delete,
    DeleteFunction,
    PublishVersion,
    Put,
    Step,
    UpdateFunction,
)
from fc_async_plugin.project.state import Code, Place, RemoteFunction, WantedFunction
from fc_async_plugin.s_yaml.problems import Position
from fc_async_sdk.models import Alias, AsyncConfig, Destination, DestinationConfig, Function

REGION = "cn-hangzhou"
HERE = Position("s.yaml", 7, 3)
A, B = Place(REGION, "a"), Place(REGION, "b")
TASK = AsyncConfig(async_task=True)
RESERVED = {"reservedConcurrency": 5}
TIMER = {
    "triggerType": "timer",
    "triggerConfig": {"cronExpression": "@every 1m", "enable": True},
    "qualifier": "LATEST",
}


def want(
    configs: dict[str, AsyncConfig] | None = None, *, ours: bool = False, checksum: str = "1"
) -> WantedFunction:
    return WantedFunction(
        configs={} if configs is None else configs,
        position=HERE,
        settings={"handler": "index.handler", "runtime": "python3.12"} if ours else None,
        code=Code(path="/code", checksum=checksum) if ours else None,
    )


def have(
    configs: dict[str, AsyncConfig] | None = None,
    *,
    aliases: dict[str, Alias] | None = None,
    checksum: str = "1",
) -> RemoteFunction:
    return RemoteFunction(
        function=Function(
            function_name="a",
            handler="index.handler",
            runtime="python3.12",
            code_checksum=checksum,
        ),
        configs=configs or {},
        aliases=aliases,
    )


def to(function: str) -> AsyncConfig:
    target = Destination(destination=f"acs:fc:{REGION}::functions/{function}")
    return AsyncConfig(destination_config=DestinationConfig(on_success=target))


def kinds(plan: Plan) -> list[str]:
    return [
        f"{type(step).__name__} {step.of}"
        if isinstance(step, Put | Delete)
        else type(step).__name__
        for step in plan.steps
    ]


def test_nothing_to_do_is_an_empty_plan() -> None:
    plan = plan_changes({A: want({"LATEST": TASK})}, {A: have({"LATEST": TASK})})
    assert not plan.changes


def test_a_missing_configuration_is_put() -> None:
    [step] = plan_changes({A: want({"LATEST": TASK})}, {A: have()}).steps
    assert isinstance(step, Put)
    assert step.title == "+ async config a (cn-hangzhou)"


def test_a_changed_configuration_is_put_with_what_was_there() -> None:
    old = AsyncConfig(max_async_retry_attempts=1)
    [step] = plan_changes({A: want({"prod": TASK})}, {A: have({"prod": old})}).steps
    assert isinstance(step, Put)
    assert (step.sign, step.before, step.name) == ("~", old.to_dict(), "prod")


def test_a_block_that_left_the_template_is_reported_but_kept() -> None:
    plan = plan_changes({A: want()}, {A: have({"LATEST": TASK})})
    assert not plan.changes
    assert [leftover.title for leftover in plan.leftovers] == ["- async config a (cn-hangzhou)"]


def test_a_block_that_left_the_template_goes_with_prune() -> None:
    plan = plan_changes({A: want()}, {A: have({"LATEST": TASK})}, prune=True)
    assert kinds(plan) == ["Delete async config"]
    assert plan.leftovers == ()


def test_prune_goes_by_qualifier() -> None:
    plan = plan_changes(
        {A: want({"LATEST": TASK})}, {A: have({"LATEST": TASK, "old": TASK})}, prune=True
    )
    [step] = plan.steps
    assert isinstance(step, Delete)
    assert step.name == "old"


def test_a_function_that_is_not_there_is_an_obstacle_with_its_place_in_the_template() -> None:
    plan = plan_changes({A: want({"LATEST": TASK})}, {A: RemoteFunction()})
    assert str(plan.obstacles[0]) == (
        "s.yaml:7:3: function a (cn-hangzhou) doesn't exist: deploy it first (s deploy), "
        "or add --with-functions"
    )


def test_a_function_without_a_block_that_does_not_exist_is_named_and_no_obstacle() -> None:
    assert plan_changes({A: want()}, {A: RemoteFunction()}) == Plan(absent=(A,))


def test_an_alias_that_is_not_there_is_an_obstacle() -> None:
    plan = plan_changes({A: want({"prod": TASK})}, {A: have(aliases={})})
    assert "has no alias 'prod'" in str(plan.obstacles[0])


def test_a_function_of_the_template_is_created_before_its_configuration() -> None:
    plan = plan_changes({A: want({"LATEST": TASK}, ours=True)}, {A: RemoteFunction()})
    assert kinds(plan) == ["CreateFunction", "Put async config"]
    assert plan.needs == ((), (0,))
    assert not plan.obstacles


def test_a_configuration_waits_for_the_function_that_is_its_destination() -> None:
    plan = plan_changes(
        {A: want({"LATEST": to("b")}), B: want(ours=True)}, {A: have(), B: RemoteFunction()}
    )
    assert kinds(plan) == ["CreateFunction", "Put async config"]
    assert plan.needs == ((), (0,))


def test_two_functions_that_name_each_other_do_not_wait_for_each_other() -> None:
    plan = plan_changes(
        {A: want({"LATEST": to("b")}), B: want({"LATEST": to("a")})}, {A: have(), B: have()}
    )
    assert plan.needs == ((), ())


def test_version_and_alias_come_before_their_configuration() -> None:
    plan = plan_changes({A: want({"prod": TASK}, ours=True)}, {A: have(aliases={}, checksum="2")})
    assert kinds(plan) == ["UpdateFunction", "PublishVersion", "Put alias", "Put async config"]
    assert plan.needs == ((), (0,), (1,), (0, 2))


@pytest.mark.parametrize("alias", ["code", "version", "queue"])
def test_an_alias_may_have_a_name_that_steps_use_too(alias: str) -> None:
    plan = plan_changes({A: want({alias: TASK}, ours=True)}, {A: RemoteFunction()})
    assert kinds(plan) == ["CreateFunction", "PublishVersion", "Put alias", "Put async config"]
    assert plan.needs == ((), (0,), (1,), (0, 2))


def test_an_alias_that_exists_is_left_where_it_points() -> None:
    aliases = {"prod": Alias(alias_name="prod", version_id="1")}
    plan = plan_changes({A: want({"prod": TASK}, ours=True)}, {A: have(aliases=aliases)})
    assert kinds(plan) == ["Put async config"]


def test_unchanged_code_is_not_sent_again() -> None:
    assert not plan_changes({A: want(ours=True)}, {A: have()}).changes


def test_changed_code_is_sent_without_the_settings() -> None:
    [step] = plan_changes({A: want(ours=True, checksum="2")}, {A: have(checksum="1")}).steps
    assert isinstance(step, UpdateFunction)
    assert (step.after, step.code_before) == ({}, "1")


def test_removal_takes_only_what_the_template_has_a_block_for() -> None:
    plan = plan_removal({A: want({"LATEST": TASK})}, {A: have({"LATEST": TASK, "prod": TASK})})
    assert [step.title for step in plan.steps] == ["- async config a (cn-hangzhou)"]


def test_removal_of_functions_takes_their_configuration_first() -> None:
    plan = plan_removal({A: want()}, {A: have({"LATEST": TASK, "prod": TASK})}, functions=True)
    assert kinds(plan) == ["Delete async config", "Delete async config", "DeleteFunction"]
    assert plan.needs == ((), (), (0, 1))


def test_removal_of_functions_takes_aliases_and_versions_before_them() -> None:
    alias = Alias(alias_name="prod", version_id="1")
    there = msgspec.structs.replace(
        have({"prod": TASK}, aliases={"prod": alias}), versions=frozenset({"1"})
    )
    plan = plan_removal({A: want()}, {A: there}, functions=True)
    assert kinds(plan) == ["Delete async config", "Delete alias", "DeleteVersion", "DeleteFunction"]
    assert plan.needs == ((), (0,), (0, 1), (0, 1, 2))


def test_removal_of_functions_takes_their_triggers_first() -> None:
    there = msgspec.structs.replace(
        have({"LATEST": TASK}), triggers={"nightly": TIMER}, concurrency={"": RESERVED}
    )
    plan = plan_removal({A: want()}, {A: there}, functions=True)
    assert kinds(plan) == [
        "Delete trigger",
        "Delete concurrency",
        "Delete async config",
        "DeleteFunction",
    ]
    assert plan.needs[-1] == (0, 1, 2)


def test_removal_of_nothing_is_nothing() -> None:
    assert not plan_removal({A: want({"LATEST": TASK})}, {A: RemoteFunction()}).changes


def test_a_plan_survives_a_file() -> None:
    plan = plan_changes({A: want({"prod": TASK}, ours=True)}, {A: have(aliases={}, checksum="2")})
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


# --- what undoes what --------------------------------------------------------------------------

AT = {"region": REGION, "function": "a"}
CONFIG: dict[str, Any] = {"of": "async config", "name": "LATEST"}
OLD, NEW = {"maxAsyncRetryAttempts": 1}, {"maxAsyncRetryAttempts": 2}
INVERSES: list[tuple[Step, Step | None]] = [
    (CreateFunction(**AT, after={}, code=Code()), DeleteFunction(**AT)),
    (DeleteFunction(**AT), None),
    (PublishVersion(**AT), None),
    (
        Put(**AT, **CONFIG, after=NEW, before=OLD),
        Put(**AT, **CONFIG, after=OLD, before=NEW),
    ),
    (Put(**AT, **CONFIG, after=NEW), Delete(**AT, **CONFIG, before=NEW)),
    (Delete(**AT, **CONFIG, before=OLD), Put(**AT, **CONFIG, after=OLD)),
    (Delete(**AT, **CONFIG), None),
]


@pytest.mark.parametrize(("step", "undo"), INVERSES, ids=lambda step: type(step).__name__)
def test_each_step_has_its_inverse(step: Step, undo: Step | None) -> None:
    assert step.inverse() == undo


# --- laws --------------------------------------------------------------------------------------

NAMES = st.sampled_from("abcd")
CONFIGS = st.builds(
    AsyncConfig,
    async_task=st.none() | st.booleans(),
    max_async_retry_attempts=st.none() | st.integers(0, 8),
    destination_config=st.none()
    | st.builds(
        DestinationConfig,
        on_success=st.none()
        | NAMES.map(lambda n: Destination(destination=f"acs:fc:{REGION}::functions/{n}")),
    ),
)
BY_QUALIFIER = st.dictionaries(st.sampled_from(["LATEST", "prod", "1"]), CONFIGS, max_size=3)
WANTED = st.dictionaries(
    NAMES.map(lambda n: Place(REGION, n)),
    st.builds(
        WantedFunction,
        configs=BY_QUALIFIER,
        position=st.just(HERE),
        settings=st.none() | st.just({"handler": "h", "runtime": "custom"}),
        code=st.none() | st.just(Code(path="/c", checksum="5")),
    ),
    max_size=4,
)
REMOTE = st.builds(
    RemoteFunction,
    function=st.none() | st.just(Function(function_name="x", code_checksum="4")),
    configs=BY_QUALIFIER,
    aliases=st.none() | st.just({}),
)


@given(WANTED, st.data(), st.booleans())
def test_every_step_comes_after_those_it_needs(
    wanted: dict[Place, WantedFunction], data: st.DataObject, prune: bool
) -> None:
    remote = {place: data.draw(REMOTE) for place in wanted}
    plan = plan_changes(wanted, remote, prune=prune)
    assert len(plan.needs) == len(plan.steps)
    assert all(need < index for index, needs in enumerate(plan.needs) for need in needs)


@given(WANTED, st.data())
def test_after_the_configuration_was_put_nothing_is_left_to_put(
    wanted: dict[Place, WantedFunction], data: st.DataObject
) -> None:
    remote = {place: data.draw(REMOTE) for place in wanted}
    plan = plan_changes(wanted, remote, prune=True)
    for step in plan.steps:
        place = Place(step.region, step.function)
        configs = dict(remote[place].configs)
        if isinstance(step, Put) and step.of == "async config":
            configs[step.name] = config_of(step.after)
        elif isinstance(step, Delete):
            del configs[step.name]
        remote[place] = msgspec.structs.replace(remote[place], configs=configs)
    again = plan_changes(wanted, remote, prune=True)
    assert not [s for s in again.steps if s.kind == "async config"]
