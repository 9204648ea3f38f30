# SPDX-License-Identifier: MIT
"""The kinds of destinations: one record for each, which every face reads.

:mod:`.arn` reads and prints resource names with these records, :mod:`.ram` takes permissions from
them, the local runtime names and sizes, and ``fc-async`` labels, examples and questions.

Invariants:

- The names that the resources of a kind may have are spelled here only.
- Nothing here depends on an account: whether a queue exists is checked elsewhere.

Sources, all linked in docs/reference/sources.md: user guide, "Asynchronous invocation" (forms,
sizes, the series of RocketMQ, custom buses);
https://www.alibabacloud.com/help/en/mns/permission-policies-and-examples (MNS checks the
``/messages`` of a queue or topic when a message is sent).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["function", "mns-queue", "mns-topic", "eventbridge", "rocketmq"]

_KIB: Final = 1024


class NameRule(NamedTuple):
    """Rule for valid names, and for names that cannot be a destination.

    Attributes:
        of: What has the name, such as ``queue name``.
        pattern: Regular expression for the whole name.
        longest: The largest number of characters, of each part if there is a ``$``.
        characters: The allowed characters in words.
        unusable: Regular expression for valid names that cannot be a destination; "" for none.
        reason: Why they cannot; ``{}`` is the name.
    """

    of: str
    pattern: str
    longest: int
    characters: str
    unusable: str = ""
    reason: str = ""

    @property
    def allowed(self) -> str:
        """The rule in words, such as ``1 to 127 letters and digits``."""
        return f"1 to {self.longest} {self.characters}"

    def problem(self, name: str, of: str = "") -> str | None:
        """Return what is wrong with a name; None if a resource may have it.

        Args:
            name: The name.
            of: What has the name, if another resource has the same rule.
        """
        if max(map(len, name.split("$"))) <= self.longest and re.fullmatch(self.pattern, name):
            return None
        return f"{of or self.of} {shorten(name)}: {self.allowed}"

    def refused(self, name: str) -> str | None:
        """Return why the resource of a valid name cannot be a destination; None if it can."""
        if self.unusable and re.fullmatch(self.unusable, name):
            return self.reason.format(shorten(name))
        return None


class Record(NamedTuple):
    """The facts of one kind of destination.

    Attributes:
        label: The noun that stands before a name: ``queue dead-letters``.
        service: The service, as ARNs spell it.
        form: The resource part of an ARN as it is printed; ``[...]`` may be left out.
        read: Regular expression for the resource part with a group for each name. It is compiled
            when the first ARN is read: most functions that import the SDK never read one.
        names: The rule for each name of the resource part, in order.
        payload_bytes: The largest destination event, as transmitted.
        action: The RAM action that sending an event needs.
        resource: The resource that RAM checks; "": the ARN.
        creation: The RAM actions to look for one, create it and delete it, if ``fc-async deploy``
            can create it.
    """

    label: str
    service: str
    form: str
    read: str
    names: Mapping[str, NameRule]
    payload_bytes: int
    action: str
    resource: str = ""
    creation: tuple[str, ...] = ()

    @property
    def template(self) -> str:
        """The whole ARN with its names in braces, with an empty region and account."""
        return f"acs:{self.service}:::{self.form.replace('[', '').replace(']', '')}"

    def example(self, region: str) -> str:
        """Return an ARN with an empty account and names that each kind allows: ``my-queue``."""
        path = re.sub(r"\{(\w+?)(?:_id)?\}", r"my-\1", self.form.partition("[")[0])
        return f"acs:{self.service}:{region}::{path}"


FUNCTION_NAME: Final = NameRule(
    "function name",
    limits.FUNCTION_NAME_PATTERN.pattern,
    128,
    "letters, digits, '_' and '-', a letter or '_' in front, or 'service$function' of FC 2.0",
)
QUALIFIER: Final = NameRule(
    "qualifier",
    r"[A-Za-z0-9_][A-Za-z0-9_.-]*",
    limits.DESTINATION_LENGTH,
    "letters, digits, '_', '-' and '.', a letter, digit or '_' in front",
)
QUEUE_NAME: Final = NameRule(
    "queue name",
    r"[A-Za-z0-9][A-Za-z0-9_-]*",
    256,
    "letters, digits, '-' and '_', a letter or digit in front",
)
TOPIC_NAME: Final = QUEUE_NAME._replace(of="topic name")
BUS_NAME: Final = NameRule(
    "event bus name",
    r"[A-Za-z0-9][A-Za-z0-9_.-]*",
    127,
    "letters, digits, '-', '_' and '.', a letter or digit in front",
    unusable=limits.DEFAULT_EVENT_BUS,
    reason="the default event bus takes events of cloud services only; name a custom event bus",
)
ROCKETMQ_INSTANCE: Final = NameRule(
    "instance",
    r"[A-Za-z0-9_-]+",
    127,
    "letters, digits, '-' and '_'",
    unusable=f"{limits.ROCKETMQ_5_PREFIX}.*",
    reason="instance {} is of RocketMQ 5.x; only instances of the 4.0 series can be destinations",
)
ROCKETMQ_TOPIC: Final = NameRule(
    "topic", r"[A-Za-z0-9_%-]+", 127, "letters, digits, '-', '_' and '%'"
)

# Subscription endpoints of MNS leave out the slash and "/messages", old samples say "/message";
# RocketMQ ARNs are printed with "/topic/" and "/topics/".
KINDS: Final[Mapping[Kind, Record]] = {
    "function": Record(
        label="function",
        service="fc",
        form="functions/{function}[/{qualifier}]",
        read=r"functions/(?P<function>[^/]+)(?:/(?P<qualifier>[^/]+))?",
        names={"function": FUNCTION_NAME, "qualifier": QUALIFIER},
        payload_bytes=limits.ASYNC_PAYLOAD_BYTES,
        action="fc:InvokeFunction",
    ),
    "mns-queue": Record(
        label="queue",
        service="mns",
        form="/queues/{queue}/messages",
        read=r"/?queues/(?P<queue>[^/]+)(?:/messages?)?",
        names={"queue": QUEUE_NAME},
        payload_bytes=64 * _KIB,
        action="mns:SendMessage",
        creation=("mns:GetQueueAttributes", "mns:CreateQueue", "mns:DeleteQueue"),
    ),
    "mns-topic": Record(
        label="topic",
        service="mns",
        form="/topics/{topic}/messages",
        read=r"/?topics/(?P<topic>[^/]+)(?:/messages?)?",
        names={"topic": TOPIC_NAME},
        payload_bytes=64 * _KIB,
        action="mns:PublishMessage",
        creation=("mns:GetTopicAttributes", "mns:CreateTopic", "mns:DeleteTopic"),
    ),
    "eventbridge": Record(
        label="event bus",
        service="eventbridge",
        form="eventbus/{bus}",
        read=r"eventbus/(?P<bus>[^/]+)",
        names={"bus": BUS_NAME},
        payload_bytes=64 * _KIB,
        action="eventbridge:PutEvents",
        creation=(
            "eventbridge:GetEventBus",
            "eventbridge:CreateEventBus",
            "eventbridge:DeleteEventBus",
        ),
    ),
    "rocketmq": Record(
        label="RocketMQ topic",
        service="mq",
        form="/instances/{instance_id}/topic/{topic}",
        read=r"/?instances/(?P<instance_id>[^/]+)/topics?/(?P<topic>[^/]+)",
        names={"instance_id": ROCKETMQ_INSTANCE, "topic": ROCKETMQ_TOPIC},
        payload_bytes=4 * _KIB * _KIB,
        action="mq:PUB",
        resource="acs:mq:{region}:{account_id}:{instance_id}%{topic}",
    ),
}
