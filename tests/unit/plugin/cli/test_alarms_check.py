# SPDX-License-Identifier: MIT
"""``fc-async alarms check`` against a local runtime, and against an account."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.cli.group import run
from fc_async_plugin.operate import metrics
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from fc_async_local.testing import FcLocal

TEMPLATE = template(orders="asyncInvokeConfig: {maxAsyncRetryAttempts: 0}")
QUEUE = "acs:mns:cn-hangzhou::/queues/dead/messages"
WITH_QUEUE = template(
    orders={
        "asyncInvokeConfig": {
            "maxAsyncRetryAttempts": 0,
            "destinationConfig": {"onFailure": {"destination": QUEUE}},
        }
    }
)


@pytest.fixture(autouse=True)
def _template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(TEMPLATE)


def fails(event: bytes, context: object) -> None:
    raise ValueError("no")


@pytest.fixture
def failing(fc_local: FcLocal) -> FcLocal:
    """A runtime in which a function has failed a minute ago."""
    fc_local.deploy("orders", fails, async_config={"maxAsyncRetryAttempts": 0})
    fail(fc_local)
    return fc_local


def fail(fc_local: FcLocal) -> None:
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    fc_local.advance(60)


def test_a_failure_on_a_local_runtime_reaches_the_webhook(failing, httpserver, capsys) -> None:
    httpserver.expect_request("/hook").respond_with_data("")
    hook = httpserver.url_for("/hook")
    assert run(["alarms", "check", "--endpoint", failing.endpoint, "--webhook", hook]) == 1
    [(request, _)] = httpserver.log
    assert json.loads(request.get_data())["condition"] == "errors"
    assert "orders (cn-hangzhou): errors" in capsys.readouterr().out


def test_the_json_has_what_changed_and_what_holds(failing, capsys) -> None:
    run(["alarms", "check", "--endpoint", failing.endpoint, "-o", "json"])
    first = json.loads(capsys.readouterr().out)
    [change] = first["changes"]
    assert (change["function"], change["condition"], change["alarm"]) == ("orders", "errors", True)
    assert first["to"] - first["from"] == 3_600_000
    run(["alarms", "check", "--endpoint", failing.endpoint, "-o", "json"])
    second = json.loads(capsys.readouterr().out)
    assert (second["changes"], second["holding"]) == (
        [],
        ["cn-hangzhou/fc-async-orders-errors"],
    )


def test_the_first_round_says_what_it_looked_at_and_the_next_ones_nothing(fc_local, capsys) -> None:
    fc_local.deploy("orders", fails)
    assert run(["alarms", "check", "--endpoint", fc_local.endpoint]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "First round in this folder: looked at the 1 h before" in err
    assert run(["alarms", "check", "--endpoint", fc_local.endpoint]) == 0
    assert capsys.readouterr() == ("", f"Using {fc_local.endpoint} (--endpoint)\n")


@pytest.mark.parametrize("minutes", [1, 7, 240, 3 * 24 * 60])
def test_a_failure_is_told_however_late_the_next_round_is(
    fc_local: FcLocal, capsys, minutes: int
) -> None:
    """A round from a scheduler missed what had happened before its last minute."""
    fc_local.deploy("orders", fails, async_config={"maxAsyncRetryAttempts": 0})
    check = ["alarms", "check", "--endpoint", fc_local.endpoint]
    assert run(check) == 0
    fail(fc_local)
    fc_local.advance(minutes * 60)
    capsys.readouterr()
    assert run(check) == 1
    assert "orders (cn-hangzhou): errors" in capsys.readouterr().out
    for _ in range(2):
        fc_local.advance(600)
        run(check)
    assert "errors is over" in capsys.readouterr().out
    assert run(check) == 0


def test_a_message_in_the_failure_queue_is_told(fc_local: FcLocal, capsys) -> None:
    Path("s.yaml").write_text(WITH_QUEUE)
    fc_local.create_queue("dead")
    config: Any = {
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": QUEUE}},
    }
    fc_local.deploy("orders", fails, async_config=config)
    check = ["alarms", "check", "--endpoint", fc_local.endpoint]
    assert run(check) == 0
    fail(fc_local)
    capsys.readouterr()
    assert run(check) == 1
    assert "queue dead (cn-hangzhou): waiting: ActiveMessages 1" in capsys.readouterr().out
    fc_local.advance(4 * 86_400)
    assert run(check) == 1
    assert "queue dead (cn-hangzhou): oldest: 345660 s" in capsys.readouterr().out


def test_a_queue_that_does_not_exist_is_named(fc_local: FcLocal, capsys) -> None:
    Path("s.yaml").write_text(WITH_QUEUE)
    fc_local.deploy("orders", fails)
    assert run(["alarms", "check", "--endpoint", fc_local.endpoint]) == 1
    assert "queue dead (cn-hangzhou): it cannot be read" in capsys.readouterr().err


def test_an_account_is_read_through_cloudmonitor(httpserver, monkeypatch, capsys) -> None:
    for name in ("ID", "SECRET"):
        monkeypatch.setenv(f"ALIBABA_CLOUD_ACCESS_KEY_{name}", "madeup")
    monkeypatch.delenv("FC_ASYNC_ENDPOINT", raising=False)
    monkeypatch.setattr(metrics, "cloud_endpoint", lambda _: httpserver.url_for(""))
    point: dict[str, Any] = {"timestamp": (time.time_ns() // 1_000_000) - 150_000, "Sum": 2}
    answer = {"Code": "200", "Datapoints": json.dumps([point])}
    httpserver.expect_request("/").respond_with_json(answer)
    assert run(["alarms", "check", "-o", "json"]) == 1
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert "errors" in [change["condition"] for change in changes]


def test_a_change_that_the_webhook_did_not_take_is_sent_by_the_next_round(
    failing, httpserver, capsys
) -> None:
    check = ["alarms", "check", "--endpoint", failing.endpoint, "--webhook"]
    assert run([*check, "http://127.0.0.1:1/hook"]) == 1
    assert "ConnectionError, which was not told: orders" in capsys.readouterr().err
    httpserver.expect_request("/hook").respond_with_data("")
    assert run([*check, httpserver.url_for("/hook")]) == 1
    assert len(httpserver.log) == 1


def test_no_credentials_are_said_once(capsys, monkeypatch) -> None:
    monkeypatch.delenv("FC_ASYNC_ENDPOINT", raising=False)
    assert run(["alarms", "check"]) == 1
    assert capsys.readouterr().err.count("no credentials found") == 1


def test_metrics_that_cannot_be_read_are_a_failure(capsys, httpserver) -> None:
    assert run(["alarms", "check", "--endpoint", httpserver.url_for("")]) == 1
    assert capsys.readouterr().err


def test_what_is_kept_is_the_users_alone_and_a_damaged_file_is_named(
    failing, capsys, tmp_path: Path
) -> None:
    check = ["alarms", "check", "--endpoint", failing.endpoint]
    run(check)
    file = tmp_path / ".fc-async" / "alarms" / "rounds.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("{")
    capsys.readouterr()
    assert run(check) == 1
    assert "rounds.json cannot be read" in capsys.readouterr().err


def test_the_former_command_names_the_new_one(capsys) -> None:
    assert run(["watch", "--once"]) == 1
    assert "fc-async watch is now: fc-async alarms check" in capsys.readouterr().err
