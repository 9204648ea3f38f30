# SPDX-License-Identifier: MIT
"""Whether a function's role lets it tell a destination: RAM policies, and the guard that asks.

The decision is pure. Off by default: with ``enforce_roles`` a destination outside of the role's
policy documents is refused with 403, the guide's "4xx: no permission", before it is tried.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from fc_async_local.destinations.protocol import DeliveryResult
from fc_async_local.domain.rejection import Rejected
from fc_async_sdk import arn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from fc_async_local.destinations.protocol import Destination, DestinationKind
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.settings import Settings
    from fc_async_sdk.arn import DestinationArn, Kind

ACTIONS: Final[Mapping[Kind, str]] = {
    "function": "fc:InvokeFunction",
    "mns-queue": "mns:SendMessage",
    "mns-topic": "mns:PublishMessage",
    "eventbridge": "eventbridge:PutEvents",
    "rocketmq": "mq:PUB",
}
"""What a role needs for each kind (guide: permissions of destinations)."""


def allows(policies: Iterable[Mapping[str, Any]], action: str, resources: Iterable[str]) -> bool:
    """Whether policies allow an action.

    A Deny that matches wins; without an Allow that matches the answer is no. Conditions are not
    evaluated: a statement that has some never allows, and denies as if it had none.

    Args:
        policies: RAM policy documents.
        action: Such as ``mns:SendMessage``; case doesn't matter.
        resources: The names that RAM has for the resource; one match is enough.
    """
    names = tuple(resources)
    allowed = False
    for policy in policies:
        for statement in _listed(policy.get("Statement")):
            if not _matches(statement, action, names):
                continue
            if str(statement.get("Effect")).lower() == "deny":
                return False
            allowed = allowed or not statement.get("Condition")
    return allowed


def _matches(statement: Mapping[str, Any], action: str, names: tuple[str, ...]) -> bool:
    if "NotAction" in statement:
        acts = not _any(statement["NotAction"], (action.lower(),), lower=True)
    else:
        acts = _any(statement.get("Action"), (action.lower(),), lower=True)
    if "NotResource" in statement:
        return acts and not _any(statement["NotResource"], names)
    return acts and _any(statement.get("Resource"), names)


def _any(patterns: Any, values: tuple[str, ...], *, lower: bool = False) -> bool:
    return any(
        _glob(str(pattern).lower() if lower else str(pattern)).fullmatch(value)
        for pattern in _listed(patterns)
        for value in values
    )


def _glob(pattern: str) -> re.Pattern[str]:
    """``*`` is any text, ``?`` any character; nothing else is special."""
    parts = re.split(r"([*?])", pattern)
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts), re.DOTALL)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def resources_of(target: DestinationArn) -> tuple[str, ...]:
    """The names under which a policy may have a destination: RAM's own, and the ARN itself."""
    place = f"{target.region}:{target.account_id}"
    names = [str(target)]
    if isinstance(target, arn.RocketMqTopicArn):
        names.append(f"acs:mq:{place}:{target.instance_id}%{target.topic}")
    elif isinstance(target, arn.MnsQueueArn):
        names.append(f"acs:mns:{place}:/queues/{target.queue}")
    elif isinstance(target, arn.MnsTopicArn):
        names.append(f"acs:mns:{place}:/topics/{target.topic}")
    return tuple(names)


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
        settings: Settings,
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
        action = ACTIONS[target.kind]
        policies = self._settings.roles.get(role.rpartition("/")[2], ())
        if not allows(policies, action, resources_of(target)):
            who = (
                f"the role {role!r}" if role else f"function {delivery.function!r} has no role: it"
            )
            return DeliveryResult(
                403,
                "AccessDenied",
                f"{who} may not {action} on {target}: add a policy that allows it to the role",
            )
        return await self._destination.deliver(delivery, now=now)
