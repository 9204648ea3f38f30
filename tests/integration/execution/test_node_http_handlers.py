# SPDX-License-Identifier: MIT
"""Handlers with request and response, as HTTP functions of FC 2.0 in Node.js have them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_sdk.events import http

TELLS = """
    exports.handler = async (req, resp, context) => {
      const parts = [];
      for await (const part of req) parts.push(part);
      const { method, path, queries, url, headers } = req;
      const body = Buffer.concat(parts).toString("latin1");
      resp.setStatusCode(201);
      resp.setHeader("X-Gone", "1");
      resp.deleteHeader("X-Gone");
      resp.setHeader("Content-Type", "text/x-told");
      const told = { method, path, queries, url, mine: headers["x-mine"], body };
      resp.send(JSON.stringify({ ...told, id: context.requestId }));
    };
"""
STREAMS = """
    const { Readable } = require("stream");
    exports.handler = (request, response, context) => {
      response.send(Readable.from(["a", "b"]));
    };
"""
UNNAMED = """
    exports.handler = async (first, second, third) =>
      second.send ? second.send(first.method) : { payload: first.toString() };
"""
EVENT = """
    exports.handler = (event, context, callback) => callback(null, event.toString().length);
"""

pytestmark = pytest.mark.usefixtures("node")


def _request(target: str, **given: Any) -> bytes:
    circumstances = http.Circumstances(request_id="1-a", at=0)
    return json.dumps(http.request(target, circumstances, **given)).encode()


def _once(workshop: Any, code: str, event: bytes, function: str = "shop$web") -> Any:
    workshop.write(code, name="index.js")
    return workshop.play(lambda: workshop.run(event, function=function, runtime="nodejs20"))


def _answer(outcome: Any) -> tuple[dict[str, Any], bytes]:
    assert outcome.kind is OutcomeKind.SUCCESS, outcome.payload
    answer = json.loads(outcome.payload)
    assert answer.pop("isBase64Encoded") is True
    return answer, base64.b64decode(answer.pop("body"))


@pytest.mark.parametrize("content", [b"a=1", b"\x00\xff"])
def test_a_handler_of_fc2_is_given_the_request(workshop, content: bytes) -> None:
    event = _request("/a/1?q=a%20b", method="PUT", headers=[("X-Mine", "yes")], body=content)
    answer, body = _answer(_once(workshop, TELLS, event))
    assert answer == {"statusCode": 201, "headers": {"Content-Type": "text/x-told"}}
    assert json.loads(body) == {
        "method": "PUT",
        "path": "/a/1",
        "queries": {"q": "a b"},
        "url": "/a/1?q=a+b",
        "mine": "yes",
        "body": content.decode("latin-1"),
        "id": "request-1",
    }


def test_another_payload_is_the_body_of_a_request(workshop) -> None:
    told = json.loads(_answer(_once(workshop, TELLS, b"not JSON"))[1])
    assert (told["method"], told["path"], told["body"]) == ("POST", "/", "not JSON")


def test_a_stream_is_sent_whole(workshop) -> None:
    assert _answer(_once(workshop, STREAMS, _request("/"))) == (
        {"statusCode": 200, "headers": {}},
        b"ab",
    )


def test_a_handler_whose_parameters_tell_nothing_is_called_as_its_event_tells(workshop) -> None:
    assert _answer(_once(workshop, UNNAMED, _request("/")))[1] == b"GET"
    assert json.loads(_once(workshop, UNNAMED, b"1").payload) == {"payload": "1"}


def test_a_handler_of_events_is_called_with_the_event_of_an_http_trigger(workshop) -> None:
    event = _request("/")
    assert json.loads(_once(workshop, EVENT, event).payload) == len(event)


def test_an_error_of_a_handler_of_fc2_is_one_of_the_function(workshop) -> None:
    code = "exports.handler = async (req, res, context) => { throw new Error('no'); };"
    outcome = _once(workshop, code, _request("/"))
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert json.loads(outcome.payload)["errorMessage"] == "no"


def test_fc3_calls_it_with_event_and_context_and_the_log_tells_why_it_fails(workshop) -> None:
    outcome = _once(workshop, STREAMS, _request("/"), function="web")
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    said = b"takes request and response, as HTTP functions of FC 2.0 do: FC 3.0 does not call it so"
    assert said in outcome.log
