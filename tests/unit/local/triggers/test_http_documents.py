# SPDX-License-Identifier: MIT
"""A request as event, and what the result of a built-in runtime means as an answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.domain.invocation import HttpHead
from fc_async_local.triggers import http_documents
from fc_async_local.triggers.http_documents import BadAnswer, Circumstances

CIRCUMSTANCES = Circumstances(
    account_id="1234567890123456",
    domain="orders-abcdefghij.cn-hangzhou.fcapp.localhost",
    request_id="1-64f6cd87-15197d0b-d07710222f9d",
    protocol="HTTP/1.1",
    source_ip="203.0.113.7",
    now=1_795_600_800_123,
)
JSON_TYPE = ("content-type", "application/json")


def event_of(
    target: str = "/", *headers: tuple[str, str], method: str = "POST", body: bytes = b""
) -> dict[str, Any]:
    head = HttpHead(method=method, target=target, headers=headers)
    event: dict[str, Any] = json.loads(http_documents.event(head, body, CIRCUMSTANCES))
    return event


class TestEvent:
    def test_has_all_documented_fields(self) -> None:
        event = event_of(
            "/orders/a%20b?dry=1&tag=x&tag=y",
            ("host", "127.0.0.1:9900"),
            ("accept", "*/*"),
            ("content-length", "18"),
            JSON_TYPE,
            ("user-agent", "curl/8.7.1"),
            ("x-trace", "1"),
            ("x-trace", "2"),
            body=b'{"order": "A-17"}',
        )
        assert event == {
            "version": "v1",
            "rawPath": "/orders/a%20b",
            "headers": {
                "Accept": "*/*",
                "Content-Length": "18",
                "Content-Type": "application/json",
                "User-Agent": "curl/8.7.1",
                "X-Trace": "1,2",
            },
            "queryParameters": {"dry": "1", "tag": "x,y"},
            "body": '{"order": "A-17"}',
            "isBase64Encoded": False,
            "requestContext": {
                "accountId": "1234567890123456",
                "domainName": "orders-abcdefghij.cn-hangzhou.fcapp.localhost",
                "domainPrefix": "orders-abcdefghij",
                "requestId": "1-64f6cd87-15197d0b-d07710222f9d",
                "time": "2026-11-25T10:00:00Z",
                "timeEpoch": "1795600800123",
                "http": {
                    "method": "POST",
                    "path": "/orders/a b",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7",
                    "userAgent": "curl/8.7.1",
                },
            },
        }

    def test_of_a_get_without_a_content_type_says_that_its_empty_body_is_base64(self) -> None:
        event = event_of(method="GET")
        assert (event["body"], event["isBase64Encoded"]) == ("", True)

    def test_has_the_form_data_of_curl_as_base64(self) -> None:
        form = ("content-type", "application/x-www-form-urlencoded")
        event = event_of("/", form, body=b"a=1")
        assert (event["body"], event["isBase64Encoded"]) == ("YT0x", True)

    def test_has_a_body_that_is_not_utf_8_as_base64_whatever_its_type(self) -> None:
        event = event_of("/", ("content-type", "text/plain"), body=b"\xff\xfe")
        assert (event["body"], event["isBase64Encoded"]) == ("//4=", True)

    def test_has_no_query_parameters_without_a_query(self) -> None:
        assert event_of("/")["queryParameters"] == {}

    @pytest.mark.parametrize(
        ("query", "parameters"),
        [
            ("a=", {"a": ""}),
            ("a", {"a": ""}),
            ("q=a+b%2Bc", {"q": "a b+c"}),
            ("%C3%A9=%E4%B8%AD", {"é": "中"}),
        ],
    )
    def test_has_decoded_query_parameters(self, query: str, parameters: dict[str, str]) -> None:
        assert event_of(f"/?{query}")["queryParameters"] == parameters

    @given(st.binary(max_size=200), st.sampled_from(["", "text/plain", "application/json", "a/b"]))
    def test_always_tells_the_exact_bytes_of_the_body(self, body: bytes, kind: str) -> None:
        event = event_of("/", ("content-type", kind), body=body)
        text = event["body"].encode()
        assert (base64.b64decode(text) if event["isBase64Encoded"] else text) == body


def test_a_function_gets_neither_headers_of_the_service_nor_of_the_connection() -> None:
    sent = [
        ("x-fc-request-id", "mine"),
        ("x-fc-async-delay", "3"),
        ("connection", "close"),
        ("keep-alive", "1"),
        ("x-mine", "1"),
        ("x-mine", "2"),
    ]
    assert http_documents.passed_on(sent) == (("x-mine", "1"), ("x-mine", "2"))


class TestAnswer:
    @pytest.mark.parametrize(
        "result",
        [b"Hello", b"", b'{"a":1}', b"[1]", b'"text"', b"\xff", b'{"statusCode"', b"[" * 5000],
    )
    def test_is_the_result_itself_if_that_does_not_describe_an_answer(self, result: bytes) -> None:
        answer = http_documents.answer_of(result)
        assert answer == (200, [("Content-Type", "application/json")], result)

    def test_is_what_an_object_with_a_status_code_describes(self) -> None:
        result = {
            "statusCode": 201,
            "headers": {"Content-Type": "text/plain", "X-A": "1"},
            "body": "made",
        }
        answer = http_documents.answer_of(json.dumps(result).encode())
        assert answer == (201, [("Content-Type", "text/plain"), ("X-A", "1")], b"made")

    def test_is_json_without_a_body_if_only_the_status_is_set(self) -> None:
        answer = http_documents.answer_of(b'{"statusCode": "404"}')
        assert answer == (404, [("Content-Type", "application/json")], b"")

    @pytest.mark.parametrize("body", ['{"b": 1.50}', "[1, 2]", "1e3", "true"])
    def test_has_a_body_that_is_not_text_as_its_json_text(self, body: str) -> None:
        answer = http_documents.answer_of(f'{{"statusCode": 200, "body": {body}}}'.encode())
        assert answer.body == body.encode()

    def test_has_a_decoded_body_if_that_is_base64(self) -> None:
        result = b'{"statusCode": 200, "isBase64Encoded": true, "body": "/wA="}'
        assert http_documents.answer_of(result).body == b"\xff\x00"

    def test_has_the_text_itself_if_it_is_not_base64_as_the_function_says(self) -> None:
        result = b'{"statusCode": 200, "isBase64Encoded": true, "body": "not base64!"}'
        assert http_documents.answer_of(result).body == b"not base64!"

    @pytest.mark.parametrize(
        "name",
        [
            *("X-Fc-Error-Type", "x-fc-request-id", "Connection", "Content-Length", "Date"),
            *("keep-alive", "Server", "Content-Disposition", "Upgrade"),
        ],
    )
    def test_has_no_header_that_the_service_sets_itself(self, name: str) -> None:
        result = {"statusCode": 200, "headers": {name: "mine", "content-type": "a/b"}}
        answer = http_documents.answer_of(json.dumps(result).encode())
        assert answer.headers == [("content-type", "a/b")]

    def test_has_a_number_in_a_header_as_text(self) -> None:
        result = {"statusCode": 200, "headers": {"content-type": "a/b", "X-Count": 3, "X-On": True}}
        answer = http_documents.answer_of(json.dumps(result).encode())
        assert answer.headers[1:] == [("X-Count", "3"), ("X-On", "true")]

    @pytest.mark.parametrize(
        ("result", "named"),
        [
            ({"statusCode": 99}, "99"),
            ({"statusCode": 100}, "100"),
            ({"statusCode": 600}, "600"),
            ({"statusCode": "ok"}, "ok"),
            ({"statusCode": None}, "None"),
            ({"statusCode": 200, "headers": []}, None),
            ({"statusCode": 200, "headers": ["a"]}, "headers"),
            ({"statusCode": 200, "headers": {"a b": "1"}}, "a b"),
            ({"statusCode": 200, "headers": {"X-A": "1\r\nSet-Cookie: s"}}, "X-A"),
            ({"statusCode": 200, "headers": {"X-A": "中"}}, "X-A"),
            ({"statusCode": 200, "headers": {"X-A": "x" * 8200}}, "8192"),
        ],
    )
    def test_that_http_cannot_transport_is_refused(self, result, named: str | None) -> None:
        data = json.dumps(result).encode()
        if named is None:
            assert http_documents.answer_of(data).status == 200
            return
        with pytest.raises(BadAnswer, match=named):
            http_documents.answer_of(data)


class TestCrossOrigin:
    def test_a_page_of_another_origin_may_read_the_answer(self) -> None:
        assert http_documents.cors_headers("http://localhost:3000") == [
            ("Access-Control-Allow-Origin", "http://localhost:3000"),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "Date,x-fc-request-id"),
        ]

    def test_what_the_function_has_set_takes_precedence(self) -> None:
        added = http_documents.cors_headers("http://a", [("access-control-allow-origin", "*")])
        assert "Access-Control-Allow-Origin" not in dict(added)

    def test_a_program_gets_no_such_headers(self) -> None:
        assert http_documents.cors_headers("") == []

    def test_a_preflight_request_is_told_the_methods_of_the_trigger(self) -> None:
        answer = http_documents.preflight("http://a", "x-mine", ("GET", "POST"))
        headers = dict(answer.headers)
        assert (answer.status, answer.body) == (200, b"")
        assert headers["Access-Control-Allow-Methods"] == "GET,POST"
        assert headers["Access-Control-Allow-Headers"] == "x-mine"
