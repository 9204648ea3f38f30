# SPDX-License-Identifier: MIT
"""Sends requests to the HTTP triggers of functions, of an account or of the local runtime."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import requests

from fc_async_plugin import PluginError
from fc_async_sdk import _endpoint, _signing
from fc_async_sdk.spec import http_trigger, limits
from fc_async_sdk.spec.triggers import UnreadableTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fc_async_sdk import Client
    from fc_async_sdk.credentials import Credentials

_CONNECT_SECONDS: Final = 5


class HttpUrl(NamedTuple):
    """Address of an HTTP trigger.

    Attributes:
        url: Its public URL, without a slash at the end.
        signed: Whether requests must be signed.
    """

    url: str
    signed: bool


class HttpRequest(NamedTuple):
    """A request to send.

    Attributes:
        method: "" for the usual one: POST with a body, GET without.
        path: As seen by the function; may have a query.
        query: Names and values to add to the query.
        headers: Further headers; a Content-Type is derived from the body if none is given.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes


def find_url(client: Client, function: str, qualifier: str | None, trigger: str | None) -> HttpUrl:
    """Return the public URL of a function's HTTP trigger.

    Args:
        client: A client of the function's region.
        function: Name of the function.
        qualifier: Version or alias that the trigger calls; None is LATEST.
        trigger: Name of the trigger; None: the one of the qualifier.

    Raises:
        PluginError: There is no such trigger, or it has no URL.
    """
    called_by = qualifier or limits.DEFAULT_QUALIFIER
    triggers = client.get_paginator("list_triggers").paginate(function).items()
    http_triggers = [each for each in triggers if each.trigger_type == http_trigger.TYPE]
    for candidate in http_triggers:
        if trigger:
            chosen = candidate.trigger_name == trigger
        else:
            chosen = (candidate.qualifier or limits.DEFAULT_QUALIFIER) == called_by
        url = (candidate.http_trigger or {}).get("urlInternet")
        if chosen and url:
            return HttpUrl(url.rstrip("/"), _signed(candidate.trigger_config))
    shown = [f"{candidate.trigger_name} ({candidate.qualifier})" for candidate in http_triggers]
    names = ", ".join(shown) or "none"
    missing = f"no HTTP trigger {trigger!r}" if trigger else f"no HTTP trigger for {called_by}"
    raise PluginError(f"function {function!r} has {missing}; its HTTP triggers: {names}")


def _signed(config: str | None) -> bool:
    try:
        return http_trigger.read_config(config).auth_type != "anonymous"
    except UnreadableTrigger:
        return True


@contextlib.contextmanager
def sent(
    request: HttpRequest, where: HttpUrl, credentials: Callable[[], Credentials]
) -> Iterator[requests.Response]:
    """Send a request; the answer is there when its status and headers have come.

    Args:
        request: What to send.
        where: Where to.
        credentials: Returns the keys to sign with; called only if the trigger needs a signature.

    Raises:
        PluginError: There was no answer, or the path or a header cannot be sent.
    """
    with requests.Session() as session:
        # A proxy does not reach this machine.
        session.trust_env = not _endpoint.is_loopback(urlsplit(where.url).hostname or "")
        try:
            prepared = _prepared(request, where)
            if where.signed:
                prepared.headers.update(_signature(prepared, request.body, credentials()))
            settings = session.merge_environment_settings(where.url, {}, True, None, None)
            # No limit for the answer: a function may run for a day.
            limit = (_CONNECT_SECONDS, None)
            with session.send(
                prepared, allow_redirects=False, timeout=limit, **settings
            ) as response:
                yield response
        except (requests.RequestException, ValueError) as error:
            raise PluginError(f"no whole answer from {where.url}: {error}") from error


def _prepared(request: HttpRequest, where: HttpUrl) -> requests.PreparedRequest:
    return requests.Request(
        request.method or ("POST" if request.body else "GET"),
        f"{where.url}/{request.path.removeprefix('/')}",
        params=request.query,
        headers=_headers(request),
        data=request.body or None,
    ).prepare()


def _headers(request: HttpRequest) -> dict[str, Any]:
    named = {name.lower() for name in request.headers}
    kind = content_type(request.body)
    typed = {} if not kind or "content-type" in named else {"Content-Type": kind}
    return {**typed, **request.headers}


def content_type(body: bytes) -> str:
    """Return the type of a body: JSON, text or bytes; "" if it is empty."""
    if not body:
        return ""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return "text/plain; charset=utf-8"
    return "application/json"


def _signature(
    prepared: requests.PreparedRequest, body: bytes, credentials: Credentials
) -> dict[str, str]:
    """Return the headers that sign a request (ACS3-HMAC-SHA256)."""
    parts = urlsplit(prepared.url or "")
    unsigned = _signing.Unsigned(
        prepared.method or "",
        _signing.canonical_path(parts.path or "/"),
        _signing.canonical_query(parse_qsl(parts.query, keep_blank_values=True)),
        {"host": parts.netloc},
        body,
    )
    return _signing.sign(unsigned, credentials, now=time.time(), nonce=secrets.token_hex(16))
