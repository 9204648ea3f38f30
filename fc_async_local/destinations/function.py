# SPDX-License-Identifier: MIT
"""Another function as destination: the event is the payload of an asynchronous invocation.

The asynchronous configuration of that function applies to it. The call path of the delivery is
passed on, because the loop guard counts repeats on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.destinations.base import DeliveryResult, fit
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.destinations.base import DestinationKind
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.services.delivery import FunctionInvoker
    from fc_async_local.settings import DestinationSettings


class FunctionDestination:
    """Invokes a function asynchronously with the event.

    Args:
        invoker: Runs functions.
        has_http: Returns whether a function has an HTTP trigger; ``http_destinations`` says whether
            such a function can be a destination.
        settings: The runtime's settings.
    """

    kind: DestinationKind = "function"

    def __init__(
        self,
        invoker: FunctionInvoker,
        has_http: Callable[[str], Awaitable[bool]],
        settings: DestinationSettings,
    ) -> None:
        self._settings = settings
        self._invoker = invoker
        self._has_http = has_http

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:  # noqa: ARG002 -- the invoker has the clock
        """Invoke once."""
        target = arn.parse(delivery.destination)
        assert isinstance(target, arn.FunctionArn)
        document = fit(
            delivery,
            lambda document: (document, len(document)),
            limit=target.payload_limit,
            form="JSON",
            settings=self._settings,
        )
        if isinstance(document, DeliveryResult):
            return document
        try:
            refuses = self._settings.http_destinations == "refuse"
            if refuses and await self._has_http(target.function):
                return DeliveryResult(
                    400,
                    "InvalidDestinationResources",
                    f"function {target.function!r} has an HTTP trigger; only event functions can "
                    "be destinations",
                )
            accepted = await self._invoker.invoke_async(
                InvokeRequest(
                    target.function,
                    document,
                    qualifier=target.qualifier,
                    call_path=delivery.call_path,
                )
            )
        except Rejected as error:
            return DeliveryResult(error.status, error.code, error.message)
        except StoreUnavailable as error:
            return DeliveryResult(503, "ServiceUnavailable", str(error))
        return DeliveryResult(202, reference=accepted.request_id)
