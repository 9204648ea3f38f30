# SPDX-License-Identifier: MIT
"""The resource names (ARNs) that asynchronous invocation deals in: parse, format, payload limit.

One frozen struct per destination kind; :func:`parse` picks the right one. Empty region or account
means "the one of the function that has this destination": :meth:`Arn.resolve` fills them in.
This module knows grammar only. Whether a queue exists, or a function may be called, is not its
business.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import msgspec

from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from typing_extensions import Self

Kind = Literal["function", "mns-queue", "mns-topic", "eventbridge", "rocketmq"]

_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"


class Arn(msgspec.Struct, frozen=True, kw_only=True):
    """What all resource names share.

    Attributes:
        region: Region id such as ``cn-hangzhou``; empty means "mine".
        account_id: Account id (digits); empty means "mine".
    """

    kind: ClassVar[Kind]
    payload_limit: ClassVar[int]
    """Largest destination event in bytes, as transmitted (source: :mod:`.limits`)."""

    region: str = ""
    account_id: str = ""

    def resolve(self, *, region: str, account_id: str) -> Self:
        """Fill in the parts that were left empty."""
        return msgspec.structs.replace(
            self, region=self.region or region, account_id=self.account_id or account_id
        )


class FunctionArn(Arn, frozen=True, kw_only=True):
    """``acs:fc:{region}:{account}:functions/{function}[/{qualifier}]``."""

    kind: ClassVar[Kind] = "function"
    payload_limit: ClassVar[int] = limits.ASYNC_PAYLOAD_BYTES

    function: str
    qualifier: str = limits.DEFAULT_QUALIFIER

    def __str__(self) -> str:
        suffix = "" if self.qualifier == limits.DEFAULT_QUALIFIER else f"/{self.qualifier}"
        return f"acs:fc:{self.region}:{self.account_id}:functions/{self.function}{suffix}"


class MnsQueueArn(Arn, frozen=True, kw_only=True):
    """``acs:mns:{region}:{account}:/queues/{queue}/messages``."""

    kind: ClassVar[Kind] = "mns-queue"
    payload_limit: ClassVar[int] = limits.MNS_PAYLOAD_BYTES

    queue: str

    def __str__(self) -> str:
        return f"acs:mns:{self.region}:{self.account_id}:/queues/{self.queue}/messages"


class MnsTopicArn(Arn, frozen=True, kw_only=True):
    """``acs:mns:{region}:{account}:/topics/{topic}/messages``."""

    kind: ClassVar[Kind] = "mns-topic"
    payload_limit: ClassVar[int] = limits.MNS_PAYLOAD_BYTES

    topic: str

    def __str__(self) -> str:
        return f"acs:mns:{self.region}:{self.account_id}:/topics/{self.topic}/messages"


class EventBusArn(Arn, frozen=True, kw_only=True):
    """``acs:eventbridge:{region}:{account}:eventbus/{bus}``."""

    kind: ClassVar[Kind] = "eventbridge"
    payload_limit: ClassVar[int] = limits.EVENTBRIDGE_PAYLOAD_BYTES

    bus: str

    def __str__(self) -> str:
        return f"acs:eventbridge:{self.region}:{self.account_id}:eventbus/{self.bus}"


class RocketMqTopicArn(Arn, frozen=True, kw_only=True):
    """``acs:mq:{region}:{account}:/instances/{instance}/topic/{topic}``, 4.x instances only."""

    kind: ClassVar[Kind] = "rocketmq"
    payload_limit: ClassVar[int] = limits.ROCKETMQ_PAYLOAD_BYTES

    instance_id: str
    topic: str

    def __str__(self) -> str:
        place = f"{self.region}:{self.account_id}"
        return f"acs:mq:{place}:/instances/{self.instance_id}/topic/{self.topic}"


DestinationArn = FunctionArn | MnsQueueArn | MnsTopicArn | EventBusArn | RocketMqTopicArn

_HEAD: Final = re.compile(
    r"acs:(?P<service>[a-z]+):(?P<region>[a-z0-9-]*):(?P<account_id>[0-9]*):(?P<rest>.+)"
)
# Subscription endpoints of MNS leave out the slash and "/messages", old samples say "/message";
# RocketMQ ARNs are printed with "/topic/" and "/topics/". They are compiled when the first ARN is
# read (and kept by re): most functions that import this package never read one.
_FORMS: Final[tuple[tuple[str, str, type[DestinationArn], str], ...]] = (
    (
        "fc",
        (
            rf"functions/(?P<function>{limits.FUNCTION_NAME_PATTERN.pattern})"
            rf"(?:/(?P<qualifier>{_NAME}))?"
        ),
        FunctionArn,
        "functions/{function}[/{qualifier}]",
    ),
    (
        "mns",
        rf"/?queues/(?P<queue>{_NAME})(?:/messages?)?",
        MnsQueueArn,
        "/queues/{queue}/messages",
    ),
    (
        "mns",
        rf"/?topics/(?P<topic>{_NAME})(?:/messages?)?",
        MnsTopicArn,
        "/topics/{topic}/messages",
    ),
    (
        "eventbridge",
        rf"eventbus/(?P<bus>{_NAME})",
        EventBusArn,
        "eventbus/{bus}",
    ),
    (
        "mq",
        rf"/?instances/(?P<instance_id>{_NAME})/topics?/(?P<topic>[A-Za-z0-9_%-]+)",
        RocketMqTopicArn,
        "/instances/{instance}/topic/{topic}",
    ),
)
SERVICES: Final = tuple(dict.fromkeys(service for service, *_ in _FORMS))
"""Services that can be destinations, as ARNs spell them."""
_FC2: Final = re.compile(r"services/[^/]+/functions/.+")


def parse(text: str) -> DestinationArn:
    """Read a destination ARN.

    Args:
        text: The ARN, at most 512 characters.

    Raises:
        InvalidArn: It is not an ARN of a service that can be a destination. The message names the
            part that is wrong and the form that was expected.
    """
    if not isinstance(text, str):
        raise InvalidArn(text, "an ARN is a string")
    if len(text) > limits.DESTINATION_LENGTH:
        raise InvalidArn(text, f"longer than {limits.DESTINATION_LENGTH} characters")
    head = _HEAD.fullmatch(text)
    if head is None:
        raise InvalidArn(text, "expected acs:{service}:{region}:{account}:{resource}")
    service, rest = head["service"], head["rest"]
    if service not in SERVICES:
        raise InvalidArn(
            text, f"{service!r} can't be a destination, only {', '.join(sorted(SERVICES))} can"
        )
    for form_service, pattern, cls, _ in _FORMS:
        match = re.fullmatch(pattern, rest) if form_service == service else None
        if match is not None:
            fields = {name: value for name, value in match.groupdict().items() if value}
            return cls(region=head["region"], account_id=head["account_id"], **fields)
    if service == "fc" and _FC2.fullmatch(rest):
        raise InvalidArn(
            text, "this is an ARN of FC 2.0; FC 3.0 has no services: functions/{function}"
        )
    forms = " or ".join(form for form_service, _, _, form in _FORMS if form_service == service)
    raise InvalidArn(text, f"expected {forms} after the account, got {rest!r}")
