# SPDX-License-Identifier: MIT
"""The names of requests; what goes to a runtime's own API has the token, as the user's scripts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from requests import ConnectionError, Response, exceptions  # noqa: A004 -- as requests has it

from fc_async_sdk import _endpoint, _runtimes

__all__ = [
    "ConnectionError",
    "Response",
    "Session",
    "delete",
    "exceptions",
    "get",
    "post",
    "put",
    "request",
]


class Session(requests.Session):
    """A session of requests."""

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Response:  # type: ignore[override]
        """Send a request."""
        parts = urlsplit(url)
        if parts.path.startswith(("/_local/", "/metrics")):
            place = _endpoint.parse(f"{parts.scheme}://{parts.netloc}")
            token = {"authorization": f"Bearer {_runtimes.token_at(place)}"}
            options["headers"] = token | dict(options.get("headers") or {})
        return super().request(method, url, *arguments, **options)


def request(method: str, url: str, *arguments: Any, **options: Any) -> Response:
    with Session() as session:
        return session.request(method, url, *arguments, **options)


def get(url: str, params: Any = None, **options: Any) -> Response:
    return request("GET", url, params=params, **options)


def post(url: str, data: Any = None, **options: Any) -> Response:
    return request("POST", url, data=data, **options)


def put(url: str, data: Any = None, **options: Any) -> Response:
    return request("PUT", url, data=data, **options)


def delete(url: str, **options: Any) -> Response:
    return request("DELETE", url, **options)
