# SPDX-License-Identifier: MIT
"""Applications as handlers: HTTP functions of FC 2.0 in Python are those of WSGI (PEP 3333)."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[..., Any]


WSGI = ("environ", "start_response")
ASGI = ("scope", "receive", "send")
"""Parameters of applications; ASGI 3.0, "Applications"."""


def takes(handler: object, parameters: tuple[str, ...]) -> bool:
    """Return whether these are the last parameters of a handler, or of its ``__call__``."""
    call = handler if hasattr(handler, "__code__") else type(handler).__call__
    code = getattr(call, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code else ()
    return bool(names[-len(parameters) :] == parameters)


def as_handler(application: Handler) -> Handler:
    """Return a handler that gives an application the requests of HTTP triggers.

    Any other payload is the body of a request ``POST /``.
    """
    from base64 import b64encode  # noqa: PLC0415 -- few functions are applications

    def handler(event: bytes, context: object) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        written: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _: object = None
        ) -> Handler:
            answer.update(statusCode=int(status[:3]), headers=dict(headers))
            return written.append

        parts = application(_environ(event, context), start_response)
        try:
            returned = b"".join(parts)
        finally:
            getattr(parts, "close", int)()
        body = b64encode(b"".join(written) + returned).decode()
        return {**answer, "body": body, "isBase64Encoded": True}

    return handler


def _environ(event: bytes, context: object) -> dict[str, Any]:
    from base64 import b64decode  # noqa: PLC0415 -- as above
    from urllib.parse import urlencode  # noqa: PLC0415 -- as above

    try:
        request = json.loads(event)
        http = request["requestContext"]["http"]
        text = request["body"]
        body = b64decode(text) if request["isBase64Encoded"] else text.encode()
    except (ValueError, KeyError, TypeError):
        http = {"method": "POST", "path": "/"}
        request = {}
        body = event
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": value
        for name, value in request.get("headers", {}).items()
    }
    query = urlencode(request.get("queryParameters", {}))
    path = http["path"]
    return headers | {
        "REQUEST_METHOD": http["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": http.get("sourceIp", "127.0.0.1"),
        "SERVER_NAME": request.get("requestContext", {}).get("domainName", "localhost"),
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "fc.context": context,
        "fc.request_uri": f"{path}?{query}" if query else path,
    }
