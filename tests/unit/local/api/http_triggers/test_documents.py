# SPDX-License-Identifier: MIT
"""What functions get of requests, and what the result of a built-in runtime means as an answer."""

from __future__ import annotations

import json

import pytest

from fc_async_local.api.http_triggers import documents
from fc_async_local.execution.protocol import BadResponse


def test_a_function_gets_neither_headers_of_the_service_nor_of_the_connection() -> None:
    sent = [
        ("x-fc-request-id", "mine"),
        ("x-fc-async-delay", "3"),
        ("connection", "close, X-Hop"),
        ("x-hop", "1"),
        ("keep-alive", "1"),
        ("x-mine", "1"),
        ("x-mine", "2"),
    ]
    assert documents.passed_on(sent) == (("x-mine", "1"), ("x-mine", "2"))


class TestAnswer:
    @pytest.mark.parametrize(
        "result",
        [b"Hello", b"", b'{"a":1}', b"[1]", b'"text"', b"\xff", b'{"statusCode"', b"[" * 5000],
    )
    def test_is_the_result_itself_if_that_does_not_describe_an_answer(self, result: bytes) -> None:
        answer = documents.answer_of(result)
        assert answer == (200, result, [("Content-Type", "application/json")])

    def test_is_what_an_object_with_a_status_code_describes(self) -> None:
        result = {
            "statusCode": 201,
            "headers": {"Content-Type": "text/plain", "X-A": "1"},
            "body": "made",
        }
        answer = documents.answer_of(json.dumps(result).encode())
        assert answer == (201, b"made", [("Content-Type", "text/plain"), ("X-A", "1")])

    def test_is_json_without_a_body_if_only_the_status_is_set(self) -> None:
        answer = documents.answer_of(b'{"statusCode": "404"}')
        assert answer == (404, b"", [("Content-Type", "application/json")])

    @pytest.mark.parametrize("body", ['{"b": 1.50}', "[1, 2]", "1e3", "true"])
    def test_has_a_body_that_is_not_text_as_its_json_text(self, body: str) -> None:
        answer = documents.answer_of(f'{{"statusCode": 200, "body": {body}}}'.encode())
        assert answer.body == body.encode()

    def test_has_a_decoded_body_if_that_is_base64(self) -> None:
        result = b'{"statusCode": 200, "isBase64Encoded": true, "body": "/wA="}'
        assert documents.answer_of(result).body == b"\xff\x00"

    def test_has_the_text_itself_if_it_is_not_base64_as_the_function_says(self) -> None:
        result = b'{"statusCode": 200, "isBase64Encoded": true, "body": "not base64!"}'
        assert documents.answer_of(result).body == b"not base64!"

    @pytest.mark.parametrize(
        "name",
        [
            *("X-Fc-Error-Type", "x-fc-request-id", "Connection", "Content-Length", "Date"),
            *("keep-alive", "Server", "Content-Disposition", "Upgrade", "Transfer-Encoding"),
            *("TE", "Trailer", "Proxy-Connection"),
        ],
    )
    def test_has_no_header_that_the_service_sets_itself(self, name: str) -> None:
        result = {"statusCode": 200, "headers": {name: "mine", "content-type": "a/b"}}
        answer = documents.answer_of(json.dumps(result).encode())
        assert answer.headers == [("content-type", "a/b")]

    def test_has_no_header_that_its_header_connection_names(self) -> None:
        given = [("Connection", "close, X-Hop"), ("x-hop", "1"), ("x-end", "2")]
        assert documents.usable_headers(given) == [("x-end", "2")]

    def test_has_a_number_in_a_header_as_text(self) -> None:
        result = {"statusCode": 200, "headers": {"content-type": "a/b", "X-Count": 3, "X-On": True}}
        answer = documents.answer_of(json.dumps(result).encode())
        assert answer.headers[1:] == [("X-Count", "3"), ("X-On", "true")]

    @pytest.mark.parametrize(
        ("result", "named"),
        [
            ({"statusCode": 99}, "99"),
            ({"statusCode": 100}, "100"),
            ({"statusCode": 101}, "101"),
            ({"statusCode": 600}, "600"),
            ({"statusCode": 999}, "999 is not the status of an answer"),
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
            assert documents.answer_of(data).status == 200
            return
        with pytest.raises(BadResponse, match=named):
            documents.answer_of(data)


class TestCrossOrigin:
    def test_a_page_of_another_origin_may_read_the_answer(self) -> None:
        assert documents.cors_headers("http://localhost:3000") == [
            ("Access-Control-Allow-Origin", "http://localhost:3000"),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "Date,x-fc-request-id"),
        ]

    def test_what_the_function_has_set_takes_precedence(self) -> None:
        added = documents.cors_headers("http://a", [("access-control-allow-origin", "*")])
        assert "Access-Control-Allow-Origin" not in dict(added)

    def test_a_program_gets_no_such_headers(self) -> None:
        assert documents.cors_headers("") == []

    def test_a_preflight_request_is_told_the_methods_of_the_trigger(self) -> None:
        answer = documents.preflight("http://a", "x-mine", ("GET", "POST"))
        headers = dict(answer.headers)
        assert (answer.status, answer.body) == (200, b"")
        assert headers["Access-Control-Allow-Methods"] == "GET,POST"
        assert headers["Access-Control-Allow-Headers"] == "x-mine"
