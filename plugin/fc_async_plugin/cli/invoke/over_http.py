# SPDX-License-Identifier: MIT
"""``fc-async invoke --http``: calls a function through its HTTP trigger."""

from __future__ import annotations

import codecs
import functools
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, Format, terminal
from fc_async_sdk.events.wire import payload_members
from fc_async_sdk.spec import http_trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests

    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.operate.tasks import FunctionTasks
    from fc_async_sdk import AcceptedInvocation

_ACCEPTED = 202
_FIRST_ERROR = 400


class HttpOptions(NamedTuple):
    """The options of a request.

    Attributes:
        on: ``--http`` was given.
        method: "" for the usual one.
        trigger: None: the one of the qualifier.
    """

    on: bool
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    trigger: str | None


def _pairs(separator: str, example: str) -> Callable[..., list[tuple[str, str]]]:
    """Return a callback of click that splits values at the first separator."""

    def split(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> Any:
        pairs = []
        for value in values:
            name, equals, text = value.partition(separator)
            if not equals or not name.strip():
                raise click.BadParameter(f"{value!r} must look like {example}")
            pairs.append((name.strip(), text.strip()))
        return pairs

    return split


_OPTIONS = (
    options.flag(
        "--http",
        help="Send a request to the function's HTTP trigger; the payload is its body.",
    ),
    click.option(
        "-X",
        "--method",
        type=click.Choice(http_trigger.METHODS, case_sensitive=False),
        help="With --http: the method.  [default: POST with a body, else GET]",
    ),
    click.option("--path", metavar="PATH", help="With --http: path, may have a query."),
    click.option(
        "--query",
        "query",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_pairs("=", "name=value"),
        help="With --http: a parameter of the query; may be given several times.",
    ),
    click.option(
        "-H",
        "--header",
        "headers",
        metavar="'NAME: VALUE'",
        multiple=True,
        callback=_pairs(":", "'Name: value'"),
        help="With --http: a header; may be given several times.",
    ),
    click.option(
        "--trigger",
        metavar="NAME",
        help="With --http: the trigger.  [default: that of the version or alias]",
    ),
)


def _http_options(
    *,
    http: bool,
    method: str | None,
    path: str | None,
    query: list[tuple[str, str]],
    headers: list[tuple[str, str]],
    trigger: str | None,
) -> HttpOptions:
    needs_http = any((method, path, query, headers, trigger))
    if needs_http and not http:
        raise click.UsageError(
            "--method, --path, --query, --header and --trigger go with --http only"
        )
    joined: dict[str, str] = {}
    for name, value in headers:
        # A header that is given twice is one header with both values (RFC 9110, section 5.3).
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return HttpOptions(http, method or "", path or "", tuple(query), joined, trigger)


http_options: Final = options.gathered("http", _http_options, *_OPTIONS)
"""Adds ``--http`` and the options of a request; the command gets ``http: HttpOptions``."""


class Request(NamedTuple):
    """The request of a command."""

    target: FunctionTasks
    http: HttpOptions
    body: bytes
    account: Account

    @contextmanager
    def sent(self, headers: Mapping[str, str]) -> Iterator[tuple[requests.Response, str]]:
        """Send it with further headers; yield the answer and its request id."""
        from fc_async_plugin.account import connection
        from fc_async_plugin.operate import http_requests

        target = self.target
        http = self.http
        url = http_requests.find_url(target.client, target.function, target.qualifier, http.trigger)
        request = http_requests.HttpRequest(
            http.method, http.path, http.query, {**http.headers, **headers}, self.body
        )
        keys = functools.partial(connection.credentials, self.account)
        with http_requests.sent(request, url, keys) as response:
            terminal.note(f"{response.request.method} {response.url}")
            yield response, response.headers.get("x-fc-request-id", "")


def call(request: Request, *, raw: bool, output: Format) -> int:
    """Call a function and print the answer; return the exit code."""
    with request.sent({}) as (response, request_id):
        terminal.note(f"{response.status_code} {response.reason} [request {request_id}]")
        if output == "json":
            terminal.print_json(_as_data(response, request_id))
        else:
            _print_body(response, raw=raw)
        return FAILED if response.status_code >= _FIRST_ERROR else DONE


def accept(request: Request, *, delay: int | None, task_id: str | None) -> AcceptedInvocation:
    """Have a function called, and return what was accepted.

    Raises:
        InvalidParameter: The delay or the id is not valid; nothing was sent.
        click.ClickException: The request was refused.
    """
    from fc_async_sdk import AcceptedInvocation, operations

    sent = operations.invoke_async(request.target.function, delay=delay, task_id=task_id).headers
    # Only those that say how it is called: path and body are those of the trigger.
    headers = {name: sent[name] for name in sent if name.startswith("x-fc-")}
    with request.sent(headers) as (response, request_id):
        if response.status_code != _ACCEPTED:
            raise click.ClickException(
                f"not accepted, {response.status_code} {response.reason}: {response.text.strip()} "
                f"[request {request_id}]"
            )
        named = response.headers.get("x-fc-async-task-id", "") or task_id or ""
        return AcceptedInvocation(request_id=request_id, task_id=named)


def _print_body(response: requests.Response, *, raw: bool) -> None:
    """Write the body as it arrives: text on a terminal, the exact bytes in a pipe."""
    from fc_async_plugin.report.safe_text import safe

    shown = sys.stdout.isatty() and not raw
    # A character may be cut between two pieces of the body.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    last = ""
    for piece in response.iter_content(None):
        if shown:
            last = decoder.decode(piece)
            click.echo(safe(last), nl=False)
        else:
            sys.stdout.buffer.write(piece)
            sys.stdout.flush()
    if shown and last and not last.endswith("\n"):
        click.echo()


def _as_data(response: requests.Response, request_id: str) -> dict[str, Any]:
    return {
        "requestId": request_id,
        "status": response.status_code,
        "headers": dict(response.headers),
        **payload_members("body", response.content),
    }
