# SPDX-License-Identifier: MIT
"""Handlers that are applications: of WSGI, as HTTP functions of FC 2.0 are, and of ASGI."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_sdk.events import http

APPLICATION = """
    import json

    def handler(environ, start_response):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "HTTP_X_MINE")
        told = {name: environ.get(name) for name in (*names, "fc.request_uri")}
        told |= {"body": body.decode("latin-1"), "id": environ["fc.context"].request_id}
        write = start_response("201 Created", [("Content-Type", "text/x-told"), ("X-A", "1")])
        write(b"> ")
        yield json.dumps(told).encode()
"""
OBJECT = """
    class App:
        def __call__(self, environ, start_response):
            start_response("200 OK", [])
            return Parts()

    class Parts(list):
        def __iter__(self):
            return iter([b"a", b"b"])

        def close(self):
            print("closed")

    handler = App()
"""


def _answer(outcome: Any) -> tuple[dict[str, Any], bytes]:
    assert outcome.kind is OutcomeKind.SUCCESS, outcome.payload
    answer = json.loads(outcome.payload)
    assert answer.pop("isBase64Encoded") is True
    return answer, base64.b64decode(answer.pop("body"))


def _request(target: str, **given: Any) -> bytes:
    circumstances = http.Circumstances(request_id="1-a", at=0)
    return json.dumps(http.request(target, circumstances, **given)).encode()


@pytest.mark.parametrize(
    ("content", "content_type"), [(b"a=1", "text/plain"), (b"\x00\xff", "image/png")]
)
def test_an_application_of_fc2_is_given_the_request(
    workshop, content: bytes, content_type: str
) -> None:
    headers = [("Content-Type", content_type), ("X-Mine", "yes")]
    event = _request("/caf%C3%A9/1?q=a%20b&r=", method="PUT", headers=headers, body=content)
    answer, body = _answer(workshop.once(APPLICATION, event, function="shop$web"))
    assert answer == {"statusCode": 201, "headers": {"Content-Type": "text/x-told", "X-A": "1"}}
    assert body.startswith(b"> ")
    assert json.loads(body[2:]) == {
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": "/café/1".encode().decode("latin-1"),
        "QUERY_STRING": "q=a+b&r=",
        "CONTENT_TYPE": content_type,
        "HTTP_X_MINE": "yes",
        "fc.request_uri": "/café/1?q=a+b&r=",
        "body": content.decode("latin-1"),
        "id": "request-1",
    }


def test_an_application_is_given_another_payload_as_the_body_of_a_request(workshop) -> None:
    _, body = _answer(workshop.once(APPLICATION, b"not JSON", function="shop$web"))
    told = json.loads(body[2:])
    assert (told["REQUEST_METHOD"], told["PATH_INFO"], told["body"]) == ("POST", "/", "not JSON")


def test_an_object_of_a_framework_is_an_application_whose_answer_is_closed(workshop) -> None:
    outcome = workshop.once(OBJECT, b"{}", function="shop$web")
    answer, body = _answer(outcome)
    assert (answer, body) == ({"statusCode": 200, "headers": {}}, b"ab")
    assert b"closed" in outcome.log


def test_fc3_calls_an_application_with_event_and_context_and_the_log_tells_why_it_fails(
    workshop,
) -> None:
    outcome = workshop.once(APPLICATION.replace("yield", "return"), b"{}")
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    said = b"is a WSGI application, as HTTP functions of FC 2.0 are: FC 3.0 does not call it so"
    assert b"[WARNING] index.handler " + said in outcome.log


@pytest.mark.parametrize("function", ["web", "shop$web"])
@pytest.mark.parametrize(
    "code",
    [
        """
        async def handler(scope, receive, send):
            pass
        """,
        """
        class App:
            async def __call__(self, scope, receive, send):
                pass

        handler = App()
        """,
        """
        from starlette.applications import Starlette

        handler = Starlette()
        """,
    ],
)
def test_the_log_tells_why_an_asgi_application_fails_as_a_handler_and_how_it_is_served(
    workshop, code: str, function: str
) -> None:
    outcome = workshop.once(code, b"{}", function=function)
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert (
        b"[WARNING] index.handler is an ASGI application, which takes scope, receive and send: "
        b"FC calls a handler with event and context, so this fails there, too; serve it in a "
        b"custom runtime with uvicorn index:handler --host 0.0.0.0 --port 9000, or wrap it in a "
        b"function of event and context"
    ) in outcome.log
