# SPDX-License-Identifier: MIT
"""Timers on virtual time: each firing is an asynchronous invocation at its own moment."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_tests import runtime_requests as requests
from fc_async_tests.code import archive
from fc_async_tests.faults import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typing_extensions import Unpack

    from fc_async_local.bootstrap.options import OptionFields
    from fc_async_local.execution.instances.inprocess import Handler
    from fc_async_local.testing import FcLocal

    Start = Callable[..., "Local"]

DAY = 86_400
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 10, 10, tzinfo=timezone.utc)


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


class Local:
    """A runtime that starts at a chosen time; the methods are those of the fixture."""

    def __init__(self, data: Path, at: datetime, options: OptionFields) -> None:
        self._handlers: dict[str, Handler] = {}
        self.runtime = LocalRuntime(
            data=data,
            port=0,
            clock="virtual",
            clock_start=ms(at),
            handlers=self._handlers,
            **options,
        )
        self.runtime.start()
        self.endpoint = self.runtime.endpoint
        self.client = fc_async_sdk.client(
            region_name="cn-hangzhou", account_id="1", endpoint_url=self.endpoint
        )

    def deploy(self, name: str, handler: Callable[[bytes, object], object]) -> None:
        self._handlers[name] = handler
        registry = self.runtime.registry
        code = {"zipFile": base64.b64encode(archive()).decode()}
        body = {"runtime": "python3.10", "handler": "index.handler", "code": code}
        if name not in self.runtime.call(registry.functions.names()):
            self.runtime.call(registry.functions.create(body | {"functionName": name}))
        self.runtime.call(registry.async_configs.put(name, "", {"asyncTask": True}))

    def advance(self, seconds: float) -> None:
        self.runtime.advance(seconds)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """``start(at, **options)``: a runtime on virtual time, in the same folder each time."""
    started: list[Local] = []

    def begin(at: datetime = START, **options: Unpack[OptionFields]) -> Local:
        started.append(Local(tmp_path / "runtime", at, options))
        return started[-1]

    yield begin
    started[-1].runtime.stop()  # a test that starts a second one has stopped the first


def timer(
    local: FcLocal | Local, name: str, expression: str, function: str = "f", **config
) -> None:
    local.client.create_trigger(
        "f",
        name,
        trigger_type="timer",
        trigger_config={"cronExpression": expression, "enable": True} | config,
    )


def admin(local: FcLocal | Local, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = requests.get(f"{local.endpoint}/_local{path}", timeout=5).json()
    return answer


def post(local: FcLocal | Local, path: str, **body) -> requests.Response:
    return requests.post(f"{local.endpoint}/_local{path}", json=body, timeout=5)


def the_trigger(local: FcLocal | Local) -> dict[str, Any]:
    (found,) = admin(local, "/triggers")["triggers"]
    return found


def runs(local: FcLocal | Local, function: str = "f") -> list[tuple[str, int]]:
    """Trigger and moment of each run, in the order of the runs."""
    found = local.client.list_async_tasks(function, include_payload=True, limit=100).tasks
    started = [
        (json.loads(task.task_payload or "{}")["triggerName"], task.started_time) for task in found
    ]
    return sorted(started, key=lambda run: run[1])


def test_thirty_days_of_three_timers_fire_each_at_its_own_moment(start: Start) -> None:
    local, seen = start(store="memory"), []
    local.deploy("f", lambda event, _: seen.append(json.loads(event)))
    timer(local, "nightly", "0 0 4 * * *", payload="go")
    timer(local, "berlin", "CRON_TZ=Europe/Berlin 30 15 2 * * *")
    timer(local, "every", "@every 12h")
    local.advance(30 * DAY)
    nightly = [START + timedelta(days=day, hours=4) for day in range(30)]
    # Summer time ends on 25 October: 02:15 comes twice.
    berlin = sorted(
        datetime(2026, 10, 10, 2, 15, 30, tzinfo=timezone.utc) - timedelta(hours=2) + change
        for change in (
            *(timedelta(days=day) for day in range(16)),
            *(timedelta(days=day, hours=1) for day in range(15, 31)),
        )
    )
    berlin = [moment for moment in berlin if START < moment <= START + timedelta(days=30)]
    every = [START + timedelta(hours=12 * number) for number in range(1, 61)]
    expected = [
        (name, moment)
        for name, moments in (("nightly", nightly), ("berlin", berlin), ("every", every))
        for moment in moments
    ]
    expected.sort(key=lambda firing: firing[1])
    assert [(event["triggerName"], event["triggerTime"]) for event in seen] == [
        (name, moment.strftime("%Y-%m-%dT%H:%M:%SZ")) for name, moment in expected
    ]
    assert {moment.astimezone(BERLIN).strftime("%H:%M:%S") for moment in berlin} == {"02:15:30"}
    assert (len(nightly), len(berlin), len(every)) == (30, 31, 60)
    assert {event["payload"] for event in seen if event["triggerName"] == "nightly"} == {"go"}


def test_a_run_begins_at_the_moment_that_its_event_names(start: Start) -> None:
    local = start(store="memory")
    local.deploy("f", lambda event, _: event)
    timer(local, "t", "0 0 * * * *")
    local.advance(3 * 3_600)
    moments = [START + timedelta(hours=hour) for hour in (1, 2, 3)]
    tasks = local.client.list_async_tasks("f", include_payload=True).tasks
    assert sorted(task.started_time for task in tasks) == [ms(moment) for moment in moments]


def test_a_failing_run_is_retried_and_told_to_its_failure_destination(fc_local: FcLocal) -> None:
    def fail(_event: bytes, _context: object) -> None:
        raise ValueError("no")

    queue = fc_local.create_queue("failures")
    destination = {"onFailure": {"destination": queue}}
    fc_local.deploy(
        "f", fail, async_config={"maxAsyncRetryAttempts": 1, "destinationConfig": destination}
    )
    timer(fc_local, "t", "@every 1h")
    fc_local.advance(3_700)
    event = fc_local.receive("failures")
    assert event is not None
    assert (event.attempts, event.request.json()["triggerName"]) == (2, "t")


def test_a_timer_that_is_switched_off_is_silent_until_it_is_switched_on(fc_local: FcLocal) -> None:
    seen: list[bytes] = []
    fc_local.deploy("f", lambda event, _: seen.append(event))
    timer(fc_local, "t", "@every 1m", enable=False)
    fc_local.advance(300)
    assert seen == []
    on = {"cronExpression": "@every 1m", "enable": True}
    fc_local.client.update_trigger("f", "t", trigger_config=on)
    fc_local.advance(120)
    assert len(seen) == 2


def test_a_changed_timer_fires_by_its_new_schedule_only(fc_local: FcLocal) -> None:
    seen: list[bytes] = []
    fc_local.deploy("f", lambda event, _: seen.append(json.loads(event)["payload"]))
    timer(fc_local, "t", "@every 5m", payload="old")
    fc_local.advance(60)
    new = {"cronExpression": "@every 7m", "enable": True, "payload": "new"}
    fc_local.client.update_trigger("f", "t", trigger_config=new)
    fc_local.advance(15 * 60)
    assert seen == ["new", "new"]


def test_a_timer_that_is_changed_before_time_passes_has_its_new_schedule(
    fc_local: FcLocal,
) -> None:
    seen: list[bytes] = []
    fc_local.deploy("f", lambda event, _: seen.append(event))
    timer(fc_local, "t", "@every 5m")
    slower = {"cronExpression": "@every 9m", "enable": True}
    fc_local.client.update_trigger("f", "t", trigger_config=slower)
    fc_local.advance(8 * 60)
    assert seen == []
    fc_local.advance(60)
    assert len(seen) == 1


def test_a_firing_that_is_refused_for_minutes_is_made_afterwards(
    fc_local: FcLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    fc_local.deploy("f", lambda event, _: seen.append(json.loads(event)))
    timer(fc_local, "t", "@every 1h")
    with monkeypatch.context() as patch:
        fail(patch, fc_local.runtime.store, "accept", StoreUnavailable("disk full"))
        fc_local.advance(3_600 + 120)
    fc_local.advance(10)
    assert len(seen) == 1


def test_a_deleted_timer_fires_no_more_and_a_new_one_of_its_name_does(fc_local: FcLocal) -> None:
    seen: list[bytes] = []
    fc_local.deploy("f", lambda event, _: seen.append(event))
    timer(fc_local, "t", "@every 1m")
    fc_local.advance(60)
    fc_local.client.delete_trigger("f", "t")
    fc_local.advance(600)
    assert len(seen) == 1
    timer(fc_local, "t", "@every 1m")
    fc_local.advance(120)
    assert len(seen) == 3


def test_a_timer_calls_the_version_that_its_qualifier_names(fc_local: FcLocal) -> None:
    fc_local.deploy("f", lambda event, _: event)
    fc_local.client.publish_function_version("f")
    fc_local.client.create_trigger(
        "f",
        "t",
        trigger_type="timer",
        trigger_config={"cronExpression": "@every 1m", "enable": True},
        qualifier="1",
    )
    fc_local.client.put_async_invoke_config("f", async_task=True, qualifier="1")
    fc_local.advance(60)
    (task,) = fc_local.client.list_async_tasks("f", qualifier="1").tasks
    assert task.status == "Succeeded"


def test_what_a_stopped_runtime_missed_is_left_out(start: Start) -> None:
    local = start(store="sqlite")
    local.deploy("f", lambda event, _: event)
    timer(local, "t", "0 0 * * * *")
    local.advance(3_600)
    local.runtime.stop()
    again = start(START + timedelta(hours=5, minutes=30), store="sqlite")
    again.deploy("f", lambda event, _: event)
    again.advance(3_600)
    assert runs(again) == [
        ("t", ms(START + timedelta(hours=1))),
        ("t", ms(START + timedelta(hours=6))),
    ]


def test_what_a_stopped_runtime_missed_fires_if_the_setting_allows_it(start: Start) -> None:
    local = start(store="sqlite")
    local.deploy("f", lambda event, _: event)
    timer(local, "t", "0 0 * * * *")
    local.runtime.stop()
    settings = Settings.of(timer_grace_ms=10 * DAY * 1_000)
    again = start(START + timedelta(hours=3, minutes=30), store="sqlite", settings=settings)
    seen: list[str] = []
    again.deploy("f", lambda event, _: seen.append(json.loads(event)["triggerTime"]))
    again.advance(3_600)
    assert sorted(seen) == [f"2026-10-10T0{hour}:00:00Z" for hour in (1, 2, 3, 4)]


def test_a_timer_of_a_missing_alias_leaves_dead_events_and_goes_on(fc_local: FcLocal) -> None:
    fc_local.deploy("f", lambda event, _: event)
    fc_local.client.publish_function_version("f")
    fc_local.client.create_alias("f", "prod", version_id="1")
    fc_local.client.create_trigger(
        "f",
        "t",
        trigger_type="timer",
        trigger_config={"cronExpression": "@every 1h", "enable": True},
        qualifier="prod",
    )
    fc_local.client.delete_alias("f", "prod")
    fc_local.advance(2 * 3_600)
    dead = admin(fc_local, "/deliveries/dead")["deliveries"]
    assert len(dead) == 2
    assert "404 AliasNotFound" in dead[0]["error"]
    shown = the_trigger(fc_local)
    assert "404 AliasNotFound" in shown["lastError"]
    assert shown["consecutiveErrors"] == 2


def test_an_unforeseen_error_is_retried_logged_and_shown(
    fc_local: FcLocal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bytes] = []
    fail(monkeypatch, fc_local.runtime.engine, "invoke_async", KeyError("a fault of ours"), times=1)
    fc_local.deploy("f", lambda event, _: seen.append(event))
    timer(fc_local, "t", "@every 1h")
    fc_local.advance(3_601)
    assert "KeyError: 'a fault of ours'" in the_trigger(fc_local)["lastError"]
    assert "KeyError" in caplog.text
    fc_local.advance(60)
    assert (len(seen), the_trigger(fc_local)["lastError"]) == (1, "")


def test_a_firing_waits_for_a_store_that_is_away(
    fc_local: FcLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    full = StoreUnavailable("disk full")
    failed = fail(monkeypatch, fc_local.runtime.store, "accept", full, times=3)
    fc_local.deploy("f", lambda event, _: seen.append(event))
    timer(fc_local, "t", "@every 1h")
    fc_local.advance(3_605)
    assert (len(failed), len(seen)) == (3, 1)


def test_the_admin_api_shows_the_next_three_firings(start: Start) -> None:
    local = start(store="memory")
    local.deploy("f", lambda event, _: event)
    timer(local, "t", "CRON_TZ=Asia/Shanghai 0 0 4 * * *")
    shown = the_trigger(local)
    assert shown["nextFirings"] == [ms(START + timedelta(days=day, hours=20)) for day in range(3)]
    assert (shown["state"], shown["asynchronous"], shown["fired"]) == ("active", True, 0)
    local.advance(DAY)
    shown = the_trigger(local)
    assert (shown["fired"], shown["lastFiredTime"]) == (1, ms(START + timedelta(hours=20)))


def test_a_timer_can_be_fired_now_without_moving_its_schedule(start: Start) -> None:
    local, seen = start(store="memory"), []
    local.deploy("f", lambda event, _: seen.append(json.loads(event)))
    timer(local, "t", "0 0 4 * * *", payload="p", enable=False)
    answer = post(local, "/triggers/f/t/fire").json()
    local.advance(1)
    assert seen == [{"triggerTime": "2026-10-10T00:00:00Z", "triggerName": "t", "payload": "p"}]
    task = local.client.get_async_task("f", answer["requestId"])
    assert (task.status, json.loads(answer["payload"])) == ("Succeeded", seen[0])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"cronExpression": "0 4 * * *", "enable": True}, "cronExpression: it has 5 fields"),
        ({"cronExpression": "@every 5m", "payload": 1}, "triggerConfig: Expected `str`"),
        ({}, "missing required field `cronExpression`"),
    ],
)
def test_an_invalid_timer_is_refused_when_it_is_created(
    fc_local: FcLocal, config: dict[str, object], message: str
) -> None:
    fc_local.deploy("f", lambda event, _: event)
    with pytest.raises(fc_async_sdk.errors.InvalidArgument) as refused:
        fc_local.client.create_trigger("f", "t", trigger_type="timer", trigger_config=config)
    assert message in str(refused.value)


def test_a_firing_happens_once_on_several_nodes(
    empty_postgres: Callable[[], str], tmp_path: Path
) -> None:
    url = empty_postgres()
    nodes = [Local(tmp_path / name, START, {"store": url}) for name in ("a", "b")]
    try:
        for node in nodes:
            node.deploy("f", lambda event, _: event)
        timer(nodes[0], "t", "0 * * * * *")
        for _ in range(6):
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda node: node.advance(60), nodes))
        fired = [
            json.loads(task.task_payload or "{}")["triggerTime"]
            for task in nodes[1].client.list_async_tasks("f", include_payload=True, limit=100).tasks
        ]
        by_node = [the_trigger(node)["fired"] for node in nodes]
    finally:
        for node in nodes:
            node.runtime.stop()
    assert sorted(fired) == [
        (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ") for minute in range(1, 7)
    ]
    assert sum(by_node) == 6


def test_the_other_node_fires_what_a_stopped_one_does_not(
    empty_postgres: Callable[[], str], tmp_path: Path
) -> None:
    url = empty_postgres()
    first, second = (Local(tmp_path / name, START, {"store": url}) for name in ("a", "b"))
    seen: list[bytes] = []
    try:
        first.deploy("f", lambda event, _: seen.append(event))
        second.deploy("f", lambda event, _: seen.append(event))
        timer(first, "t", "0 * * * * *")
        first.runtime.stop()
        second.advance(120)
    finally:
        second.runtime.stop()
    assert len(seen) == 2
