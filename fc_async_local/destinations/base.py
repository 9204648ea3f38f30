# SPDX-License-Identifier: MIT
"""The interface of destinations, with their roles and faults, and the simplest destination.

A destination delivers one event once and reports the answer as the HTTP status that the real target
would give. It never retries and never counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from fc_async_local.domain.errors import Rejected
from fc_async_local.services.delivery import PostFailed
from fc_async_sdk.spec import arn, ram
from fc_async_sdk.spec.destinations import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.clock import Clock
    from fc_async_local.domain.faults import Faults
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.services.delivery import HttpPoster
    from fc_async_local.settings import DestinationSettings

DestinationKind = Kind | Literal["http"]
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
    """Answer of the target.

    ``status`` is an HTTP status: 2xx done; 5xx and 429 are tried again; other 4xx are final.
    ``reference`` is the id that the target gave to what it took: of a message, an event or an
    invocation.
    """

    status: int
    code: str = ""
    message: str = ""
    reference: str = ""


class Destination(Protocol):
    """Sends events to the destinations of one kind."""

    @property
    def kind(self) -> DestinationKind:
        """The kind."""
        ...

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Send the event once. An event over the kind's payload limit is not sent: a 4xx."""
        ...


class Permitted:
    """A destination that the function's role must allow.

    With ``enforce_roles``, which is off by default, a destination outside of the role's policy
    documents is answered with 403 and is not called (``docs/reference/destinations.md``, "Roles").
    Without any document, a function needs a role, and each role allows everything.

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
        if self._allows(role, needed):
            return await self._destination.deliver(delivery, now=now)
        who = f"function {delivery.function!r} has no role: it"
        advice = "set its role"
        if role:
            who = f"the role {role!r}"
            advice = "add a policy that allows it to the role"
        message = f"{who} may not {needed.action} on {needed.resource}: {advice}"
        return DeliveryResult(403, "AccessDenied", message)

    def _allows(self, role: str, needed: ram.Permission) -> bool:
        # Without policies nothing is known of a role, but a function without one has no permission.
        if not self._settings.roles:
            return bool(role)
        policies = self._settings.roles.get(role.rpartition("/")[2], ())
        # Conditions are not evaluated here: one that might not hold must not let a delivery pass
        # that the service refuses.
        return ram.allows(policies, needed, if_conditions_hold=False)


TIMEOUT_MS: Final = 10_000
"""Milliseconds that a delivery waits for a destination that times out."""


class Faulty:
    """A destination that fails if a fault is set for it (:mod:`fc_async_local.domain.faults`)."""

    def __init__(self, destination: Destination, faults: Faults, clock: Clock) -> None:
        self.kind: DestinationKind = destination.kind
        self._destination = destination
        self._faults = faults
        self._clock = clock

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Fail if a fault applies, otherwise deliver."""
        fault = self._faults.strike(self.kind, delivery.destination)
        if fault is None:
            return await self._destination.deliver(delivery, now=now)
        if fault.timeout:
            await self._clock.wait(self._clock.now() + TIMEOUT_MS)
            return DeliveryResult(504, "GatewayTimeout", f"fault {fault.id}: no answer in time")
        return DeliveryResult(fault.status, "FaultInjected", f"fault {fault.id} is set")


_HEADERS: Final = {"Content-Type": "application/json; charset=utf-8"}


class HttpEndpoint:
    """An HTTP endpoint of a rule or a subscription, for dead events that are redriven.

    Function Compute has no HTTP destinations. The services push to such endpoints themselves and
    give up after their own retries. The event is posted without the headers of the service.

    Args:
        poster: Sends requests.
    """

    kind: DestinationKind = HTTP

    def __init__(self, poster: HttpPoster) -> None:
        self._poster = poster

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Post the event once."""
        url = delivery.destination
        try:
            status = await self._poster.post(url, delivery.document, _HEADERS)
        # As a 5xx, so that it is tried again.
        except PostFailed as error:
            return DeliveryResult(504, "GatewayTimeout", f"{url}: {error}")
        return DeliveryResult(status, "", f"{url} answered {status}")
