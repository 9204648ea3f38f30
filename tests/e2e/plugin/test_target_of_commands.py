# SPDX-License-Identifier: MIT
"""Each command that can reach an account goes where it was told to, and says where that is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from fc_async_tests.commands import COMMANDS
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal

TEMPLATE = template(
    orders="""
        asyncInvokeConfig:
          asyncTask: true
          maxAsyncRetryAttempts: 0
          destinationConfig:
            onFailure: {destination: "acs:mns:cn-hangzhou::/queues/failed-orders/messages"}
        triggers:
          - triggerName: nightly
            triggerType: timer
            triggerConfig: {cronExpression: "@every 60m", enable: true}
    """,
)
REACHING: Final = {
    "validate": "validate --live",
    "plan": "plan --with-functions",
    "deploy": "deploy -y",
    "remove": "remove -y",
    "graph": "graph --counts",
    "invoke": "invoke orders {}",
    "tasks list": "tasks list orders",
    "tasks get": "tasks get orders order-7",
    "tasks stop": "tasks stop orders order-7",
    "tasks wait": "tasks wait orders order-7",
    "tasks replay": "tasks replay orders order-7",
    "tasks logs": "tasks logs orders order-7",
    "events tail": "events tail failed-orders --once",
    "events replay": "events replay failed-orders --dry-run",
    "failures": "failures",
    "failures export": "failures export kept.jsonl",
    "replay": "replay --failed orders --dry-run",
    "feed": "feed orders nightly",
    "redrives show": "redrives show",
    "redrives resume": "redrives resume",
    "pause": "pause orders",
    "resume": "resume orders",
    "triggers list": "triggers list",
    "triggers fire": "triggers fire orders nightly",
    "triggers backfill": "triggers backfill orders nightly --since 3h --dry-run",
    "metrics": "metrics orders",
    "alarms check": "alarms check",
    "doctor": "doctor",
    "import": "import --dry-run",
}
"""A command line for each command with ``--endpoint`` that sends requests."""
SENDS_NOTHING: Final = {"alarms"}
ACCOUNT: Final = [["-a", "shop"], ["--region", "cn-shanghai"], ["--account-id", "111"]]


def test_each_command_that_takes_an_endpoint_is_tested_here() -> None:
    options = {
        name: {option for each in command.params for option in each.opts}
        for name, command in COMMANDS.items()
    }
    assert {name for name in options if "--endpoint" in options[name]} == (
        REACHING.keys() | SENDS_NOTHING
    )
    assert {name for name in options if "--access" in options[name]} == (
        REACHING.keys() | SENDS_NOTHING | {"policy"}
    )


@pytest.fixture(autouse=True)
def _shop(project: Path, fc_local: FcLocal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project of a shop, whose function runs here; an alias of an account on a dead port."""
    (project / "s.yaml").write_text(TEMPLATE)
    fc_local.create_queue("failed-orders")
    fc_local.deploy_template(project / "s.yaml")
    monkeypatch.setenv(
        "shop_serverless_devs_key",
        json.dumps({"AccountID": "222", "AccessKeyID": "k", "AccessKeySecret": "s"}),
    )
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # nothing leaves this machine


@pytest.fixture
def _order(fc_async: Callable[..., object], fc_local: FcLocal) -> None:
    """A task that has ended."""
    fc_local.client.invoke_async("orders", {}, task_id="order-7")
    fc_local.run_until_idle()


@pytest.mark.usefixtures("_order")
@pytest.mark.parametrize("command", REACHING.values())
def test_a_command_says_where_it_goes_though_a_variable_decided(
    command: str, fc_async, fc_local: FcLocal
) -> None:
    ran = fc_async(*command.split())
    using = [line for line in ran.err.splitlines() if line.startswith("Using ")]
    assert using == [f"Using {fc_local.endpoint} (FC_ASYNC_ENDPOINT)"]
    assert "Using" not in ran.out


@pytest.mark.usefixtures("_order")
@pytest.mark.parametrize("option", ACCOUNT, ids=lambda option: option[0])
@pytest.mark.parametrize("command", REACHING.values())
def test_a_command_for_an_account_does_not_run_on_the_laptop_because_of_a_variable(
    command: str, option: list[str], fc_async, fc_local: FcLocal
) -> None:
    ran = fc_async(*command.split(), *option)
    assert (ran.code, ran.out) == (1, "")
    assert (
        f"FC_ASYNC_ENDPOINT={fc_local.endpoint} is set, and {' '.join(option)} names an account"
        in ran.err
    )
    assert "unset FC_ASYNC_ENDPOINT" in ran.err


