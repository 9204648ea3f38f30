# SPDX-License-Identifier: MIT
"""The refusal of a request, in the service's own words.

Below everything that refuses and everything that reports a refusal: engine, registry, API and
destinations.
"""

from __future__ import annotations


class Rejected(Exception):
    """A request that the service would refuse, in the service's own words.

    Attributes:
        status: HTTP status.
        code: Such as ``FunctionNotFound``.
        message: For the reader: the value and what to do.
        retry_after: Seconds, with 429 and 503; None: not said.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
