# SPDX-License-Identifier: MIT
"""Another function as destination: the event is the payload of an asynchronous invocation.

The asynchronous configuration of that function applies to it. The call path of the delivery is
passed on, because the loop guard counts repeats on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.destinations.adapter import Adapter
from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_sdk.spec.arn import FunctionArn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.services.delivery import FunctionInvoker
    from fc_async_local.settings import DestinationSettings
    from fc_async_sdk.spec.destinations import Kind


class FunctionDestination(Adapter[FunctionArn, bytes]):
    """Invokes a function asynchronously with the event.

    Args:
        invoker: Runs functions.
        has_http: Returns whether a function has an HTTP trigger; ``http_destinations`` says whether
            such a function can be a destination.
        settings: The runtime's settings.
    """

    kind: Kind = "function"
    form = "JSON"

    def __init__(
        self,
        invoker: FunctionInvoker,
        has_http: Callable[[str], Awaitable[bool]],
        settings: DestinationSettings,
    ) -> None:
        super().__init__(settings)
        self._invoker = invoker
        self._has_http = has_http

    def encode(self, document: bytes, delivery: Delivery, now: int) -> tuple[bytes, int]:
        return document, len(document)

    async def hand_over(
        self, target: FunctionArn, event: bytes, delivery: Delivery
    ) -> DeliveryResult:
        refuses = self.settings.http_destinations == "refuse"
        if refuses and await self._has_http(target.function):
            return DeliveryResult(
                400,
                "InvalidDestinationResources",
                f"function {target.function!r} has an HTTP trigger; only event functions can "
                "be destinations",
            )
        request = InvokeRequest(
            target.function,
            event,
            qualifier=target.qualifier,
            call_path=delivery.call_path,
        )
        accepted = await self._invoker.invoke_async(request)
        return DeliveryResult(202, reference=accepted.request_id)