@pytest.mark.parametrize("option", ACCOUNT, ids=lambda option: option[0])
@pytest.mark.parametrize("command", ["invoke orders {}", "tasks list orders", "failures"])
def test_an_option_takes_a_command_to_the_account_and_says_which(
    command: str, option: list[str], fc_async, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account cannot be reached: what counts is where the command wanted to go."""
    monkeypatch.delenv("FC_ASYNC_ENDPOINT")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")
    ran = fc_async(*command.split(), *option)
    sentence = {
        "-a": "Using account 222 in cn-hangzhou (access alias shop)",
        "--region": "Using your account in cn-shanghai",
        "--account-id": "Using account 111 in cn-hangzhou",
    }[option[0]]
    assert ran.err.splitlines()[0] == sentence
    assert ran.err.count("Using ") == 1


@pytest.mark.parametrize("command", ["deploy -y", "plan"])
@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("-a shop", "Using account 222 in cn-hangzhou (access alias shop)"),
        ("--account-id 111", "Using account 111 in cn-hangzhou"),
        ("--region cn-hangzhou", "Using your account in cn-hangzhou"),
    ],
)
def test_a_deployment_to_an_account_says_which(
    command: str, option: str, sentence: str, fc_async, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FC_ASYNC_ENDPOINT")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")
    ran = fc_async(*command.split(), *option.split())
    assert (ran.code, ran.err.splitlines()[0]) == (1, sentence)


@pytest.mark.parametrize(
    "command",
    ["plan", "deploy -y", "remove -y", "import --dry-run", "validate --live", "alarms check"],
)
def test_a_template_is_not_deployed_to_its_region_though_another_was_typed(
    command: str, fc_async, fc_local: FcLocal
) -> None:
    place = ["--endpoint", fc_local.endpoint, "--region", "cn-shanghai"]
    ran = fc_async(*command.split(), *place)
    assert (ran.code, ran.out) == (1, "")
    assert "region cn-hangzhou for orders, and --region names cn-shanghai" in ran.err


@pytest.mark.parametrize("option", ["-a", "--region", "--account-id", "--endpoint"])
def test_an_empty_target_is_not_taken_for_none(option: str, fc_async) -> None:
    """As in a script whose variable is not set: `deploy -y -a "$ALIAS"`."""
    ran = fc_async("deploy", "-y", option, "")
    assert (ran.code, ran.out) == (1, "")
    assert "must not be empty" in ran.err


def test_an_alias_beside_an_endpoint_gives_the_keys(fc_async, fc_local, monkeypatch) -> None:
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", "http://127.0.0.1:1")
    ran = fc_async("tasks", "list", "orders", "-a", "shop", "--endpoint", fc_local.endpoint)
    assert ran.code == 0
    assert ran.err == f"Using {fc_local.endpoint} with the keys of shop (--endpoint)\n"


@pytest.mark.usefixtures("_order")
@pytest.mark.parametrize("name", [name for name in COMMANDS if name in REACHING])
def test_json_on_stdout_has_no_line_about_the_place(name: str, fc_async) -> None:
    if not any("--format" in each.opts for each in COMMANDS[name].params):
        pytest.skip("it prints no JSON")
    out = fc_async(*REACHING[name].split(), "--format", "json").out
    for line in out.splitlines() if name == "events tail" else [out]:
        json.loads(line)


def test_alarms_send_nothing_and_are_printed_for_any_account(fc_async) -> None:
    ran = fc_async("alarms", "--region", "cn-hangzhou")
    assert (ran.code, ran.err) == (0, "")


def test_a_queue_of_an_account_is_not_read_from_the_laptop_because_of_a_variable(
    fc_async, fc_local, monkeypatch
) -> None:
    monkeypatch.delenv("FC_ASYNC_ENDPOINT")
    monkeypatch.setenv("FC_ASYNC_MNS_ENDPOINT", fc_local.mns_endpoint)
    ran = fc_async("events", "tail", "failed-orders", "--once", "-a", "shop")
    assert (ran.code, ran.out) == (1, "")
    assert f"FC_ASYNC_MNS_ENDPOINT={fc_local.mns_endpoint} is set, and -a shop names" in ran.err


def test_the_queue_of_the_runtime_that_was_typed_is_read_though_a_variable_names_another(
    fc_async, fc_local, monkeypatch
) -> None:
    monkeypatch.setenv("FC_ASYNC_MNS_ENDPOINT", "http://127.0.0.1:1")
    command = ["events", "tail", "failed-orders", "--once", "--endpoint", fc_local.endpoint]
    assert fc_async(*command).code == 0


def test_a_plan_for_the_laptop_is_not_applied_with_an_alias_of_an_account(
    fc_async, fc_local, project: Path, monkeypatch
) -> None:
    assert fc_async("plan", "--out", "plan.json", "--with-functions").code in {0, 2}
    monkeypatch.delenv("FC_ASYNC_ENDPOINT")
    ran = fc_async("deploy", "--from-plan", "plan.json", "-y", "-a", "shop")
    assert (ran.code, ran.out) == (1, "")
    assert f"the plan was made for {fc_local.endpoint}, and -a shop names an account" in ran.err
    ran = fc_async("deploy", "--from-plan", "plan.json", "-y")
    assert ran.err.splitlines()[0] == f"Using {fc_local.endpoint} (the plan)"


def test_the_command_that_sends_again_goes_to_the_same_place(fc_async, fc_local) -> None:
    fc_local.deploy("orders", fails, async_config={"asyncTask": True, "maxAsyncRetryAttempts": 0})
    fc_local.client.invoke_async("orders", {}, task_id="order-9")
    fc_local.run_until_idle()
    assert "--endpoint" not in fc_async("failures").out
    more = ["--endpoint", fc_local.endpoint, "-a", "shop"]
    assert " ".join(more) in fc_async("failures", *more).out


def fails(event: bytes, context: object) -> None:
    raise ValueError
