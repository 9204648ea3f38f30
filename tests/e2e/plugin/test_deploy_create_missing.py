# SPDX-License-Identifier: MIT
"""--create-missing makes queues, topics and buses that a template names, with undo and resume."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fc_async_local.settings import Settings
from fc_async_plugin.account.channels import Channels
from fc_async_sdk.errors import AccessDenied
from fc_async_tests import runtime_requests as requests
from fc_async_tests.faults import fail
from fc_async_tests.project import kept_by_deployments
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.e2e.plugin.conftest import Ran

DEPLOY = ("deploy", "-y", "--with-functions", "--create-missing")
PLAN = ("plan", "--with-functions", "--create-missing")
KILLED_AFTER_CREATING = """
import os, signal, sys
from fc_async_plugin.account.channels import Channels
from fc_async_plugin.cli import group

create = Channels.create

def killed(self, channel):
    create(self, channel)
    if channel.name == "jobs":
        os.kill(os.getpid(), signal.SIGKILL)

Channels.create = killed
sys.exit(group.run(sys.argv[1:]))
"""
REGION, ACCOUNT = "cn-hangzhou", "1234567890123456"


def write(project: Path, **more: Any) -> None:
    """Write a template that names a queue, a topic and a bus."""
    jobs = {"sourceMNSParameters": {"RegionId": REGION, "QueueName": "jobs"}}
    trigger = {
        "triggerName": "jobs",
        "triggerType": "eventbridge",
        "triggerConfig": {
            "eventSourceConfig": {"eventSourceType": "MNS", "eventSourceParameters": jobs},
            "runOptions": {
                "errorsTolerance": "ALL",
                "deadLetterQueue": {"Arn": f"acs:mns:{REGION}:{ACCOUNT}:/queues/dead/messages"},
            },
        },
    }
    props = {
        "triggers": [trigger],
        "asyncInvokeConfig": {
            "destinationConfig": {
                "onSuccess": {"destination": f"acs:eventbridge:{REGION}::eventbus/orders"},
                "onFailure": {"destination": f"acs:mns:{REGION}::/topics/failed/messages"},
            }
        },
    }
    (project / "s.yaml").write_text(template(orders=props | more))


def channels(fc_local: FcLocal) -> set[tuple[str, str]]:
    answer = requests.get(f"{fc_local.endpoint}/_local/channels", timeout=10).json()
    return {(one["kind"], one["name"]) for one in answer["channels"]} - {("bus", "default")}


EVERY = {("queue", "jobs"), ("queue", "dead"), ("topic", "failed"), ("bus", "orders")}


def test_what_is_missing_is_planned_and_created(
    fc_async: Callable[..., Ran], fc_local: FcLocal, project: Path
) -> None:
    write(project)
    fc_local.create_queue("jobs")
    planned = fc_async(*PLAN)
    assert planned.code == 2
    created = {line.strip() for line in planned.out.splitlines() if line.startswith("  + ")}
    assert created == {
        "+ queue dead (cn-hangzhou)",
        "+ topic failed (cn-hangzhou)",
        "+ event bus orders (cn-hangzhou)",
        "+ function orders (cn-hangzhou)",
        "+ async config orders (cn-hangzhou)",
        "+ trigger orders/jobs (cn-hangzhou)",
    }
    done = fc_async(*DEPLOY)
    assert done.code == 0, done.said
    assert channels(fc_local) == EVERY
    assert fc_async(*PLAN).code == 0


def test_without_the_flag_none_is_created(
    fc_async: Callable[..., Ran], fc_local: FcLocal, project: Path
) -> None:
    write(project)
    fc_async("deploy", "-y", "--with-functions")
    assert channels(fc_local) == set()


def test_a_failed_deployment_deletes_what_it_created_and_nothing_else(
    fc_async: Callable[..., Ran], fc_local: FcLocal, project: Path
) -> None:
    write(project, timeout=0)
    fc_local.create_queue("jobs")
    failed = fc_async(*DEPLOY, "--skip-validation")
    assert failed.code == 1
    assert "Nothing was changed" in failed.err
    assert channels(fc_local) == {("queue", "jobs")}
    assert kept_by_deployments(project) == []


@pytest.mark.slow
def test_undo_leaves_and_names_a_queue_whose_creation_was_cut_off(
    fc_async: Callable[..., Ran],
    fc_local: FcLocal,
    project: Path,
    clean_environment: Callable[..., dict[str, str]],
) -> None:
    write(project)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER_CREATING, *DEPLOY],
        cwd=project,
        env=clean_environment(FC_ASYNC_ENDPOINT=fc_local.endpoint),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == -9, ended.stderr
    undone = fc_async("deploy", "-y", "--undo")
    assert undone.code == 1
    assert "+ queue jobs (cn-hangzhou): it is not known whether this deployment" in undone.err
    assert ("queue", "jobs") in channels(fc_local)
    resumed = fc_async(*DEPLOY, "--resume")
    assert resumed.code == 0, resumed.said
    assert kept_by_deployments(project) == []


class TestWithSignaturesVerified:
    @pytest.fixture
    def fc_local_settings(self) -> Settings:
        return Settings.of(strict_auth=True, access_keys={"local": "local"})

    def test_the_requests_are_signed_as_the_services_want_it(
        self, fc_async: Callable[..., Ran], fc_local: FcLocal, project: Path
    ) -> None:
        write(project)
        done = fc_async(*DEPLOY)
        assert done.code == 0, done.said
        assert channels(fc_local) == EVERY


HERE = "with its messages; fc-async local clear deletes all that the runtime keeps."


def left(ran: Ran) -> list[str]:
    """What a removal says that it leaves."""
    assert ran.code == 0
    return [line for line in ran.err.splitlines() if line.startswith("Left: ")]


def test_what_a_removal_leaves_is_named_with_what_to_do(
    fc_async: Callable[..., Ran], project: Path, fc_local: FcLocal
) -> None:
    """They were left without a word, with the messages in them."""
    write(project)
    fc_async(*DEPLOY)
    assert left(fc_async("remove", "-y", "--with-functions")) == [
        f"Left: event bus orders ({REGION}), {HERE}",
        f"Left: queue dead ({REGION}), {HERE}",
        f"Left: queue jobs ({REGION}), {HERE}",
        f"Left: topic failed ({REGION}), {HERE}",
    ]
    assert channels(fc_local) == EVERY


def test_a_removal_of_the_configuration_alone_names_the_functions_and_its_destinations(
    fc_async: Callable[..., Ran], project: Path
) -> None:
    """The sources of triggers are in use as before."""
    write(project)
    fc_async(*DEPLOY)
    assert left(fc_async("remove", "-y")) == [
        "Left: the functions orders; --with-functions deletes them.",
        f"Left: event bus orders ({REGION}), {HERE}",
        f"Left: topic failed ({REGION}), {HERE}",
    ]


def test_what_never_existed_is_not_left(fc_async: Callable[..., Ran], project: Path) -> None:
    write(project)
    fc_async("deploy", "-y", "--with-functions")
    assert left(fc_async("remove", "-y", "--with-functions")) == []


def test_what_another_function_of_the_template_uses_is_not_left(
    fc_async: Callable[..., Ran], project: Path
) -> None:
    write(project)
    document = yaml.safe_load((project / "s.yaml").read_text())
    document["resources"]["copy"] = document["resources"]["orders"]
    (project / "s.yaml").write_text(json.dumps(document))
    fc_async(*DEPLOY)
    assert left(fc_async("remove", "-y", "--with-functions", "--resource", "orders")) == []


def test_what_cannot_be_looked_for_after_a_removal_is_named_too(
    fc_async: Callable[..., Ran], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with keys that may remove functions and not read queues."""
    write(project)
    fc_async(*DEPLOY)
    refusal = AccessDenied("AccessDenied", "not allowed", http_status=403)
    fail(monkeypatch, Channels, "exists", refusal)
    removed = fc_async("remove", "-y", "--with-functions")
    assert left(removed) == []
    names = [f"event bus orders ({REGION})", f"queue dead ({REGION})", f"queue jobs ({REGION})"]
    assert f"Not looked for, and left if they exist: {', '.join(names)}" in removed.err
