# SPDX-License-Identifier: MIT
"""The admin API: looking at everything, moving time, bringing events back."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fc_async_local.domain.invocation import Delivery, Job, Note, delivery_job
from fc_async_local.settings import Settings
from fc_async_local.store.protocol import Task

NOW = 1_700_000_000_000


def dead(request_id: str, function: str = "orders", error: str = "404 QueueNotExist") -> Job:
    delivery = Delivery(
        request_id=request_id,
        task_id="t",
        function=function,
        qualifier="LATEST",
        outcome="failure",
        destination="acs:mns:cn-hangzhou:1:/queues/q/messages",
        document=b"{}",
        call_path=(),
    )
    return replace(delivery_job(delivery, now=NOW, error=error), tries=1)


def test_health_tells_about_the_process(world):
    health = world.call("GET", "/_local/health").json
    assert (health["status"], health["pid"]) == ("ok", 7)


def test_settings_are_shown_without_secrets(make_world):
    world = make_world(Settings.of(access_keys={"id": "hush"}))
    answer = world.call("GET", "/_local/settings")
    assert answer.json["access_keys"] == ["id"]
    assert b"hush" not in answer.body


def test_tasks_of_all_functions_are_listed(world, make_task):
    world.store.tasks["orders", "t1"] = Task(make_task(), ())
    shown = world.call("GET", "/_local/tasks").json["tasks"][0]
    assert (shown["function"], shown["acceptedTime"], shown["dueTime"]) == ("orders", NOW, NOW)
    assert world.store.queries[0].function is None
    world.call("GET", "/_local/tasks?function=orders")
    assert world.store.queries[1].function == "orders"


def test_tasks_are_counted_under_the_filter_of_the_list(world):
    filters = "status=Failed&error=ValueError&acceptedFrom=5&acceptedTo=9&prefix=a"
    counted = world.call("GET", f"/_local/tasks/counts?{filters}").json
    assert counted == {"byStatus": {"Failed": 20_000}, "atLeast": ["Failed"]}
    world.call("GET", f"/_local/tasks?{filters}")
    counts, listed = world.store.queries
    assert counts._replace(with_payload=False) == listed
    assert (listed.error, listed.accepted_from, listed.accepted_to) == ("ValueError", 5, 9)


def act(world, action: str, *task_ids: str, **fields):
    tasks = [{"function": "orders", "taskId": task_id} for task_id in task_ids]
    return world.call("POST", "/_local/tasks/actions", {"action": action, "tasks": tasks, **fields})


def test_many_tasks_are_stopped_and_each_shows_the_reason(world, make_task):
    for task_id in ("t1", "t2"):
        world.store.tasks["orders", task_id] = Task(make_task(task_id=task_id), ())
    answer = act(world, "stop", "t1", "gone", "t2", reason="wrong price")
    assert [done["taskId"] for done in answer.json["done"]] == ["t1", "t2"]
    assert [(r["taskId"], r["code"]) for r in answer.json["refused"]] == [
        ("gone", "AsyncTaskNotFound")
    ]
    shown = world.call("GET", "/_local/tasks/orders/t1").json["notes"][0]
    assert shown == {"at": NOW, "kind": "action", "action": "stop", "reason": "wrong price"}


def test_a_replay_sends_the_same_bytes_and_both_tasks_name_each_other(world, make_task):
    world.store.tasks["orders", "t1"] = Task(make_task(payload=b"\0\xff", qualifier="prod"), ())
    (done,) = act(world, "replay", "t1").json["done"]
    ((_, request),) = world.engine.calls
    assert (request.payload, request.qualifier) == (b"\0\xff", "prod")
    of_the_old, of_the_new = world.store.noted
    assert of_the_old.detail["taskId"] == done["newTaskId"]
    assert (of_the_new.detail["action"], of_the_new.detail["taskId"]) == ("replay-of", "t1")


@pytest.mark.parametrize(
    "body", [{"action": "delete"}, {"tasks": []}, {"tasks": [{"function": "a"}]}, {"reason": 5}]
)
def test_actions_that_make_no_sense_are_refused(world, body):
    given = {"action": "stop", "tasks": [{"function": "orders", "taskId": "t"}], **body}
    answer = world.call("POST", "/_local/tasks/actions", given)
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")


def test_a_task_shows_the_event_that_was_sent_and_the_answer(world, make_task):
    world.store.tasks["orders", "t1"] = Task(make_task(), ())
    detail = {"destination": "acs:mns:::/queues/q/messages", "status": 201, "reference": "M"}
    world.store.noted.append(
        Note(request_id="1-a-b-c", at=NOW, kind="delivery", detail=detail, body=b"{}")
    )
    (note,) = world.call("GET", "/_local/tasks/orders/t1").json["notes"]
    assert note == {"at": NOW, "kind": "delivery", **detail, "event": "{}"}


def test_a_waiting_task_can_be_run_now(world):
    assert world.call("POST", "/_local/tasks/orders/t1/run-now").status == 204
    assert world.engine.calls == [("make_due", ("orders", "t1"))]


@pytest.mark.parametrize(("exists", "status"), [(True, 409), (False, 404)])
def test_a_task_that_does_not_wait_can_not(world, make_task, exists, status):
    world.engine.known = False
    if exists:
        world.store.tasks["orders", "t1"] = Task(make_task(), ())
    assert world.call("POST", "/_local/tasks/orders/t1/run-now").status == status


def test_dead_events_can_be_seen_redriven_and_purged(world):
    world.store.dead = [dead("r1"), dead("r2"), dead("r3")]
    shown = world.call("GET", "/_local/deliveries/dead").json["deliveries"]
    assert [d["requestId"] for d in shown] == ["r3", "r2", "r1"]
    assert shown[0]["error"] == "404 QueueNotExist"
    assert world.call("POST", "/_local/deliveries/dead/r1/redrive").status == 204
    redriven = {"redriven": 3, "requestIds": ["r3", "r2", "r1"]}
    assert world.call("POST", "/_local/deliveries/dead/redrive").json == redriven
    assert world.call("DELETE", "/_local/deliveries/dead/r1").status == 204
    assert world.call("DELETE", "/_local/deliveries/dead/r1").status == 404
    assert world.call("DELETE", "/_local/deliveries/dead").json == {"purged": 2}


def test_all_dead_events_are_sent_again_however_many_there_are(world):
    world.store.dead = [dead(f"r{number:04}") for number in range(2_500)]
    assert world.call("POST", "/_local/deliveries/dead/redrive").json["redriven"] == 2_500


def test_a_filter_of_dead_events_holds_for_the_list_its_total_and_what_is_done_to_all(world):
    late = "503 ServiceUnavailable"
    world.store.dead = [
        *(dead(f"a{number:04}") for number in range(1_200)),
        *(dead(f"b{number:04}", "mail") for number in range(1_300)),
        dead("c", "mail", late),
    ]
    where = "/_local/deliveries/dead"

    def total(query: str) -> int:
        return world.call("GET", f"{where}?limit=1&{query}").json["total"]

    assert [total("function=orders"), total("function=mail"), total("function=none")] == [
        1_200,
        1_301,
        0,
    ]
    assert [total("text=SERVICEun"), total("text=B12"), total("text=/queues/q")] == [1, 100, 2_501]
    page = world.call("GET", f"{where}?function=mail&text=queueNotExist&limit=1000").json
    rest = world.call("GET", f"{where}?function=mail&text=404&nextToken={page['nextToken']}").json
    assert len(page["deliveries"] + rest["deliveries"]) == page["total"] == 1_300
    redriven = world.call("POST", f"{where}/redrive?function=mail&text=404").json
    assert redriven["redriven"] == 1_300
    assert world.call("DELETE", f"{where}?function=mail&text=404").json == {"purged": 1_300}
    assert total("") == 1_201


def test_dead_events_are_counted_by_error_apart_from_their_page(world):
    late = "503 ServiceUnavailable"
    world.store.dead = [dead("a"), dead("b"), dead("c", "mail", late)]
    where = "/_local/deliveries/dead"
    assert world.call("GET", f"{where}/counts").json == {
        "total": 3,
        "atLeast": False,
        "groups": [{"error": "404 QueueNotExist", "events": 2}, {"error": late, "events": 1}],
    }
    listed = world.call("GET", f"{where}/counts?ids=true&function=orders").json
    assert (listed["total"], listed["requestIds"]) == (2, ["b", "a"])
    page = world.call("GET", f"{where}?withoutTotal=true&error={late}").json
    assert [one["requestId"] for one in page["deliveries"]] == ["c"]
    assert "total" not in page


def test_no_more_dead_events_of_a_filter_are_counted_than_is_quick(world):
    world.store.dead = [dead(f"r{number:05}") for number in range(5_001)]
    counted = world.call("GET", "/_local/deliveries/dead/counts?function=orders").json
    assert (counted["total"], counted["atLeast"]) == (5_000, True)
    assert world.call("GET", "/_local/deliveries/dead/counts").json["total"] == 5_001


def test_dead_events_are_listed_in_pages_with_their_total(world):
    world.store.dead = [dead(f"r{number:04}") for number in range(2_500)]
    seen, token = [], ""
    while True:
        query = f"?nextToken={token}" if token else ""
        page = world.call("GET", f"/_local/deliveries/dead{query}").json
        assert page["total"] == 2_500
        seen += [one["requestId"] for one in page["deliveries"]]
        token = page.get("nextToken", "")
        if not token:
            break
    assert sorted(seen) == [f"r{number:04}" for number in range(2_500)]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "nextToken=x", "nextToken=eA"]
)
def test_a_wrong_page_of_dead_events_is_refused(world, query):
    answer = world.call("GET", f"/_local/deliveries/dead?{query}")
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")


def test_virtual_time_is_moved(world):
    assert world.call("GET", "/_local/clock").json == {"now": NOW, "virtual": True}
    assert world.call("POST", "/_local/clock/advance", {"seconds": 1.5}).status == 200
    answer = world.call("POST", "/_local/clock/run-until-idle")
    assert answer.json == {"now": NOW, "virtual": True, "passed": 1500}
    assert world.engine.calls == [("advance", 1500), ("run_until_idle", None)]


@pytest.mark.parametrize("seconds", [-1, "1", None, 1e300])
def test_time_is_moved_by_a_sensible_number_of_seconds_only(world, seconds):
    answer = world.call("POST", "/_local/clock/advance", {"seconds": seconds})
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")


def test_real_time_can_not_be_moved(make_world):
    world = make_world(Settings(), virtual=False)
    for path in ("/_local/clock/advance", "/_local/clock/run-until-idle"):
        answer = world.call("POST", path, {"seconds": 1})
        assert (answer.status, answer.json["Code"]) == (409, "ClockIsReal")


def test_functions_are_shown_with_all_that_is_configured(world):
    world.create()
    orders = "/2023-03-30/functions/orders"
    world.call("POST", orders + "/versions", {})
    world.call("POST", orders + "/aliases", {"aliasName": "prod", "versionId": "1"})
    world.call("PUT", orders + "/async-invoke-config", {"asyncTask": True})
    (shown,) = world.call("GET", "/_local/functions").json["functions"]
    assert shown["function"]["functionName"] == "orders"
    assert [c["asyncTask"] for c in shown["configs"]] == [True]
    assert [a["aliasName"] for a in shown["aliases"]] == ["prod"]
    assert [v["versionId"] for v in shown["versions"]] == ["1"]


def test_the_graph_is_shown(world):
    world.create()
    config = {"destinationConfig": {"onSuccess": {"destination": "acs:fc:::functions/orders"}}}
    world.call("PUT", "/2023-03-30/functions/orders/async-invoke-config", config)
    edge = {"source": "orders/LATEST", "target": "orders/LATEST", "outcome": "success"}
    found = world.call("GET", "/_local/graph").json
    assert found["nodes"] == [{"name": "orders/LATEST", "kind": "function"}]
    (shown,) = found["edges"]
    assert shown == shown | edge | {"cyclic": True, "delivered": 0, "lost": 0}
    (box,) = found["scene"]["boxes"]
    (route,) = found["scene"]["routes"]
    assert (box["label"], route["kind"], route["cut"]) == ("orders", "success", True)


def test_a_function_is_invoked_from_the_console(world):
    url = "/_local/functions/orders/invoke"
    body = {"payload": "é", "qualifier": "prod", "delay": 5, "taskId": "t"}
    assert world.call("POST", url, body).json["taskId"] == "t"
    sync = world.call("POST", url, {"type": "Sync"}).json
    assert (sync["payload"], sync["errorType"]) == ("done", "")
    (_, first), (_, second) = world.engine.calls
    assert (first.payload, first.delay_seconds) == ("é".encode(), 5)
    assert second.qualifier == "LATEST"


def test_an_edited_replay_names_the_task_that_it_replays(world, make_task):
    world.store.tasks["orders", "t1"] = Task(make_task(), ())
    edited = {"payload": "other", "taskId": "t2", "delay": 5}
    (done,) = act(world, "replay", "t1", edited=edited).json["done"]
    assert done["newTaskId"] == "t2"
    (_, sent) = world.engine.calls[0]
    assert (sent.payload, sent.delay_seconds) == (b"other", 5)
    assert [note.detail["action"] for note in world.store.noted] == ["replay", "replay-of"]


@pytest.mark.parametrize("body", [{"payload": 1}, {"delay": 3600}, {"type": "Later"}])
def test_calls_from_the_console_are_checked(world, body):
    answer = world.call("POST", "/_local/functions/orders/invoke", body)
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")


def test_stats_count_by_status(world):
    assert world.call("GET", "/_local/stats").json == {
        "by_status": {"Enqueued": 2},
        "oldest_due_at": NOW,
        "deliveries_pending": 1,
        "deliveries_dead": 0,
        "now": NOW,
    }


def test_a_task_is_shown_with_due_time_retries_and_call_path(world, make_task):
    invocation = make_task(due_at=NOW + 5, attempts=1, system_retries=2, call_path=("acs:fc:::a",))
    world.store.tasks["orders", "t1"] = Task(invocation, ())
    shown = world.call("GET", "/_local/tasks/orders/t1").json
    assert (shown["taskPayload"], shown["dueTime"], shown["attempts"]) == ("in", NOW + 5, 1)
    assert (shown["systemRetries"], shown["callPath"]) == (2, ["acs:fc:::a"])
    missing = world.call("GET", "/_local/tasks/orders/t2")
    assert (missing.status, missing.json["Code"]) == (404, "AsyncTaskNotFound")


def test_a_task_names_the_tasks_that_led_to_it_and_shows_its_trace(world, make_task):
    error = b'{"errorMessage": "declined", "errorType": "ValueError", "stackTrace": []}'
    path = ("acs:fc:::a", "acs:fc:::b")
    looped = make_task(call_path=path, return_payload=error, request_id="r3")
    world.store.tasks["orders", "t1"] = Task(looped, ())
    for request_id, before, function in (("r3", "r2", "b"), ("r2", "r1", "a"), ("r1", "r0", "x")):
        cause = {"requestId": before, "function": function, "taskId": before, "outcome": "success"}
        note = Note(request_id=request_id, at=NOW, kind="cause", detail=cause)
        world.store.noted.append(note)
    shown = world.call("GET", "/_local/tasks/orders/t1").json
    assert [one["taskId"] for one in shown["callers"]] == ["r2", "r1"]
    assert shown["trace"] == ["ValueError: declined"]


def test_a_task_is_stopped_without_a_signature(world):
    assert world.call("POST", "/_local/tasks/orders/t1/stop").status == 204
    assert world.engine.calls == [("stop_task", ("orders", "t1"))]


def test_an_unknown_dead_event_is_said_to_be_unknown(world):
    world.engine.known = False
    answer = world.call("POST", "/_local/deliveries/dead/r9/redrive")
    assert (answer.status, answer.json["Code"]) == (404, "DeliveryNotFound")


def test_an_overview_has_all_versions_not_a_page_of_them(world):
    world.create()
    for _ in range(101):
        world.call("POST", "/2023-03-30/functions/orders/versions", {})
    (shown,) = world.call("GET", "/_local/functions").json["functions"]
    assert len(shown["versions"]) == 101


def test_a_payload_that_is_not_text_comes_and_goes_as_base64(world):
    for encoding in ("base64", "hex"):
        answer = world.call(
            "POST",
            "/_local/functions/orders/invoke",
            {"payload": "iVBO/w==", "payloadEncoding": encoding},
        )
        assert answer.status == (200 if encoding == "base64" else 400)
    refused = world.call(
        "POST", "/_local/functions/orders/invoke", {"payload": "é", "payloadEncoding": "base64"}
    )
    assert (refused.status, refused.json["Code"]) == (400, "InvalidArgument")
    assert "payload is not valid base64" in refused.json["Message"]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/_local/metrics?fucntion=orders", "there are function, metric, start, end, period"),
        ("/_local/tasks?state=Failed", "there are limit, nextToken, prefix, qualifier, "),
        ("/_local/deliveries/dead?task=t", "there are function, text, error, limit, nextToken"),
        ("/_local/graph?function=orders", "there are none"),
    ],
)
def test_an_unknown_parameter_of_the_query_is_refused(world, path, there):
    answer = world.call("GET", path)
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")
    assert "the query has an unknown parameter" in answer.json["Message"]
    assert there in answer.json["Message"]
