# SPDX-License-Identifier: MIT
"""Destinations that fail on purpose, and roles that forbid them, on a whole runtime."""

from __future__ import annotations

import pytest

from fc_async_local.settings import Settings
from fc_async_sdk.admin.models import PREFIX
from fc_async_tests import runtime_requests as requests

POLICY = {"Statement": {"Effect": "Allow", "Action": "mns:SendMessage", "Resource": "*"}}


def deploy(fc_local, **settings):
    arn = fc_local.create_queue("q")
    config = {"asyncTask": True, "destinationConfig": {"onSuccess": {"destination": arn}}}
    fc_local.deploy("f", lambda _event, _context: "done", async_config=config, **settings)
    return arn


def outcome(fc_local, seconds=60):
    task_id = fc_local.client.invoke_async("f", {}).task_id
    fc_local.advance(seconds)
    return fc_local.client.get_async_task("f", task_id).destination_status


def test_a_destination_that_is_unavailable_for_a_while_gets_the_event_afterwards(fc_local):
    deploy(fc_local)
    fc_local.fail_destination("mns-queue", seconds=30)
    assert outcome(fc_local) == "Succeeded"
    assert fc_local.receive("q").response.text() == "done"


def test_a_destination_that_times_out_once_gets_the_event_at_the_second_try(fc_local):
    deploy(fc_local)
    fc_local.fail_destination(timeout=True, times=1)
    assert outcome(fc_local) == "Succeeded"


def test_a_destination_without_its_fault_gets_the_event_at_once(fc_local):
    deploy(fc_local)
    fc_local.fail_destination(status=403)
    assert outcome(fc_local) == "Failed"
    fc_local.heal_destinations()
    assert outcome(fc_local, 0) == "Succeeded"


def test_a_throttled_function_runs_when_its_minute_is_over(fc_local):
    fc_local.deploy("f", lambda *_: "done")
    fc_local.fail_function("f", "throttled", seconds=60)
    task_id = fc_local.client.invoke_async("f", {}).task_id
    fc_local.advance(59)
    assert fc_local.client.get_async_task("f", task_id).status == "Retrying"
    fc_local.run_until_idle()
    task = fc_local.client.get_async_task("f", task_id)
    assert (task.status, task.already_retried_times) == ("Succeeded", 0)


@pytest.mark.parametrize(
    ("error", "status"), [("throttled", 429), ("no resources", 503), ("system error", 500)]
)
def test_a_synchronous_call_of_a_function_with_a_fault_gets_its_status(fc_local, error, status):
    fc_local.deploy("f", lambda *_: "done")
    url = f"{fc_local.endpoint}{PREFIX}/faults"
    body = {"function": "f", "error": error}
    assert requests.post(url, json=body, timeout=60).json()["fault"]["error"] == error
    call = f"{fc_local.endpoint}/2023-03-30/functions/f/invocations"
    assert requests.post(call, data=b"{}", timeout=60).status_code == status
    fc_local.heal_functions()
    assert requests.post(call, data=b"{}", timeout=60).status_code == 200


def test_a_healed_function_does_not_heal_destinations(fc_local):
    fc_local.fail_destination("mns-queue")
    fc_local.fail_function("*")
    fc_local.heal_functions()
    url = f"{fc_local.endpoint}{PREFIX}/faults"
    [left] = requests.get(url, timeout=60).json()["faults"]
    assert left["destination"] == "mns-queue"


def test_the_admin_api_sets_shows_and_takes_away_faults(fc_local):
    arn = deploy(fc_local)
    url = f"{fc_local.endpoint}{PREFIX}/faults"
    fault = requests.post(url, json={"destination": arn, "status": 403}, timeout=60).json()["fault"]
    assert outcome(fc_local) == "Failed"
    shown = requests.get(url, timeout=60).json()["faults"]
    assert [(each["destination"], each["status"]) for each in shown] == [(arn, 403)]
    assert requests.delete(f"{url}/{fault['id']}", timeout=60).status_code == 204
    assert requests.delete(f"{url}/{fault['id']}", timeout=60).status_code == 404
    assert outcome(fc_local) == "Succeeded"


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 200},
        {"destination": "mns"},
        {"colour": "red"},
        {"times": "many"},
        {"error": "throttled"},
        {"function": "f", "destination": "*"},
        {"function": "f", "error": "on fire"},
    ],
)
def test_the_admin_api_refuses_faults_that_make_no_sense(fc_local, wrong):
    answer = requests.post(f"{fc_local.endpoint}{PREFIX}/faults", json=wrong, timeout=60)
    assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidArgument")


class TestRoles:
    @pytest.fixture
    def fc_local_settings(self):
        return Settings.of(enforce_roles=True, roles={"sender": [POLICY]})

    @pytest.mark.parametrize(
        ("role", "status"),
        [("acs:ram::1:role/sender", "Succeeded"), ("acs:ram::1:role/other", "Failed")],
    )
    def test_a_destination_needs_the_role(self, fc_local, role, status):
        deploy(fc_local, role=role)
        assert outcome(fc_local) == status
