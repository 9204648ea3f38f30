# SPDX-License-Identifier: MIT
"""Shared parts of all kinds of destinations: interface, payload limit, role.

An adapter encodes one event for its kind, hands it over once and reports the answer as the HTTP
status that the real target would give. It never retries and never counts.

The event of a function that was called with an event contains that event as an escaped JSON string
in ``requestPayload``: in a pipeline the size of the event doubles with each function.

Invariants:
    - An event within the limit is sent unchanged.
    - Over the limit, only copies of earlier events are left out, marked by
      ``requestPayloadOmitted``. What the function returned is never cut.
    - The event of an invocation that the loop guard ended fits every destination.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from fc_async_local.domain.errors import RECURSIVE, Rejected
from fc_async_local.domain.policy import call_path_text
from fc_async_sdk.spec import arn, ram
from fc_async_sdk.spec.destinations import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.settings import DestinationSettings

logger = logging.getLogger(__name__)

T = TypeVar("T")

DestinationKind = Kind | Literal["http"]
"""Kinds of destinations, and HTTP endpoints, which only dead events of services have."""

HTTP: Final = "http"

_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text: Final = msgspec.json.Decoder(str).decode
_encode: Final = msgspec.json.Encoder().encode
_EMPTY: Final = msgspec.Raw(b'""')
_FIELDS: Final = frozenset(
    ("requestContext", "requestPayload", "responseContext", "responsePayload")
)
_TRUE: Final = msgspec.Raw(b"true")


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


def fit(
    delivery: Delivery,
    encode: Callable[[bytes], tuple[T, int]],
    *,
    limit: int,
    form: str,
    settings: DestinationSettings,
) -> T | DeliveryResult:
    """Encode the event of a delivery within the limit of its destination.

    Args:
        delivery: Holds the event.
        encode: Returns the event in the form of the destination, and its size as transmitted.
        limit: The largest size in bytes that the kind of destination accepts.
        form: The form that is measured, such as "a CloudEvent".
        settings: ``long_events`` says whether copies of earlier events may be left out.

    Returns:
        The encoded event, or a 4xx.
    """
    body, full = encode(delivery.document)
    if full <= limit:
        return body
    for document in _shorter(delivery.document, settings):
        body, size = encode(document)
        if size <= limit:
            logger.warning(
                "%s of %s: the event is %d bytes as %s, %s takes %d; copies of earlier events in "
                "its requestPayload are left out (Function Compute documents a 4xx here)",
                delivery.request_id,
                delivery.function,
                full,
                form,
                delivery.destination,
                limit,
                extra={"request_id": delivery.request_id},
            )
            return body
    return _too_large(delivery, full, limit, form)


def _shorter(document: bytes, settings: DestinationSettings) -> Iterator[bytes]:
    """Yield shorter forms of an event, the longest first."""
    event = _event(document)
    if event is None:
        return
    if settings.long_events == "shorten" and "requestPayloadEncoding" not in event:
        earlier = _event(_text(event["requestPayload"]))
        if earlier is not None:
            yield _encode(event | {"requestPayload": _encode(_omitted(earlier)).decode()})
    if _condition(event) == RECURSIVE:
        yield _encode(_omitted(event))


def _event(document: bytes | str) -> dict[str, msgspec.Raw] | None:
    """Return the fields of an event of a destination; None for any other document."""
    try:
        event = _object(document)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return event if event.keys() >= _FIELDS else None


def _omitted(event: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    kept = {name: value for name, value in event.items() if name != "requestPayloadEncoding"}
    return kept | {"requestPayload": _EMPTY, "requestPayloadOmitted": _TRUE}


def _condition(event: dict[str, msgspec.Raw]) -> str:
    return _text(_object(event["requestContext"])["condition"])


def _too_large(delivery: Delivery, size: int, limit: int, form: str) -> DeliveryResult:
    """Return the 4xx for an event over the limit. It is recorded and not tried again."""
    event = _event(delivery.document)
    parts = ""
    if event is not None:
        request, response = (len(event[name]) for name in ("requestPayload", "responsePayload"))
        parts = f" (requestPayload {request} bytes, responsePayload {response} bytes)"
    came = ""
    if len(delivery.call_path) > 1:
        came = (
            f"The event of each function of the call path ({len(delivery.call_path)}: "
            f"{call_path_text(delivery.call_path)}) holds the event before it. "
        )
    return DeliveryResult(
        413,
        "EntityTooLarge",
        f"the event is {size} bytes as {form}, the destination takes {limit}{parts}. {came}"
        "Return less from the function, or put the payload into object storage and return its name",
    )


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
        if not self._allows(role, needed):
            who = (
                f"the role {role!r}" if role else f"function {delivery.function!r} has no role: it"
            )
            return DeliveryResult(
                403,
                "AccessDenied",
                f"{who} may not {needed.action} on {needed.resource}:"
                + (" add a policy that allows it to the role" if role else " set its role"),
            )
        return await self._destination.deliver(delivery, now=now)

    def _allows(self, role: str, needed: ram.Permission) -> bool:
        if not self._settings.roles:
            return bool(role)
        policies = self._settings.roles.get(role.rpartition("/")[2], ())
        return ram.allows(policies, needed, if_conditions_hold=False)
