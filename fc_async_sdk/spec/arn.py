# SPDX-License-Identifier: MIT
"""The resource names (ARNs) that asynchronous invocation deals in: parse, format, payload limit.

One frozen struct per destination kind, with the facts of :mod:`.destinations`; :func:`parse` picks
the right one. Empty region or account means "the one of the function that has this destination":
:meth:`Arn.resolve` fills them in. This module knows grammar only. Whether a queue exists, or a
function may be called, is not its business.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, get_args

import msgspec

from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.destinations import KINDS, Kind

if TYPE_CHECKING:
    from typing_extensions import Self


class Arn(msgspec.Struct, frozen=True, kw_only=True):
    """The account and region that all resource names share.

    Attributes:
        region: Region id such as ``cn-hangzhou``; empty means "mine".
        account_id: Account id (digits); empty means "mine".
    """

    kind: ClassVar[Kind]
    payload_limit: ClassVar[int]
    """Largest destination event in bytes, as transmitted."""

    region: str = ""
    account_id: str = ""

    def resolve(self, *, region: str, account_id: str) -> Self:
        """Fill in the parts that were left empty."""
        return msgspec.structs.replace(
            self, region=self.region or region, account_id=self.account_id or account_id
        )

    @property
    def refused(self) -> str | None:
        """Reason why a resource with a valid name cannot be a destination; None if it can."""
        rules = KINDS[self.kind].names.items()
        reasons = (rule.refused(getattr(self, field)) for field, rule in rules)
        return next(filter(None, reasons), None)

    def fill(self, form: str) -> str:
        """Return a text with the parts of this name in place of ``{region}``, ``{queue}`` etc."""
        return form.format_map(msgspec.structs.asdict(self))

    def __str__(self) -> str:
        kind = KINDS[self.kind]
        return self.fill(f"acs:{kind.service}:{{region}}:{{account_id}}:{kind.form}")


class FunctionArn(Arn, frozen=True, kw_only=True):
    """Name of a function, or of one of its versions or aliases."""

    kind: ClassVar[Kind] = "function"
    payload_limit: ClassVar[int] = KINDS["function"].payload_bytes

    function: str
    qualifier: str = limits.DEFAULT_QUALIFIER

    def __str__(self) -> str:
        suffix = "" if self.qualifier == limits.DEFAULT_QUALIFIER else f"/{self.qualifier}"
        return f"acs:fc:{self.region}:{self.account_id}:functions/{self.function}{suffix}"


class MnsQueueArn(Arn, frozen=True, kw_only=True):
    """Name of a queue of MNS."""

    kind: ClassVar[Kind] = "mns-queue"
    payload_limit: ClassVar[int] = KINDS["mns-queue"].payload_bytes

    queue: str


class MnsTopicArn(Arn, frozen=True, kw_only=True):
    """Name of a topic of MNS."""

    kind: ClassVar[Kind] = "mns-topic"
    payload_limit: ClassVar[int] = KINDS["mns-topic"].payload_bytes

    topic: str


class EventBusArn(Arn, frozen=True, kw_only=True):
    """Name of an event bus of EventBridge."""

    kind: ClassVar[Kind] = "eventbridge"
    payload_limit: ClassVar[int] = KINDS["eventbridge"].payload_bytes

    bus: str


class RocketMqTopicArn(Arn, frozen=True, kw_only=True):
    """Name of a topic of RocketMQ 4.x."""

    kind: ClassVar[Kind] = "rocketmq"
    payload_limit: ClassVar[int] = KINDS["rocketmq"].payload_bytes

    instance_id: str
    topic: str


DestinationArn = FunctionArn | MnsQueueArn | MnsTopicArn | EventBusArn | RocketMqTopicArn

CLASSES: Final[dict[Kind, type[DestinationArn]]] = {
    cls.kind: cls for cls in get_args(DestinationArn)
}

_HEAD: Final = re.compile(
    r"acs:(?P<service>[a-z]+):(?P<region>[a-z0-9-]*):(?P<account_id>[0-9]*):(?P<resource>.+)"
)
_FC2: Final = re.compile(
    r"(?P<head>acs:fc:.*?):services/(?P<service>(?:\$\{[^}]*\}|[^/.])+)(?:\.(?P<qualifier>[^/]+))?"
    r"(?:/functions/(?P<function>[^/]+))?/?"
)


def services() -> list[str]:
    """Return the services that can be destinations, as ARNs spell them."""
    return sorted({record.service for record in KINDS.values()})


def parse(text: str) -> DestinationArn:
    """Read a destination ARN.

    Args:
        text: The ARN, at most 512 characters.

    Raises:
        InvalidArn: It is not an ARN of a service that can be a destination, or a name in it is not
            valid. The message names the part that is wrong and what was expected.
    """
    if not isinstance(text, str):
        raise InvalidArn(text, "an ARN is a string")
    if len(text) > limits.DESTINATION_LENGTH:
        raise InvalidArn(text, f"longer than {limits.DESTINATION_LENGTH} characters")
    head = _HEAD.fullmatch(text)
    if head is None:
        raise InvalidArn(text, "expected acs:{service}:{region}:{account}:{resource}")
    service = head["service"]
    resource = head["resource"]
    for kind, record in KINDS.items():
        if record.service != service:
            continue
        match = re.fullmatch(record.read, resource)
        if match is None:
            continue
        names = {name: value for name, value in match.groupdict().items() if value}
        for name, value in names.items():
            problem = record.names[name].problem(value)
            # The pattern is wider than the rule, so that the message can name the part that is
            # wrong.
            if problem:
                raise InvalidArn(text, problem)
        return CLASSES[kind](region=head["region"], account_id=head["account_id"], **names)
    raise InvalidArn(text, _why_no_kind(text, service, resource))


def _why_no_kind(text: str, service: str, resource: str) -> str:
    """Return why an ARN is not one of a destination, with what was expected."""
    if service not in services():
        return f"{service!r} can't be a destination, only {', '.join(services())} can"
    if without_service(text):
        return "this is an ARN of FC 2.0; FC 3.0 has no services: functions/{function}"
    forms = " or ".join(record.form for record in KINDS.values() if record.service == service)
    return f"expected {forms} after the account, got {resource!r}"


def without_service(text: str) -> str | None:
    """Return the ARN that a function of FC 2.0 has in FC 3.0.

    Args:
        text: Such as ``acs:fc:::services/shop.prod/functions/pay``; parts may be a ``${…}``.

    Returns:
        Such as ``acs:fc:::functions/shop$pay/prod``; None if it is not an ARN of FC 2.0.
    """
    match = _FC2.fullmatch(text)
    if match is None:
        return None
    name = f"{match['head']}:functions/{match['service']}${match['function'] or 'NAME'}"
    return f"{name}/{match['qualifier']}" if match["qualifier"] else name
