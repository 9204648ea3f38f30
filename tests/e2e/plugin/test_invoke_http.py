# SPDX-License-Identifier: MIT
"""invoke --http as a user types it, against the local runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.settings import Settings
from fc_async_plugin.cli.group import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal

ANONYMOUS = {"authType": "anonymous", "methods": ["GET", "POST", "PUT"]}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fc_local: FcLocal) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # must not be used


@pytest.fixture
def orders(fc_local: FcLocal) -> list[dict[str, Any]]:
    """A function with an HTTP trigger; the events that it was called with."""
    seen: list[dict[str, Any]] = []

    def handler(event: bytes, _: object) -> dict[str, Any]:
        request = json.loads(event)
        seen.append(request)
        status = 404 if request["rawPath"] == "/missing" else 201
        return {"statusCode": status, "body": f"got {request['body']}"}

    fc_local.deploy("orders", handler)
    fc_local.client.create_trigger("orders", "web", trigger_type="http", trigger_config=ANONYMOUS)
    return seen


@pytest.fixture
def typed(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., tuple[int, str, str]]:
    def type_in(*arguments: str) -> tuple[int, str, str]:
        capfdbinary.readouterr()
        code = run(["invoke", "orders", "--http", *arguments])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return type_in


Typed = "Callable[..., tuple[int, str, str]]"


def test_a_request_has_method_path_query_headers_and_body(
    typed: Typed, orders: list[dict[str, Any]]
) -> None:
    code, out, err = typed(
        *("--sync", "-X", "put", "--path", "/a b?x=1", "--query", "y=2&3"),
        *("-H", "X-Mine: 1", "-H", "x-other:2", '{"n": 7}'),
    )
    assert (code, out) == (0, 'got {"n": 7}')
    [event] = orders
    assert event["requestContext"]["http"]["method"] == "PUT"
    assert event["requestContext"]["http"]["path"] == "/a b"
    assert event["queryParameters"] == {"x": "1", "y": "2&3"}
    assert (event["headers"]["X-Mine"], event["headers"]["X-Other"]) == ("1", "2")
    assert event["headers"]["Content-Type"] == "application/json"
    assert "/_http/orders/web/a%20b?x=1&y=2%263" in err
    assert "201 Created [request 1-" in err


def test_without_a_body_it_is_a_get(typed: Typed, orders: list[dict[str, Any]]) -> None:
    assert typed("--sync")[0] == 0
    assert orders[0]["requestContext"]["http"]["method"] == "GET"


def test_an_error_status_is_a_failure_and_its_body_is_printed(
    typed: Typed, orders: list[dict[str, Any]]
) -> None:
    code, out, err = typed("--sync", "--path", "missing")
    assert (code, out) == (1, "got ")
    assert "404 Not Found" in err


def test_json_has_status_headers_and_body(typed: Typed, orders: list[dict[str, Any]]) -> None:
    _, out, _ = typed("--sync", "--format", "json", "in")
    told = json.loads(out)
    assert (told["status"], told["body"]) == (201, "got in")
    assert told["requestId"].startswith("1-")


def test_an_asynchronous_request_is_accepted_and_runs_later(
    typed: Typed, fc_local: FcLocal, orders: list[dict[str, Any]]
) -> None:
    code, out, _ = typed("--path", "/later", "--delay", "60", "--task-id", "order-7", "in")
    assert code == 0
    assert out.startswith("Accepted: request 1-")
    assert out.endswith(", task order-7\n")
    assert orders == []
    fc_local.run_until_idle()
    assert orders[0]["rawPath"] == "/later"


def test_a_delay_out_of_range_costs_no_request(typed: Typed, orders: list[dict[str, Any]]) -> None:
    code, _, err = typed("--delay", "3600")
    assert code == 1
    assert "from 1 to 3599" in err


def test_a_task_id_that_is_taken_is_an_error_with_the_answer_of_the_service(
    typed: Typed, orders: list[dict[str, Any]]
) -> None:
    assert typed("--task-id", "order-7", "in")[0] == 0
    code, _, err = typed("--task-id", "order-7", "in")
    assert code == 1
    assert "not accepted, 409 Conflict" in err
    assert "AsyncTaskAlreadyExists" in err


def test_a_function_without_an_http_trigger_is_an_error_that_names_those_it_has(
    typed: Typed, fc_local: FcLocal, orders: list[dict[str, Any]]
) -> None:
    code, _, err = typed("--sync", "--trigger", "other")
    assert code == 1
    assert "has no HTTP trigger 'other'; its HTTP triggers: web (LATEST)" in err
    fc_local.client.delete_trigger("orders", "web")
    assert "has no HTTP trigger for LATEST; its HTTP triggers: none" in typed("--sync")[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--header", "no colon"), "must look like 'Name: value'"),
        (("--query", "novalue"), "must look like name=value"),
        (("-X", "TRACE"), "TRACE"),
        (("--batch", "-"), "--http"),
    ],
)
def test_options_that_cannot_be_used_are_refused_before_anything_is_sent(
    typed: Typed, orders: list[dict[str, Any]], arguments: tuple[str, ...], words: str
) -> None:
    code, _, err = typed("--sync" if "--batch" not in arguments else "--async", *arguments)
    assert code == 1
    assert words in err
    assert orders == []


def test_options_of_a_request_go_with_http_only(
    capsys: pytest.CaptureFixture[str], orders: list[dict[str, Any]]
) -> None:
    assert run(["invoke", "orders", "--path", "/x"]) == 1
    assert "go with --http only" in capsys.readouterr().err


class TestSignedRequests:
    @pytest.fixture
    def fc_local_settings(self) -> Settings:
        return Settings.of(strict_auth=True, access_keys={"local": "local"})

    def test_are_sent_to_a_trigger_that_needs_a_signature(
        self, typed: Typed, fc_local: FcLocal
    ) -> None:
        fc_local.deploy("orders", lambda event, _: json.loads(event)["queryParameters"])
        config = json.dumps({"authType": "function", "methods": ["POST"]})
        body = {"triggerName": "web", "triggerType": "http", "triggerConfig": config}
        fc_local.runtime.call(fc_local.runtime.registry.triggers.create("orders", body))
        code, out, err = typed("--sync", "--path", "/a%2Fb c?z=1&a=é *~", "in")
        assert code == 0, err
        assert json.loads(out) == {"z": "1", "a": "é *~"}


def test_on_a_terminal_an_answer_ends_its_line_and_controls_nothing(
    fc_local: FcLocal,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fc_local.deploy("orders", lambda _event, _context: "caf\u00e9 \x1b[31mred")
    fc_local.client.create_trigger("orders", "web", trigger_type="http", trigger_config=ANONYMOUS)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run(["invoke", "orders", "--http", "--sync"]) == 0
    assert capsys.readouterr().out == "caf\u00e9 \\x1b[31mred\n"
