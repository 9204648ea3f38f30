# SPDX-License-Identifier: MIT
"""The port behind which destinations lie.

An adapter encodes one event for its kind, hands it over once and reports the answer as the HTTP
status that the real target would give. It never retries, never counts and never cuts an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Delivery

DestinationKind = arn.Kind | Literal["http"]
"""Kinds of destinations, and HTTP endpoints, which only dead events of services have."""

HTTP: Final = "http"


def kind_of(destination: str) -> DestinationKind:
    """Return the kind of a destination.

    Args:
        destination: An ARN, or the URL of an HTTP endpoint.

    Raises:
        InvalidArn: It is neither.
    """
    if destination.startswith(("http://", "https://")):
        return HTTP
    return arn.parse(destination).kind


class DeliveryResult(NamedTuple):
    """How the target answered.

    ``status`` is an HTTP status: 2xx done; 5xx and 429 are tried again; other 4xx are final.
    """

    status: int
    code: str = ""
    message: str = ""


class Creating(Protocol):
    """A kind of destination that can be made: all but functions and HTTP endpoints."""

    kind: DestinationKind

    async def create(self, target: Any, /) -> None:
        """Make what an ARN of this kind names, unless it is there."""
        ...


class Destination(Protocol):
    """One kind of destination."""

    kind: DestinationKind

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Hand the event over once. Over the kind's payload limit: a 4xx, nothing handed over."""
        ...
