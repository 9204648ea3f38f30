# SPDX-License-Identifier: MIT
"""The refusal of a request, with the code of the service.

Raised by the engine and the registry, reported by the API and the destinations.
"""

from __future__ import annotations


class Rejected(Exception):
    """The service would refuse the request.

    Attributes:
        status: HTTP status.
        code: Such as ``FunctionNotFound``.
        message: The value that is wrong, and what to do.
        retry_after: Seconds, with 429 and 503; None: unknown.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
