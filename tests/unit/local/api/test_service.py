# SPDX-License-Identifier: MIT
"""Requests before they reach an operation: callers, paths, bodies, unforeseen errors."""

from __future__ import annotations

import logging

import pytest

from fc_async_local.store.protocol import StoreUnavailable

FUNCTIONS = "/2023-03-30/functions"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("", ""),
        ("example.com", ""),
        ("127.0.0.1.example.com", ""),
        ("localhost.example.com:9900", ""),
        ("[broken", ""),
        ("10.0.0.1", ""),
        ("127.0.0.1:9900", "https://example.com"),
        ("127.0.0.1:9900", "http://127.0.0.1:3000"),
        ("127.0.0.1:9900", "https://127.0.0.1:9900"),
        ("127.0.0.1:9900", "null"),
    ],
)
def test_callers_from_other_sites_are_refused_on_every_path(world, host, origin):
    headers = {"host": host} | ({"origin": origin} if origin else {})
    for path in (FUNCTIONS, "/_local/tasks", "/metrics"):
        answer = world.call("GET", path, headers=headers)
        assert (answer.status, answer.json["Code"]) == (403, "AccessDenied")
    answer = world.call("POST", FUNCTIONS + "/f/invocations", b"", headers)
    assert answer.status == 403
    assert world.engine.calls == []


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/2023-03-30/nothing", 400, "PathNotSupported"),
        ("PATCH", FUNCTIONS, 400, "PathNotSupported"),
        ("GET", FUNCTIONS + "/f/invocations", 400, "PathNotSupported"),
        ("POST", FUNCTIONS + "/a%2Fb/invocations", 400, "PathNotSupported"),
        ("GET", "/nothing", 404, "NotFound"),
        ("DELETE", "/_local/health", 405, "MethodNotAllowed"),
    ],
)
def test_unknown_paths_and_methods_are_answered_in_json(world, method, path, status, code):
    answer = world.call(method, path)
    assert (answer.status, answer.json["Code"]) == (status, code)
    assert answer.json["RequestId"] == answer.headers["x-fc-request-id"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"1", b'"text"'])
def test_a_body_that_is_no_json_object_is_an_invalid_argument(world, body):
    answer = world.call("POST", FUNCTIONS, body)
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")


def test_an_unavailable_store_is_answered_with_503(world):
    world.store.error = StoreUnavailable("disk full")
    answer = world.call("GET", FUNCTIONS + "/f/async-tasks/t")
    assert (answer.status, answer.json["Code"]) == (503, "ServiceUnavailable")
    assert "disk full" in answer.json["Message"]
    assert answer.headers["retry-after"] == "1"


def test_an_unforeseen_error_is_logged_and_answered_without_details(world, caplog):
    world.store.error = RuntimeError("secret of the house")
    with caplog.at_level(logging.ERROR):
        answer = world.call("GET", FUNCTIONS + "/f/async-tasks/t")
    assert (answer.status, answer.json["Code"]) == (500, "InternalServerError")
    assert "secret" not in answer.json["Message"]
    assert answer.json["RequestId"] in caplog.text


def test_every_answer_carries_its_request_id(world):
    assert world.call("GET", FUNCTIONS).headers["x-fc-request-id"] == "req-1"
    assert world.call("DELETE", FUNCTIONS + "/f").headers["x-fc-request-id"] == "req-2"


BUCKET = "fc-temp-code-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com"


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"host": BUCKET}),
        ("PUT", {"host": BUCKET, "origin": f"http://{BUCKET}"}),
        ("PUT", {"host": "other.oss-cn-hangzhou.aliyuncs.com"}),
        ("PUT", {"host": f"{BUCKET}.example.com"}),
    ],
)
def test_the_name_of_the_temporary_bucket_opens_nothing_but_the_upload(world, method, headers):
    answer = world.call(method, "/123/object", b"", headers)
    assert (answer.status, answer.json["Message"][:4]) == (403, "Host")


def test_an_upload_is_taken_under_the_name_of_the_bucket_with_its_token(world):
    token = world.call("GET", "/2016-08-15/tempBucketToken").json
    headers = {
        "host": BUCKET,
        "x-oss-security-token": token["credentials"]["SecurityToken"],
    }
    answer = world.call("PUT", f"/123/{token['objectName']}", b"zip", headers)
    assert (answer.status, answer.headers["x-oss-hash-crc64ecma"]) == (200, "1")
    assert world.blobs.blobs == {f"{token['ossBucket']}/123/{token['objectName']}": b"zip"}
