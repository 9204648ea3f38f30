# SPDX-License-Identifier: MIT
"""Functions in a row through success destinations: long pipelines end well, loops are ended."""

from __future__ import annotations

import itertools
import json

import pytest

from fc_async_local.settings import Settings
from fc_async_sdk.admin.models import PREFIX
from fc_async_sdk.spec import metrics
from fc_async_tests import runtime_requests as requests

TASK = {"asyncTask": True}


def on(success=None, failure=None):
    targets = {"onSuccess": success, "onFailure": failure}
    named = {name: {"destination": arn} for name, arn in targets.items() if arn}
    return TASK | {"destinationConfig": named}


def function(name):
    return f"acs:fc:::functions/{name}"


def admin(fc_local, path):
    return requests.get(f"{fc_local.endpoint}{PREFIX}{path}", timeout=5).json()


def dead(fc_local):
    return admin(fc_local, "/deliveries/dead")["deliveries"]


def count(fc_local, metric):
    return sum(m["value"] for m in admin(fc_local, "/metrics")["metrics"] if m["metric"] == metric)


def deploy_pipeline(fc_local, length, handler):
    end = fc_local.create_queue("end")
    for n in range(length):
        target = function(f"f{n + 1}") if n + 1 < length else end
        fc_local.deploy(f"f{n}", handler, async_config=on(success=target))


def step(event, _context):
    """Count on what the function before returned."""
    body = json.loads(event)
    before = json.loads(body["responsePayload"])["n"] if "responsePayload" in body else 0
    return {"n": before + 1, "note": 'a "quoted" note'}


def test_functions_with_names_of_fc2_call_each_other(fc_local):
    """``s cli fc3 s2tos3`` names them ``service$function``."""
    end = fc_local.create_queue("end")
    fc_local.deploy("shop$orders", step, async_config=on(success=function("shop$billing")))
    fc_local.deploy("shop$billing", step, async_config=on(success=end))
    fc_local.client.invoke_async("shop$orders", {})
    fc_local.run_until_idle()
    event = fc_local.receive("end")
    assert event.function == "shop$billing"


@pytest.mark.parametrize("length", [2, 15, 40])
def test_a_pipeline_of_distinct_functions_runs_to_its_end(fc_local, length):
    deploy_pipeline(fc_local, length, step)
    fc_local.client.invoke_async("f0", {})
    fc_local.run_until_idle()
    event = fc_local.receive("end")
    assert json.loads(event.response.text())["n"] == length
    assert event.function == f"f{length - 1}"
    assert dead(fc_local) == []


def test_the_event_of_a_short_pipeline_holds_the_events_before_it_unchanged(fc_local):
    seen = []

    def keep(event, _context):
        seen.append(event.decode())
        return "{}"

    deploy_pipeline(fc_local, 6, keep)
    fc_local.client.invoke_async("f0", {"a": 1.10})
    fc_local.run_until_idle()
    for before, event in itertools.pairwise(seen):
        assert json.loads(event)["requestPayload"] == before


def test_an_event_over_the_limit_says_which_earlier_event_it_left_out(fc_local, caplog):
    deploy_pipeline(fc_local, 20, step)
    fc_local.client.invoke_async("f0", {})
    fc_local.run_until_idle()
    shortened = [r.getMessage() for r in caplog.records if "copies of earlier" in r.getMessage()]
    assert shortened
    assert "the event is" in shortened[0]


class TestRefusing:
    @pytest.fixture
    def fc_local_settings(self):
        return Settings.of(long_events="refuse")

    def test_a_long_pipeline_ends_at_the_payload_limit_if_settings_say_so(self, fc_local):
        deploy_pipeline(fc_local, 20, step)
        fc_local.client.invoke_async("f0", {})
        fc_local.run_until_idle()
        (event,) = dead(fc_local)
        assert event["error"].startswith("413 EntityTooLarge: the event is ")


def test_a_pipeline_that_returns_its_input_ends_when_it_outgrows_the_payload_limit(fc_local):
    deploy_pipeline(fc_local, 40, lambda event, _context: event)
    fc_local.client.invoke_async("f0", {})
    fc_local.run_until_idle()
    (event,) = dead(fc_local)
    assert "the destination takes 131072" in event["error"]
    assert "functions/f0 -> " in event["error"]
    assert "holds the event before it" in event["error"]
    assert event["event"]


HANDLERS = {
    "a constant": lambda _event, _context: "done",
    "what it got": lambda event, _context: event,
    "30 KB of JSON": lambda _event, _context: json.dumps(["x" * 20] * 1_250),
}


@pytest.mark.parametrize("returns", HANDLERS)
@pytest.mark.parametrize("target", ["queue", "topic", "bus", "rocketmq", "function"])
def test_a_loop_of_two_functions_is_ended_counted_and_told(fc_local, caplog, returns, target):
    told = []
    fc_local.deploy("told", lambda event, _context: told.append(json.loads(event)))
    failure = {
        "queue": lambda: fc_local.create_queue("q"),
        "topic": lambda: fc_local.create_topic("t"),
        "bus": lambda: fc_local.create_bus("bus"),
        "rocketmq": lambda: fc_local.create_rocketmq_topic("MQ_INST_1", "t"),
        "function": lambda: function("told"),
    }[target]()
    for own, other in (("a", "b"), ("b", "a")):
        fc_local.deploy(own, HANDLERS[returns], async_config=on(function(other), failure))
    fc_local.client.invoke_async("a", {"order": 1})
    fc_local.run_until_idle()
    tasks = admin(fc_local, "/tasks?limit=100")["tasks"]
    ended = [task for task in tasks if task["status"] == "Failed"]
    assert [(t["function"], t["taskErrorMessage"]) for t in ended] == [("a", "RecursiveInvocation")]
    assert ended[0]["destinationStatus"] == "Succeeded"
    ran = [task for task in tasks if task["function"] != "told"]
    assert len(ran) == 2 * Settings().rules.max_repeats + 1
    assert dead(fc_local) == []
    assert count(fc_local, metrics.RECURSIVE_DROPPED) == 1
    if target == "function":
        assert told[0]["requestContext"]["condition"] == "RecursiveInvocation"
    if target == "queue":
        assert fc_local.receive("q").condition == "RecursiveInvocation"
    (line,) = [r for r in caplog.records if "RecursiveInvocation" in r.getMessage()]
    assert line.levelname == "WARNING"
    assert "functions/a -> acs:" in line.getMessage()


def test_two_qualifiers_of_a_function_are_the_same_function_to_the_loop_guard(fc_local):
    runs = []
    fc_local.deploy("a", lambda _event, _context: runs.append(1), async_config=on(function("a/p")))
    client = fc_local.client
    client.publish_function_version("a")
    client.create_alias("a", "p", version_id="1")
    config = {"on_success": function("a")}
    client.put_async_invoke_config("a", qualifier="p", **config)
    client.invoke_async("a", {})
    fc_local.run_until_idle()
    assert len(runs) == Settings().rules.max_repeats


def test_functions_that_are_each_others_failure_destination_do_not_end_each_other_for_ever(
    fc_local,
):
    def fail(_event, _context):
        raise ValueError("broken")

    for own, other in (("a", "b"), ("b", "a")):
        config = on(failure=function(other)) | {"maxAsyncRetryAttempts": 0}
        fc_local.deploy(own, fail, async_config=config)
    fc_local.client.invoke_async("a", {})
    fc_local.run_until_idle()
    (event,) = dead(fc_local)
    assert event["error"].startswith("RecursiveInvocation: ")
