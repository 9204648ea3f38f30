# SPDX-License-Identifier: MIT
"""The event of a request to an HTTP trigger."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk.events import http
from fc_async_sdk.events.http import Circumstances

CIRCUMSTANCES = Circumstances(
    account_id="1234567890123456",
    domain="orders-abcdefghij.cn-hangzhou.fcapp.localhost",
    request_id="1-64f6cd87-15197d0b-d07710222f9d",
    protocol="HTTP/1.1",
    source_ip="203.0.113.7",
    at=1_795_600_800_123,
)
JSON_TYPE = ("content-type", "application/json")


def event_of(
    target: str = "/", *headers: tuple[str, str], method: str = "POST", body: bytes = b""
) -> dict[str, Any]:
    return http.request(target, CIRCUMSTANCES, method=method, headers=headers, body=body)


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
