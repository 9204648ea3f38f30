# SPDX-License-Identifier: MIT
"""Refuse destinations that the function's role does not allow.

Off by default. With ``enforce_roles`` a destination outside of the role's policy documents is
answered with 403 and is not called (``docs/destinations.md``, "Roles").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.destinations.protocol import DeliveryResult
from fc_async_local.domain.errors import Rejected
from fc_async_sdk.spec import arn, ram

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.destinations.protocol import Destination, DestinationKind
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.settings import DestinationSettings


class Permitted:
    """A destination that the function's role must allow.

    Args:
        destination: The destination itself.
        role_of: The role's ARN by function and qualifier, "" for none.
        settings: Hold the policy documents by role name.
    """

    def __init__(
        self,
        destination: Destination,
        role_of: Callable[[str, str], Awaitable[str]],
        settings: DestinationSettings,
    ) -> None:
        self.kind: DestinationKind = destination.kind
        self._destination = destination
        self._role_of = role_of
        self._settings = settings

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Deliver if the role allows it. Events of services are not sent by a function's role."""
        if delivery.outcome == "event":
            return await self._destination.deliver(delivery, now=now)
        target = arn.parse(delivery.destination)
        try:
            role = await self._role_of(delivery.function, delivery.qualifier)
        except Rejected as error:
            return DeliveryResult(403, "AccessDenied", f"the function's role is unknown: {error}")
        needed = ram.checked_for(target)
        policies = self._settings.roles.get(role.rpartition("/")[2], ())
        if not ram.allows(policies, needed, if_conditions_hold=False):
            who = (
                f"the role {role!r}" if role else f"function {delivery.function!r} has no role: it"
            )
            return DeliveryResult(
                403,
                "AccessDenied",
                f"{who} may not {needed.action} on {needed.resource}:"
                " add a policy that allows it to the role",
            )
        return await self._destination.deliver(delivery, now=now)
