# SPDX-License-Identifier: MIT
"""The admin API of this runtime, under ``/_local/``: what the service has no operation for.

It shows everything, moves virtual time and retries dead events: for the console, for tests and for
scripts on this machine. Requests are not signed, and only this machine can send them.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from fc_async_local.api.operation import Handler, operation
from fc_async_local.functions import refusals
from fc_async_sdk.admin.models import PREFIX
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.routing import Route


def routes(table: Iterable[tuple[str, str, Handler]]) -> list[Route]:
    """Return the routes of operations of the admin API. They refuse unknown query parameters.

    Args:
        table: Method, path below the prefix, and what answers.
    """
    return [
        operation(method, path, _strict(method, path, handler), prefix=PREFIX)
        for method, path, handler in table
    ]


def _strict(method: str, path: str, handler: Handler) -> Handler:
    """Return a handler that refuses query parameters that its operation does not have."""

    @functools.wraps(handler)
    async def checked(request: Request, **of_path: Any) -> Any:
        if request.query_params:
            from fc_async_local.api.openapi.admin import query_of  # noqa: PLC0415 -- start-up time

            known = query_of(method, PREFIX + path)
            for name in request.query_params:
                if name not in known:
                    there = f"there are {', '.join(known)}" if known else "there are none"
                    raise refusals.invalid_argument(
                        f"the query has an unknown parameter {shorten(name)}: {there}"
                    )
        return await handler(request, **of_path)

    return checked
