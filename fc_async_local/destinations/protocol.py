# SPDX-License-Identifier: MIT
"""The port behind which destinations lie.

An adapter encodes one event for its kind, hands it over once and reports the answer as the HTTP
status that the real target would give. It never retries, never counts and never cuts an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Delivery
    from fc_async_sdk.arn import Kind


class DeliveryResult(NamedTuple):
    """How the target answered.

    ``status`` is an HTTP status: 2xx done; 5xx and 429 are tried again; other 4xx are final.
    """

    status: int
    code: str = ""
    message: str = ""


class Destination(Protocol):
    """One kind of destination."""

    kind: Kind

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Hand the event over once. Over the kind's payload limit: a 4xx, nothing handed over."""
        ...
