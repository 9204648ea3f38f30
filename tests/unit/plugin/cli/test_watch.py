# SPDX-License-Identifier: MIT
"""``fc-async watch`` against a local runtime, and against an account."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.cli.group import run
from fc_async_plugin.operate import metrics
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

TEMPLATE = template(orders="asyncInvokeConfig: {maxAsyncRetryAttempts: 0}")


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
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    fc_local.advance(60)
    return fc_local


def test_a_failure_on_a_local_runtime_reaches_the_webhook(failing, httpserver, capsys) -> None:
    httpserver.expect_request("/hook").respond_with_data("")
    hook = httpserver.url_for("/hook")
    assert run(["watch", "--once", "--endpoint", failing.endpoint, "--webhook", hook]) == 1
    [(request, _)] = httpserver.log
    assert json.loads(request.get_data())["condition"] == "errors"
    assert "orders (cn-hangzhou): errors" in capsys.readouterr().out


def test_changes_are_lines_of_json(failing, capsys) -> None:
    run(["watch", "--once", "--endpoint", failing.endpoint, "-o", "json"])
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["alarm"] is True


def test_all_is_well_is_exit_code_0(fc_local, capsys) -> None:
    fc_local.deploy("orders", fails)
    assert run(["watch", "--once", "--endpoint", fc_local.endpoint]) == 0
    assert capsys.readouterr() == ("", f"Using {fc_local.endpoint} (--endpoint)\n")


def test_rounds_go_on_until_they_are_interrupted(failing, capsys, monkeypatch) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt
        failing.advance(3_600)

    monkeypatch.setattr(time, "sleep", sleep)
    assert run(["watch", "--endpoint", failing.endpoint, "--every", "30"]) == 130
    assert waits == [30, 30, 30]
    first, second = capsys.readouterr().out.splitlines()
    assert "alarm at 1" in first
    assert "errors is over" in second


def test_an_account_is_read_through_cloudmonitor(httpserver, monkeypatch, capsys) -> None:
    for name in ("ID", "SECRET"):
        monkeypatch.setenv(f"ALIBABA_CLOUD_ACCESS_KEY_{name}", "madeup")
    monkeypatch.delenv("FC_ASYNC_ENDPOINT", raising=False)
    monkeypatch.setattr(metrics, "cloud_endpoint", lambda _: httpserver.url_for(""))
    point: dict[str, Any] = {"timestamp": (time.time_ns() // 1_000_000) - 150_000, "Sum": 2}
    answer = {"Code": "200", "Datapoints": json.dumps([point])}
    httpserver.expect_request("/").respond_with_json(answer)
    assert run(["watch", "--once", "-o", "json"]) == 1
    told = [json.loads(line)["condition"] for line in capsys.readouterr().out.splitlines()]
    assert "errors" in told


def test_a_condition_that_the_webhook_did_not_take_is_exit_code_1_too(failing, capsys) -> None:
    hook = "http://127.0.0.1:1/hook"
    assert run(["watch", "--once", "--endpoint", failing.endpoint, "--webhook", hook]) == 1
    assert "ConnectionError, which was not told: orders" in capsys.readouterr().err


def test_no_credentials_are_said_once(capsys, monkeypatch) -> None:
    monkeypatch.delenv("FC_ASYNC_ENDPOINT", raising=False)
    assert run(["watch", "--once"]) == 1
    assert capsys.readouterr().err.count("no credentials found") == 1


def test_metrics_that_cannot_be_read_are_a_failure(capsys, httpserver) -> None:
    assert run(["watch", "--once", "--endpoint", httpserver.url_for("")]) == 1
    assert "orders (cn-hangzhou): its metrics cannot be read" in capsys.readouterr().err
