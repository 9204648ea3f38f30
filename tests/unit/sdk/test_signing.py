# SPDX-License-Identifier: MIT
"""ACS3-HMAC-SHA256 against test vectors and captures of official clients."""

from __future__ import annotations

import calendar
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk import _signing
from fc_async_sdk.credentials import Credentials
from fc_async_sdk.errors import InvalidAccessKeyID, ServiceError, SignatureNotMatch

KEY = "LTAI5tExampleExampleKey1"
SECRET = "ExampleSecretExampleSecret0001"
CAPTURES = sorted((Path(__file__).parent / "captures").glob("*.txt"))
NOW = calendar.timegm((2024, 1, 2, 3, 4, 5))
NONCE = "0123456789abcdef0123456789abcdef"
COMMON = {
    "host": "127.0.0.1:19090",
    "x-acs-version": "2023-03-30",
    "user-agent": "test-agent/1.0",
    "accept": "application/json",
}


class Request(NamedTuple):
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


def read_capture(path: Path) -> Request:
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = [line.split(": ", 1) for line in lines]
    headers = [(name, value) for name, value in pairs]
    if ("Transfer-Encoding", "chunked") in headers:
        body = _dechunk(body)
    return Request(method, target, headers, body)


def _dechunk(data: bytes) -> bytes:
    whole = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        count = int(size, 16)
        if not count:
            return whole
        whole += data[:count]
        data = data[count + 2 :]


def date_of(request: Request) -> float:
    text = dict(request.headers)["x-acs-date"]
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def verify(request: Request, **changes: object) -> str:
    arguments: dict[str, object] = {
        **request._asdict(),
        "secret_of": {KEY: SECRET}.get,
        **changes,
    }
    arguments.setdefault("now", NOW)
    return _signing.verify(**arguments)  # type: ignore[arg-type]


def sign(*, now: float, nonce: str, **given) -> dict[str, str]:
    request = _signing.Unsigned(**{name: given.pop(name) for name in _signing.Unsigned._fields})
    return _signing.sign(request, Credentials(**given), now=now, nonce=nonce)


def signed(**changes: object) -> Request:
    arguments: dict[str, object] = {
        "method": "POST",
        "path": "/2023-03-30/functions/f1/invocations",
        "query": "qualifier=LATEST",
        "headers": {"host": "h", "x-acs-action": "InvokeFunction"},
        "body": b"{}",
        "access_key_id": KEY,
        "access_key_secret": SECRET,
        "now": NOW,
        "nonce": NONCE,
        **changes,
    }
    headers = sign(**arguments)  # type: ignore[arg-type]
    query = arguments["query"]
    target = f"{arguments['path']}?{query}" if query else str(arguments["path"])
    body = arguments["body"]
    assert isinstance(body, bytes)
    return Request(str(arguments["method"]), target, list(headers.items()), body)


class TestVectors:
    """The three worked vectors: made by the official SDK with fixed time and nonce."""

    def test_invoke_function_asynchronously(self) -> None:
        headers = sign(
            method="POST",
            path="/2023-03-30/functions/f1/invocations",
            query="qualifier=LATEST",
            headers={
                **COMMON,
                "x-acs-action": "InvokeFunction",
                "x-acs-credentials-provider": "static_ak",
                "x-fc-async-delay": "10",
                "x-fc-async-task-id": "task-1",
                "x-fc-invocation-type": "Async",
                "content-type": "application/octet-stream",
            },
            body=b'{"k":"v"}',
            access_key_id=KEY,
            access_key_secret=SECRET,
            now=NOW,
            nonce=NONCE,
        )
        assert headers["authorization"] == (
            f"ACS3-HMAC-SHA256 Credential={KEY},SignedHeaders=accept;content-type;host;user-agent;"
            "x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;"
            "x-acs-signature-nonce;x-acs-version;x-fc-async-delay;x-fc-async-task-id;"
            "x-fc-invocation-type,"
            "Signature=b9948d335a4ab7d4a5dc1d2a82ec6c3a74614620648ad28e7d0b8854c160d4b4"
        )

    def test_list_async_tasks_with_an_awkward_query(self) -> None:
        query = _signing.canonical_query(
            [
                ("includePayload", "True"),
                ("limit", "10"),
                ("nextToken", "tok+/="),
                ("prefix", "a b/é~*"),
                ("qualifier", "LATEST"),
                ("sortOrderByTime", "desc"),
                ("startedTimeBegin", "1700000000000"),
                ("status", "Running"),
            ]
        )
        headers = sign(
            method="GET",
            path="/2023-03-30/functions/f1/async-tasks",
            query=query,
            headers={
                **COMMON,
                "x-acs-action": "ListAsyncTasks",
                "x-acs-credentials-provider": "static_ak",
            },
            body=b"",
            access_key_id=KEY,
            access_key_secret=SECRET,
            now=NOW,
            nonce=NONCE,
        )
        assert headers["authorization"].endswith(
            "f7edabc5ac76cf2b49895f2b117033877dd7fa8eeed21a4100f088d455197a7f"
        )

    def test_put_async_invoke_config_with_a_token(self) -> None:
        headers = sign(
            method="PUT",
            path="/2023-03-30/functions/f1/async-invoke-config",
            query="qualifier=prod",
            headers={
                **COMMON,
                "x-acs-action": "PutAsyncInvokeConfig",
                "x-acs-credentials-provider": "static_sts",
                "content-type": "application/json; charset=utf-8",
            },
            body=b'{"asyncTask":true,"maxAsyncRetryAttempts":2}',
            access_key_id=KEY,
            access_key_secret=SECRET,
            security_token="CAISexampletoken==",
            now=NOW,
            nonce=NONCE,
        )
        assert headers["authorization"].endswith(
            "b67841874e10efb97241c76a54bc0a1fd864f480d0f492f7b9c821d7f58ea717"
        )


