# SPDX-License-Identifier: MIT
"""HTTP endpoints of rules and subscriptions, for dead events that are redriven.

Function Compute has no HTTP destinations. The services push to such endpoints themselves and give
up after their own retries. A redriven event is posted without the headers of the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.destinations.base import HTTP, DeliveryResult
from fc_async_local.services.delivery import PostFailed

if TYPE_CHECKING:
    from fc_async_local.destinations.base import DestinationKind
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.services.delivery import Poster

_HEADERS: Final = {"Content-Type": "application/json; charset=utf-8"}


class HttpEndpoint:
    """Posts events to a URL.

    Args:
        poster: Sends requests.
    """

    kind: DestinationKind = HTTP

    def __init__(self, poster: Poster) -> None:
        self._poster = poster

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Post the event once."""
        url = delivery.destination
        try:
            status = await self._poster.post(url, delivery.document, _HEADERS)
        except PostFailed as error:
            return DeliveryResult(504, "GatewayTimeout", f"{url}: {error}")
        return DeliveryResult(status, "", f"{url} answered {status}")
