# SPDX-License-Identifier: MIT
"""Requests to HTTP triggers: which are refused, what functions get, what clients are answered."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import HttpHead, Outcome, OutcomeKind
from fc_async_local.settings import Settings
from fc_async_sdk import _signing
from fc_async_sdk.credentials import Credentials
from fc_async_tests.code import archive

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/_http/orders/web"
ASYNC = {"x-fc-invocation-type": "Async"}
CUSTOM = {"runtime": "custom.debian12", "customRuntimeConfig": {"command": ["./server"]}}


@pytest.fixture
def builtin(world) -> Any:
    """A function in a built-in runtime with an HTTP trigger."""
    world.create()
    world.urls = world.trigger()
    return world


@pytest.fixture
def web(world) -> Any:
    """A web function with an HTTP trigger."""
    world.create(**CUSTOM)
    world.urls = world.trigger()
    world.engine.answer = (200, [], [])
    return world


def by_name(world: Any) -> dict[str, str]:
    return {"host": urlsplit(world.urls["urlIntranet"]).netloc}


def event_of(world: Any) -> dict[str, Any]:
    [(_, request)] = world.engine.calls
    event: dict[str, Any] = json.loads(request.payload)
    return event


class TestUrls:
    def test_are_a_path_of_the_runtime_and_a_host_name(self, builtin) -> None:
        assert builtin.urls["urlInternet"] == "http://127.0.0.1:9900/_http/orders/web"
        name = urlsplit(builtin.urls["urlIntranet"])
        assert name.netloc.startswith("orders-")
        assert name.netloc.endswith(".cn-hangzhou.fcapp.localhost:9900")

    def test_are_told_by_every_operation_on_the_trigger(self, builtin) -> None:
        one = builtin.call("GET", "/2023-03-30/functions/orders/triggers/web").json
        [listed] = builtin.call("GET", "/2023-03-30/functions/orders/triggers").json["triggers"]
        shown = builtin.call("GET", "/_local/functions").json["functions"][0]["triggers"]
        assert one["httpTrigger"] == builtin.urls
        assert [listed] == shown == [one]

    def test_stay_when_the_trigger_is_changed(self, builtin) -> None:
        body = {"triggerConfig": '{"authType": "anonymous", "methods": ["PUT"]}'}
        changed = builtin.call("PUT", "/2023-03-30/functions/orders/triggers/web", body)
        assert changed.json["httpTrigger"] == builtin.urls
        assert builtin.call("PUT", PATH).status == 200

    @pytest.mark.parametrize(
        ("target", "seen"),
        [("", "/"), ("/", "/"), ("/a/b%20c?x=1", "/a/b%20c?x=1"), ("?x=1", "/?x=1"), ("//", "//")],
    )
    def test_lead_to_the_function_without_the_prefix(self, web, target: str, seen: str) -> None:
        web.call("GET", PATH + target)
        web.call("GET", target or "/", headers=by_name(web)) if target[:1] != "?" else None
        assert {request.http.target for _, request in web.engine.calls} == {seen}

    def test_of_a_function_that_does_not_exist_answer_404(self, world) -> None:
        answer = world.call("GET", "/_http/orders/web")
        assert (answer.status, answer.json["Code"]) == (404, "FunctionNotFound")

    def test_of_a_function_without_a_trigger_answer_404(self, world) -> None:
        world.create()
        answer = world.call("GET", "/_http/orders/web")
        assert (answer.status, answer.json["Code"]) == (404, "TriggerNotFound")

    @pytest.mark.parametrize("path", ["/_http/", "/_http/orders", "/_http//web"])
    def test_that_are_not_complete_answer_404(self, builtin, path: str) -> None:
        assert builtin.call("GET", path).status == 404

    def test_of_a_deleted_trigger_answer_404(self, builtin) -> None:
        name = by_name(builtin)
        builtin.call("DELETE", "/2023-03-30/functions/orders/triggers/web")
        assert builtin.call("GET", "/", headers=name).json["Code"] == "TriggerNotFound"
        assert builtin.call("GET", PATH).json["Code"] == "TriggerNotFound"


class TestCreation:
    @pytest.mark.parametrize("config", [None, "{}", '{"methods": ["TRACE"]}'])
    def test_refuses_a_configuration_that_cannot_be_used(self, world, config) -> None:
        world.create()
        body = {"triggerName": "web", "triggerType": "http", "triggerConfig": config}
        answer = world.call("POST", "/2023-03-30/functions/orders/triggers", body)
        assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")
        assert "methods" in answer.json["Message"]

    def test_refuses_a_second_http_trigger_for_the_same_version(self, builtin) -> None:
        config = '{"authType": "anonymous", "methods": ["GET"]}'
        body = {"triggerName": "other", "triggerType": "http", "triggerConfig": config}
        answer = builtin.call("POST", "/2023-03-30/functions/orders/triggers", body)
        assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")
        assert "already has an HTTP trigger for LATEST, 'web'" in answer.json["Message"]

    def test_takes_one_http_trigger_for_each_version(self, builtin) -> None:
        builtin.call("POST", "/2023-03-30/functions/orders/versions", {})
        builtin.trigger(name="stable", qualifier="1")
        builtin.call("GET", "/_http/orders/stable")
        assert builtin.engine.calls[0][1].qualifier == "1"


class TestBuiltInRuntimes:
    def test_get_the_request_as_an_event(self, builtin) -> None:
        headers = {"content-type": "application/json", "x-fc-mine": "1", "connection": "close"}
        builtin.call("POST", f"{PATH}/a%20b?x=1", b'{"n":1}', headers)
        event = event_of(builtin)
        assert event["rawPath"] == "/a%20b"
        assert event["headers"] == {"Content-Type": "application/json"}
        assert (event["body"], event["isBase64Encoded"]) == ('{"n":1}', False)
        context = event["requestContext"]
        assert context["domainName"] == by_name(builtin)["host"].partition(":")[0]
        assert context["requestId"] == builtin.engine.calls[0][1].request_id
        assert context["http"]["sourceIp"] == "127.0.0.1"
        assert context["time"] == "2023-11-14T22:13:20Z"

    def test_answer_with_their_result(self, builtin) -> None:
        answer = builtin.call("GET", PATH)
        assert (answer.status, answer.body) == (200, b"done")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-fc-request-id"].startswith("req-")

    def test_answer_what_their_result_describes(self, builtin) -> None:
        result = {"statusCode": 201, "headers": {"X-A": "1", "Server": "mine"}, "body": "made"}
        payload = json.dumps(result).encode()
        builtin.engine.outcome = Outcome(kind=OutcomeKind.SUCCESS, payload=payload)
        answer = builtin.call("GET", PATH)
        assert (answer.status, answer.body, answer.headers["x-a"]) == (201, b"made", "1")
        assert "server" not in answer.headers

    @pytest.mark.parametrize("status", [204, 304])
    def test_answer_without_a_body_where_http_has_none(self, builtin, status: int) -> None:
        payload = json.dumps({"statusCode": status, "body": "ignored"}).encode()
        builtin.engine.outcome = Outcome(kind=OutcomeKind.SUCCESS, payload=payload)
        answer = builtin.call("GET", PATH)
        assert (answer.body, "content-length" in answer.headers) == (b"", False)

    @pytest.mark.parametrize(
        "outcome",
        [
            Outcome(
                kind=OutcomeKind.FUNCTION_ERROR,
                error_type="UnhandledInvocationError",
                payload=b'{"errorMessage": "password 1234"}',
            ),
            Outcome(kind=OutcomeKind.FUNCTION_ERROR, payload=b"password 1234"),
            Outcome(kind=OutcomeKind.SUCCESS, payload=b'{"statusCode": "password 1234"}'),
        ],
    )
    def test_hide_their_errors_from_the_client_and_log_them(
        self, builtin, outcome: Outcome, caplog
    ) -> None:
        builtin.engine.outcome = outcome
        answer = builtin.call("GET", PATH)
        assert (answer.status, answer.body) == (502, b"Internal Server Error")
        assert answer.headers["content-type"] == "application/json"
        assert "password 1234" in caplog.text

    def test_return_the_end_of_the_log_on_request(self, builtin) -> None:
        builtin.engine.outcome = Outcome(kind=OutcomeKind.SUCCESS, log=b"printed")
        answer = builtin.call("GET", PATH, headers={"x-fc-log-type": "Tail"})
        assert answer.headers["x-fc-log-result"] == "cHJpbnRlZA=="

    @pytest.mark.parametrize(
        ("by_host", "kind", "disposition"),
        [(True, "text/plain", "attachment"), (True, "text/html", None), (False, "a/b", None)],
    )
    def test_are_downloaded_by_browsers_under_names_of_the_service(
        self, builtin, by_host: bool, kind: str, disposition: str | None
    ) -> None:
        payload = json.dumps({"statusCode": 200, "headers": {"Content-Type": kind}}).encode()
        builtin.engine.outcome = Outcome(kind=OutcomeKind.SUCCESS, payload=payload)
        answer = (
            builtin.call("GET", "/", headers=by_name(builtin))
            if by_host
            else builtin.call("GET", PATH)
        )
        assert answer.headers.get("content-disposition") == disposition


class TestWebFunctions:
    def test_get_the_request_with_the_host_name_of_the_trigger(self, web) -> None:
        web.call("POST", f"{PATH}/a?x=1", b"", {"x-mine": "1", "x-fc-mine": "2"})
        [(_, request)] = web.engine.calls
        assert request.http == HttpHead(
            method="POST",
            target="/a?x=1",
            headers=(("host", by_name(web)["host"]), ("x-mine", "1")),
        )

    def test_get_the_body_in_pieces(self, web) -> None:
        web.call("POST", PATH, chunks=[b"in", b"", b"to"])
        assert web.engine.bodies == [b"into"]

    def test_answer_in_pieces_with_their_own_status_and_headers(self, web) -> None:
        headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Fc-Mine", "no")]
        web.engine.answer = (418, [*headers, ("Transfer-Encoding", "chunked")], [b"a", b"b"])
        answer = web.call("GET", PATH)
        assert (answer.status, answer.body, answer.complete) == (418, b"ab", True)
        assert answer.headers["set-cookie"] == "b=2"
        assert {"x-fc-mine", "transfer-encoding"}.isdisjoint(answer.headers)
        assert answer.headers["x-fc-request-id"]

    @pytest.mark.parametrize("status", [204, 304])
    def test_answer_without_a_body_and_a_length_where_http_has_none(self, web, status: int) -> None:
        web.engine.answer = (status, [("content-length", "2"), ("etag", "e")], [b"ab"])
        answer = web.call("GET", PATH)
        assert (answer.status, answer.body, answer.complete) == (status, b"", True)
        assert (answer.headers["etag"], "content-length" in answer.headers) == ("e", False)

    def test_keep_the_length_of_their_answer(self, web) -> None:
        web.engine.answer = (200, [("content-length", "2")], [b"ab"])
        assert web.call("GET", PATH).headers["content-length"] == "2"

    @pytest.mark.parametrize(
        ("error_type", "status"),
        [("FunctionNotStarted", 412), ("UnhandledInvocationError", 502), ("BadResponse", 502)],
    )
    def test_that_do_not_answer_are_an_error_with_the_reason(
        self, web, error_type: str, status: int
    ) -> None:
        web.engine.answer = None
        web.engine.outcome = Outcome(
            kind=OutcomeKind.FUNCTION_ERROR,
            error_type=error_type,
            payload=b'{"errorMessage":"the reason"}',
        )
        answer = web.call("GET", PATH)
        assert (answer.status, answer.json["Code"]) == (status, error_type)
        assert answer.json["Message"] == "the reason"

    def test_that_mark_a_failure_are_answered_as_they_wish(self, web) -> None:
        web.engine.answer = (404, [], [b"no such order"])
        web.engine.outcome = Outcome(kind=OutcomeKind.FUNCTION_ERROR, error_type="InvocationError")
        answer = web.call("GET", PATH)
        assert (answer.status, answer.body, answer.complete) == (404, b"no such order", True)

    def test_that_time_out_are_an_error_with_the_reason(self, web) -> None:
        web.engine.answer = None
        web.engine.outcome = Outcome(
            kind=OutcomeKind.FUNCTION_ERROR,
            error_type="InvocationError",
            timed_out=True,
            payload=b'{"errorMessage":"Function timed out after 3 seconds"}',
        )
        answer = web.call("GET", PATH)
        assert (answer.status, answer.json["Code"]) == (502, "InvocationError")
        assert answer.json["Message"] == "Function timed out after 3 seconds"

    def test_that_break_off_leave_the_answer_incomplete(self, web) -> None:
        web.engine.answer = (200, [], [b"part"])
        web.engine.outcome = Outcome(
            kind=OutcomeKind.FUNCTION_ERROR, error_type="UnhandledInvocationError"
        )
        answer = web.call("GET", PATH)
        assert (answer.body, answer.complete) == (b"part", False)


class TestAsynchronousRequests:
    def test_are_answered_202_with_the_documented_headers(self, builtin) -> None:
        answer = builtin.call("POST", PATH, b"", ASYNC | {"x-fc-async-task-id": "task-1"})
        assert (answer.status, answer.body) == (202, b"")
        assert answer.headers["x-fc-async-task-id"] == "task-1"
        assert answer.headers["x-fc-request-id"].startswith("req-")

    def test_of_built_in_runtimes_queue_the_event(self, builtin) -> None:
        sent = ASYNC | {"x-fc-async-delay": "60", "content-type": "text/plain"}
        builtin.call("POST", f"{PATH}/a", b"in", sent)
        [(verb, request)] = builtin.engine.calls
        assert (verb, request.delay_seconds, request.http) == ("invoke_async", 60, None)
        event = event_of(builtin)
        assert (event["rawPath"], event["body"]) == ("/a", "in")

    def test_of_web_functions_queue_the_body_and_the_request(self, web) -> None:
        web.call("POST", f"{PATH}/a", b"\xff", ASYNC | {"x-mine": "1"})
        [(verb, request)] = web.engine.calls
        assert (verb, request.payload) == ("invoke_async", b"\xff")
        assert (request.http.method, request.http.target) == ("POST", "/a")
        assert ("x-mine", "1") in request.http.headers

    @pytest.mark.parametrize(
        ("headers", "named"),
        [
            ({"x-fc-invocation-type": "Later"}, "x-fc-invocation-type"),
            (ASYNC | {"x-fc-async-delay": "3600"}, "x-fc-async-delay"),
            ({"x-fc-log-type": "All"}, "x-fc-log-type"),
        ],
    )
    def test_with_invalid_headers_are_refused(self, builtin, headers, named: str) -> None:
        answer = builtin.call("POST", PATH, b"", headers)
        assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")
        assert named in answer.json["Message"]

    def test_are_refused_as_the_queue_refuses_them(self, builtin) -> None:
        builtin.engine.error = Rejected(409, "AsyncTaskAlreadyExists", "twice")
        assert builtin.call("POST", PATH, b"", ASYNC).status == 409


class TestHistory:
    def test_has_each_call_and_no_refused_request(self, builtin) -> None:
        builtin.call("GET", PATH)
        builtin.call("POST", PATH, b"", ASYNC)
        builtin.call("DELETE", PATH)
        builtin.call("POST", PATH, b"", ASYNC | {"x-fc-async-delay": "0"})
        called = [request.request_id for _, request in builtin.engine.calls]
        assert builtin.noted == [("orders", "web", request_id) for request_id in called]


class TestChecks:
    def test_a_method_that_the_trigger_does_not_list_is_refused_with_403(self, builtin) -> None:
        answer = builtin.call("DELETE", PATH)
        assert (answer.status, answer.json["Code"]) == (403, "AccessDenied")
        assert "method DELETE is not allowed, only GET, POST, HEAD" in answer.json["Message"]
        assert builtin.engine.calls == []

    def test_a_switched_off_public_url_is_refused_and_the_internal_one_works(self, world) -> None:
        world.create()
        world.urls = world.trigger(disableURLInternet=True)
        answer = world.call("GET", PATH)
        assert (answer.status, answer.json["Message"]) == (
            403,
            "access denied due to function internet URL is disable",
        )
        assert world.call("GET", "/", headers=by_name(world)).status == 200

    @pytest.mark.parametrize(
        ("target", "headers", "named"),
        [
            ("/" + "a" * 4096, {}, "path and query"),
            ("/?" + "a" * 4095, {}, "path and query"),
            ("/", {"x-long": "a" * 8192}, "headers"),
        ],
    )
    def test_a_request_over_a_limit_of_its_head_is_refused(
        self, builtin, target: str, headers, named: str
    ) -> None:
        answer = builtin.call("GET", PATH + target, headers=headers)
        assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")
        assert named in answer.json["Message"]

    @pytest.mark.parametrize("headers", [ASYNC | {"content-length": "131073"}, ASYNC])
    @pytest.mark.parametrize("kind", ["builtin", "web"])
    def test_a_body_over_128_kb_is_refused_for_an_asynchronous_call(
        self, kind: str, headers, request: pytest.FixtureRequest
    ) -> None:
        world = request.getfixturevalue(kind)
        answer = world.call("POST", PATH, b"x" * 131_073, headers)
        assert (answer.status, answer.json["Code"]) == (400, "EntityTooLarge")
        assert "131072 bytes" in answer.json["Message"]
        assert world.engine.calls == []

    def test_a_client_that_hangs_up_within_its_body_has_no_effect(self, builtin) -> None:
        answer = builtin.call("POST", PATH, chunks=[b"part"], hang_up=True)
        assert answer.status == 0
        assert builtin.engine.calls == []

    @pytest.mark.parametrize("kind", ["function", "jwt", "basic", "bearer"])
    def test_no_caller_is_refused_unless_the_runtime_verifies_signatures(
        self, world, kind: str
    ) -> None:
        world.create()
        world.trigger(authType=kind)
        assert world.call("GET", PATH).status == 200

    def test_a_disabled_function_is_not_called(self, builtin) -> None:
        builtin.call("POST", "/2023-03-30/functions/orders/invoke/disable", {"reason": "no"})
        assert builtin.call("GET", PATH).status == 403


class TestSignatures:
    KEY = Credentials(
        access_key_id="LTAI5tExampleExampleKey1",
        access_key_secret="ExampleSecretExampleSecret0001",
    )

    @pytest.fixture
    def strict(self, make_world: Callable[..., Any]) -> Any:
        """A runtime that verifies signatures, with a trigger that needs one."""
        keys = {self.KEY.access_key_id: self.KEY.access_key_secret}
        world = make_world(Settings.of(strict_auth=True, access_keys=keys), now=1_700_000_000)
        self.call(world, "POST", "/2023-03-30/functions", FUNCTION)
        config = json.dumps({"authType": "function", "methods": ["POST"]})
        body = {"triggerName": "web", "triggerType": "http", "triggerConfig": config}
        self.call(world, "POST", "/2023-03-30/functions/orders/triggers", json.dumps(body).encode())
        return world

    def call(self, world: Any, method: str, path: str, body: bytes, **changes: str) -> Any:
        unsigned = _signing.Unsigned(method, path, "", {"host": "127.0.0.1:9900"}, body)
        nonce = changes.pop("nonce", f"{path}{len(body)}")
        signed = _signing.sign(unsigned, self.KEY, now=1_700_000_000, nonce=nonce)
        return world.call(method, path, body, {**signed, **changes})

    def test_of_the_account_let_a_request_in(self, strict) -> None:
        assert self.call(strict, "POST", f"{PATH}/a", b"in").status == 200

    def test_that_are_missing_are_refused(self, strict) -> None:
        answer = strict.call("POST", PATH, b"in")
        assert (answer.status, answer.json["Code"]) == (400, "MissingRequiredHeader")

    def test_without_a_date_are_refused(self, strict) -> None:
        answer = strict.call("POST", PATH, b"in", {"authorization": AUTHORIZATION})
        assert (answer.status, answer.json["Code"]) == (400, "MissingRequiredHeader")

    def test_of_another_body_are_refused(self, strict) -> None:
        answer = self.call(strict, "POST", PATH, b"in", **{"x-acs-content-sha256": "0" * 64})
        assert (answer.status, answer.json["Code"]) == (403, "SignatureNotMatch")
        assert strict.engine.calls == []

    @pytest.mark.parametrize("kind", ["jwt", "basic", "bearer"])
    def test_do_not_help_where_the_trigger_asks_for_what_cannot_be_verified_here(
        self, strict, kind: str
    ) -> None:
        body = {"triggerConfig": json.dumps({"authType": kind, "methods": ["POST"]})}
        path = "/2023-03-30/functions/orders/triggers/web"
        self.call(strict, "PUT", path, json.dumps(body).encode())
        answer = self.call(strict, "POST", f"{PATH}/a", b"in")
        assert (answer.status, answer.json["Code"]) == (403, "AccessDenied")
        assert kind in answer.json["Message"]

    def test_are_accepted_once(self, strict) -> None:
        assert self.call(strict, "POST", PATH, b"in", nonce="n").status == 200
        assert self.call(strict, "POST", PATH, b"in", nonce="n").status == 400

    def test_are_not_needed_by_an_anonymous_trigger(self, strict) -> None:
        body = {"triggerConfig": '{"authType": "anonymous", "methods": ["POST"]}'}
        path = "/2023-03-30/functions/orders/triggers/web"
        self.call(strict, "PUT", path, json.dumps(body).encode())
        assert strict.call("POST", PATH, b"in").status == 200


class TestPagesOfOtherOrigins:
    PAGE = "http://localhost:3000"

    def test_on_this_machine_may_call_and_read(self, builtin) -> None:
        answer = builtin.call("GET", PATH, headers={"origin": self.PAGE})
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == self.PAGE
        assert answer.headers["access-control-expose-headers"] == "Date,x-fc-request-id"

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "file://"])
    def test_elsewhere_are_refused(self, builtin, origin: str) -> None:
        answer = builtin.call("GET", PATH, headers={"origin": origin})
        assert answer.status == 403
        assert "access-control-allow-origin" not in answer.headers
        assert builtin.engine.calls == []

    def test_may_read_why_they_are_refused(self, builtin) -> None:
        answer = builtin.call("DELETE", PATH, headers={"origin": self.PAGE})
        assert answer.status == 403
        assert answer.headers["access-control-allow-origin"] == self.PAGE

    def test_may_not_call_the_api(self, builtin) -> None:
        answer = builtin.call("GET", "/_local/functions", headers={"origin": self.PAGE})
        assert answer.status == 403

    def test_get_the_answer_to_their_preflight_without_the_function(self, builtin) -> None:
        headers = {
            "origin": self.PAGE,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        }
        answer = builtin.call("OPTIONS", PATH, headers=headers)
        assert answer.status == 200
        assert answer.headers["access-control-allow-methods"] == "GET,POST,HEAD"
        assert answer.headers["access-control-allow-headers"] == "content-type"
        assert builtin.engine.calls == []

    def test_get_it_from_a_function_whose_trigger_lists_options(self, world) -> None:
        world.create()
        world.trigger(methods=["OPTIONS", "POST"])
        headers = {"origin": self.PAGE, "access-control-request-method": "POST"}
        world.call("OPTIONS", PATH, headers=headers)
        assert [verb for verb, _ in world.engine.calls] == ["invoke_sync"]


AUTHORIZATION = (
    "ACS3-HMAC-SHA256 Credential=LTAI5tExampleExampleKey1,SignedHeaders=host,Signature=" + "0" * 64
)
FUNCTION = json.dumps(
    {
        "functionName": "orders",
        "runtime": "python3.10",
        "handler": "index.handler",
        "code": {"zipFile": base64.b64encode(archive()).decode()},
    }
).encode()