class TestCaptures:
    @pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
    def test_every_capture_verifies(self, path: Path) -> None:
        request = read_capture(path)
        assert verify(request, now=date_of(request)) == KEY

    def test_there_are_captures_of_all_three_clients(self) -> None:
        assert {path.name.split("_")[0] for path in CAPTURES} == {"node", "py", "pyasync"}


class TestVerify:
    def test_a_request_signed_by_the_sdk_verifies(self) -> None:
        assert verify(signed()) == KEY

    def test_a_request_with_a_security_token_verifies(self) -> None:
        assert verify(signed(security_token="token")) == KEY

    @pytest.mark.parametrize("away", [-901, 901])
    def test_a_date_more_than_15_minutes_away_is_refused(self, away: int) -> None:
        with pytest.raises(SignatureNotMatch, match="x-acs-date"):
            verify(signed(), now=NOW + away)

    @pytest.mark.parametrize("away", [-900, 900])
    def test_a_date_15_minutes_away_is_taken(self, away: int) -> None:
        assert verify(signed(), now=NOW + away) == KEY

    def test_an_unknown_key_is_named(self) -> None:
        with pytest.raises(InvalidAccessKeyID, match="LTAI5tExample") as caught:
            verify(signed(), secret_of=lambda _: None)
        assert caught.value.http_status == 403

    def test_another_secret_is_refused(self) -> None:
        with pytest.raises(SignatureNotMatch):
            verify(signed(), secret_of=lambda _: "other")

    def test_another_body_is_refused(self) -> None:
        with pytest.raises(SignatureNotMatch, match="body"):
            verify(signed()._replace(body=b"{ }"))

    @pytest.mark.parametrize(
        ("field", "value"),
        [("method", "PUT"), ("target", "/2023-03-30/functions/f2/invocations?qualifier=LATEST")],
    )
    def test_another_request_is_refused(self, field: str, value: str) -> None:
        with pytest.raises(SignatureNotMatch, match="does not match"):
            verify(signed()._replace(**{field: value}))

    def test_an_encoded_slash_is_not_a_slash(self) -> None:
        request = signed(path="/a%2Fb")
        with pytest.raises(SignatureNotMatch):
            verify(request._replace(target="/a/b?qualifier=LATEST"))

    @pytest.mark.parametrize("name", ["host", "x-acs-date", "x-acs-signature-nonce"])
    def test_a_missing_header_is_named(self, name: str) -> None:
        request = signed()
        headers = [pair for pair in request.headers if pair[0] != name]
        with pytest.raises(ServiceError, match=name) as caught:
            verify(request._replace(headers=headers))
        assert (caught.value.code, caught.value.http_status) == ("MissingRequiredHeader", 400)

    def test_a_header_of_the_service_that_is_not_signed_is_refused(self) -> None:
        request = signed()
        with pytest.raises(SignatureNotMatch, match="x-acs-extra"):
            verify(request._replace(headers=[*request.headers, ("X-Acs-Extra", "1")]))

    def test_a_header_that_a_proxy_adds_need_not_be_signed(self) -> None:
        request = signed()
        assert verify(request._replace(headers=[*request.headers, ("X-Forwarded-For", "1")]))

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "acs key:signature",
            "ACS3-HMAC-SHA256 Credential=k",
            "ACS3-HMAC-SM3 Credential=k,SignedHeaders=host,Signature=" + "0" * 64,
            "ACS3-HMAC-SHA256 Credential=k,SignedHeaders=host,Signature=ü",
        ],
    )
    def test_another_authorization_is_refused(self, value: str) -> None:
        request = signed()
        headers = [pair for pair in request.headers if pair[0] != "authorization"]
        with pytest.raises(SignatureNotMatch, match="Authorization"):
            verify(request._replace(headers=[*headers, ("Authorization", value)]))

    @pytest.mark.parametrize("date", ["now", "2024-13-02T03:04:05Z", "2024-01-02 03:04:05"])
    def test_a_date_that_is_none_is_refused(self, date: str) -> None:
        request = signed()
        headers = [pair for pair in request.headers if pair[0] != "x-acs-date"]
        with pytest.raises(SignatureNotMatch, match="x-acs-date"):
            verify(request._replace(headers=[*headers, ("x-acs-date", date)]))

    def test_a_target_that_is_not_encoded_is_refused(self) -> None:
        with pytest.raises(SignatureNotMatch, match="percent-encoded"):
            verify(signed()._replace(target="/é"))

    def test_no_error_holds_the_secret(self) -> None:
        with pytest.raises(SignatureNotMatch) as caught:
            verify(signed()._replace(method="PUT"))
        assert SECRET not in str(caught.value)


class TestSign:
    def test_the_callers_headers_stay_as_they_are(self) -> None:
        headers = {"host": "h"}
        signed(headers=headers)
        assert headers == {"host": "h"}

    @given(
        path=st.lists(st.text(min_size=1), min_size=1),
        query=st.lists(st.tuples(st.text(min_size=1), st.text())),
        body=st.binary(),
    )
    def test_whatever_is_signed_verifies(
        self, path: list[str], query: list[tuple[str, str]], body: bytes
    ) -> None:
        request = signed(
            path="/" + "/".join(_signing.encode(part) for part in path),
            query=_signing.canonical_query(query),
            body=body,
        )
        assert verify(request) == KEY


def test_queries_are_sorted_by_name_and_not_by_text() -> None:
    assert _signing.canonical_query([("a-b", "2"), ("a", "1")]) == "a=1&a-b=2"
