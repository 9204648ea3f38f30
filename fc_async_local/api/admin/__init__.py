# SPDX-License-Identifier: MIT
"""The admin API of this runtime, under ``/_local/``: what the service has no operation for.

It shows everything, moves virtual time and retries dead events: for the console, for tests and for
scripts on this machine. Requests are not signed, and only this machine can send them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.api.operation import Handler, operation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.routing import Route

PREFIX: Final = "/_local"


def routes(table: Iterable[tuple[str, str, Handler]]) -> list[Route]:
    """Return the routes of operations of the admin API.

    Args:
        table: Method, path below the prefix, and what answers.
    """
    return [operation(method, path, handler, prefix=PREFIX) for method, path, handler in table]
