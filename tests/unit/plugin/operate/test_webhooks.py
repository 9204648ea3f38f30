# SPDX-License-Identifier: MIT
"""What a webhook is told of a change."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug import Response

from fc_async_plugin import PluginError
from fc_async_plugin.check.conditions import CONDITIONS, Rule, queue_rules
from fc_async_plugin.operate.webhooks import AlarmChange, Webhook

if TYPE_CHECKING:
    from collections.abc import Callable

CHANGE = AlarmChange.of(
    Rule(CONDITIONS[3], "orders", "cn-hangzhou", 1, "because"), alarm=True, value=4, time=6_000_000
)


@pytest.fixture
def hook(httpserver) -> Callable[..., Any]:
    """Sends a change to a server that gives an answer; returns what the server got."""

    def send(answer: Response, form: str | None = None) -> Any:
        httpserver.clear()
        httpserver.expect_request("/hook", method="POST").respond_with_response(answer)
        Webhook(httpserver.url_for("/hook?key=secret"), form)(CHANGE)
        [(request, _)] = httpserver.log
        return json.loads(request.get_data())

    return send


def test_a_webhook_gets_the_facts_and_a_sentence(hook) -> None:
    body = hook(Response(status=204))
    assert (body["function"], body["alarm"], body["threshold"]) == ("orders", True, 1)
    assert body["text"] == (
        "orders (cn-hangzhou): errors: FunctionFunctionErrors 4, alarm at 1: because"
    )


@pytest.mark.parametrize(
    ("form", "path"), [("dingtalk", ("text", "content")), ("feishu", ("content", "text"))]
)
def test_chat_robots_get_their_form(hook, form: str, path: tuple[str, str]) -> None:
    body = hook(Response('{"errcode": 0, "code": 0}'), form)
    assert body[path[0]][path[1]] == CHANGE.text


@pytest.mark.parametrize(
    "answer",
    [Response(status=500), Response(status=302), Response('{"errcode": 310000}')],
    ids=["500", "redirect", "a code in the body"],
)
def test_a_refusal_is_an_error_without_the_key_of_the_url(hook, answer: Response) -> None:
    with pytest.raises(PluginError, match="the webhook at localhost answered") as failed:
        hook(answer)
    assert "secret" not in str(failed.value)


def test_a_webhook_that_does_not_answer_is_an_error_without_the_key() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/hook?key=secret"
        with pytest.raises(PluginError, match="ConnectionError") as failed:
            Webhook(url)(CHANGE)
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("url", ["ftp://example.com", "example.com/hook", "https://"])
def test_a_webhook_is_a_url_of_http(url: str) -> None:
    with pytest.raises(PluginError, match="begins with https://"):
        Webhook(url)


def test_a_change_of_a_queue_names_the_queue() -> None:
    waiting, oldest = queue_rules("cn-hangzhou", "dead")
    change = AlarmChange.of(oldest, alarm=True, value=200_000, time=0)
    assert change.text.startswith("queue dead (cn-hangzhou): oldest: 200000 s, alarm at 172800")
    assert (change.as_data()["function"], change.as_data()["queue"]) == (None, "dead")
    assert "is over: ActiveMessages 0" in AlarmChange.of(waiting, alarm=False, value=0, time=0).text
