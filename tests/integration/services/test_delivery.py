# SPDX-License-Identifier: MIT
"""Pushing over real HTTP: one request, no retry, no redirect."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from werkzeug import Response

from fc_async_local.services.delivery import HttpPoster, PostFailed


def post(url, timeout_seconds=5.0, *, allow_others=False):
    async def main():
        poster = HttpPoster(timeout_seconds, allow_others=allow_others)
        try:
            return await poster.post(url, b"x", {"a": "b"})
        finally:
            await poster.aclose()

    return asyncio.run(main())


@pytest.mark.parametrize("status", [200, 204, 403, 503])
def test_the_status_is_told(httpserver, status):
    httpserver.expect_request("/", method="POST", data=b"x", headers={"a": "b"}).respond_with_data(
        status=status
    )
    assert post(httpserver.url_for("/")) == status


def test_a_redirect_is_not_followed(httpserver):
    headers = {"Location": "/elsewhere"}
    httpserver.expect_request("/").respond_with_data(status=302, headers=headers)
    assert post(httpserver.url_for("/")) == 302


def test_no_answer_in_time_is_a_failure(httpserver):
    def slow(_request):
        threading.Event().wait(0.5)
        return Response(status=204)

    httpserver.expect_request("/").respond_with_handler(slow)
    with pytest.raises(PostFailed, match=r"no answer within 0\.1 s"):
        post(httpserver.url_for("/"), 0.1)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://", "nonsense"])
def test_no_connection_is_a_failure(url):
    with pytest.raises(PostFailed):
        post(url)


ANY_ADDRESS = "0.0.0.0"  # noqa: S104 -- nothing is bound
NEVER = ["169.254.169.254", "100.100.100.200", "[fe80::1]", "[fd00:ec2::254]", ANY_ADDRESS]
IN_IPV6 = ["[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]"]


@pytest.mark.parametrize("allow_others", [False, True])
@pytest.mark.parametrize("host", [*NEVER, *IN_IPV6])
def test_a_subscription_never_reaches_the_keys_of_a_virtual_machine(host, allow_others):
    with pytest.raises(PostFailed, match="nothing is sent there"):
        post(f"http://{host}/latest/meta-data/", allow_others=allow_others)


@pytest.mark.parametrize("host", ["192.0.2.1", "10.0.0.1", "[2001:db8::1]", "[::ffff:10.0.0.1]"])
def test_nothing_is_pushed_to_another_machine_unless_the_user_allows_it(host):
    with pytest.raises(PostFailed, match="start the runtime with --allow-cloud"):
        post(f"http://{host}/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_push_reaches_this_machine_by_any_of_its_names(host, httpserver):
    httpserver.expect_request("/", method="POST").respond_with_data(status=204)
    assert post(f"http://{host}:{httpserver.port}/") == 204


def names(monkeypatch, *answers):
    """Let a name resolve to another address each time; return how often it was asked for."""
    asked = []

    def resolve(_host, port, *_, **__):
        asked.append(answers[min(len(asked), len(answers) - 1)])
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (asked[-1], port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize("allow_others", [False, True])
def test_a_name_that_resolves_to_metadata_is_refused(monkeypatch, allow_others):
    names(monkeypatch, "169.254.169.254")
    with pytest.raises(PostFailed, match="nothing is sent there"):
        post("http://rebind.example/", allow_others=allow_others)


def test_a_name_is_resolved_once_for_the_check_and_for_the_connection(monkeypatch, httpserver):
    httpserver.expect_request("/", method="POST").respond_with_data(status=204)
    asked = names(monkeypatch, "127.0.0.1", "192.0.2.1")
    assert post(f"http://rebind.example:{httpserver.port}/") == 204
    assert asked == ["127.0.0.1"]
