# SPDX-License-Identifier: MIT
"""Pushing over real HTTP: one request, no retry, no redirect."""

from __future__ import annotations

import asyncio
import threading

import pytest
from werkzeug import Response

from fc_async_local.services.delivery import HttpPoster, PostFailed


def post(url, timeout_seconds=5.0):
    async def main():
        poster = HttpPoster(timeout_seconds)
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
