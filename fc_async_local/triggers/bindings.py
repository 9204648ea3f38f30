# SPDX-License-Identifier: MIT
"""Settings of triggers, and the events that their functions get for messages. Pure.

:mod:`fc_async_sdk.spec` knows where the settings name the source, and
:mod:`fc_async_sdk.events.triggers` what the function gets of it.
"""

from __future__ import annotations

import base64
import binascii
import logging
import zlib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Meta

from fc_async_local.services.eventbridge.model import DeadLetterQueue
from fc_async_sdk._decoding import prepare
from fc_async_sdk.events import triggers as events
from fc_async_sdk.spec import limits, oss, timers, triggers
from fc_async_sdk.spec.oss import OssTrigger
from fc_async_sdk.spec.timers import Schedule
from fc_async_sdk.spec.triggers import MessageFormat, Strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fc_async_local.domain.rules import Account
    from fc_async_local.services.mns.model import MnsMessage
    from fc_async_local.services.rocketmq.model import Pending

_LOG: Final = logging.getLogger(__name__)

Document = events.Document


class TriggerSettings(NamedTuple):
    """A trigger as the registry keeps it.

    Attributes:
        settings: The API's fields in camel case.
        trigger_id: Distinguishes a trigger from an earlier one of the same name.
        modified_at: When it was created or changed last.
    """

    function: str
    name: str
    settings: Mapping[str, Any]
    trigger_id: str = ""
    modified_at: int = 0

    @property
    def kind(self) -> str:
        """``triggerType``."""
        return str(self.settings.get("triggerType"))

    @property
    def qualifier(self) -> str:
        """The version or alias that it calls."""
        return str(self.settings.get("qualifier") or limits.DEFAULT_QUALIFIER)


class TriggerSource(Protocol):
    """The triggers of all functions."""

    def everything(self) -> Sequence[TriggerSettings]:
        """Return all triggers, as the configuration was read last."""
        ...

    async def current(self) -> Sequence[TriggerSettings]:
        """Return all triggers as they are now, changes by other nodes included.

        Raises:
            StoreUnavailable: The configuration cannot be read.
        """
        ...

    async def find(self, function: str, name: str) -> TriggerSettings | None:
        """Return one trigger as it is now, None if it does not exist.

        Raises:
            StoreUnavailable: The configuration cannot be read.
        """
        ...


class QueueSource(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A queue of MNS. ``is_base64_decode``: bodies are decoded before the function sees them."""

    queue_name: str
    is_base64_decode: bool = msgspec.field(default=True, name="IsBase64Decode")


class RocketMqSource(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A topic of RocketMQ."""

    instance_id: str
    topic: str
    tag: str = ""
    group_id: str = msgspec.field(default="", name="GroupID")


class TopicSource(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A topic of MNS; it pushes, on its own retry strategy."""

    topic: str = ""
    filter_tag: str = ""
    notify_content_format: MessageFormat = "STREAM"
    notify_strategy: Strategy = "BACKOFF_RETRY"


prepare(QueueSource, RocketMqSource, TopicSource)


class BusSource(msgspec.Struct, frozen=True, kw_only=True):
    """A bus with an event pattern; the default one has the events of services, here of OSS."""

    bus: str
    pattern: str


class TimerSource(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule.

    Attributes:
        expression: As it was written.
        since: When the trigger was created or changed last.
        revision: Distinguishes what the trigger is from what it was before.
    """

    expression: str
    schedule: Schedule
    payload: str
    since: int
    revision: str

    def next_firing(self, after: int) -> int | None:
        """Return the first moment after another at which it fires, None if there is none."""
        return timers.next_firing(self.schedule, after, since=self.since)


Source = QueueSource | RocketMqSource | TopicSource | BusSource | TimerSource | OssTrigger


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one trigger.

    Attributes:
        asynchronous: How the function is invoked.
        batch: Most messages that one invocation gets, as a list; None: one, not in a list.
        window_ms: How long a batch waits for more messages.
        strategy: When messages whose function could not be invoked are tried again.
        tolerant: Whether such messages are given up in the end. Otherwise they are tried without
            end, and those after them wait.
        dead_letter: ARN of what gets the messages that were given up; "": they become dead events.
        enabled: Whether it fires by itself.
    """

    function: str
    trigger: str
    qualifier: str
    source: Source
    asynchronous: bool = True
    batch: int | None = None
    window_ms: int = 0
    strategy: Strategy = "EXPONENTIAL_DECAY_RETRY"
    tolerant: bool = False
    dead_letter: str = ""
    enabled: bool = True

    @property
    def key(self) -> str:
        """Function and trigger."""
        return f"{self.function}/{self.trigger}"


class _Window(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    count_based_window: Annotated[int, Meta(ge=1, le=triggers.BATCH_MESSAGES.high)] = 1
    time_based_window: Annotated[int, Meta(ge=0, le=triggers.BATCH_SECONDS.high)] = 0


class _RetryStrategy(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    push_retry_strategy: Strategy = "EXPONENTIAL_DECAY_RETRY"


class _RunOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    mode: str = "event-driven"
    batch_window: _Window = _Window()
    retry_strategy: _RetryStrategy = _RetryStrategy()
    errors_tolerance: Literal["ALL", "NONE"] = "NONE"
    dead_letter_queue: DeadLetterQueue = DeadLetterQueue()


class _EventBridgeConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    trigger_enable: bool = True
    async_invocation_type: bool = False
    event_rule_filter_pattern: str = "{}"
    run_options: _RunOptions = _RunOptions()


prepare(_EventBridgeConfig)


class Unreadable(Exception):
    """A trigger's configuration does not fit its type. The message names the place."""


def read_all(triggers: Sequence[TriggerSettings]) -> list[Binding]:
    """Return the bindings of triggers; log those that cannot be read."""
    # One that cannot be read must not keep the others from firing.
    bindings = map(_read_or_log, triggers)
    return [binding for binding in bindings if binding is not None]


def _read_or_log(trigger: TriggerSettings) -> Binding | None:
    try:
        return read(trigger)
    except Unreadable as error:
        _LOG.warning("trigger %s/%s fires nothing: %s", trigger.function, trigger.name, error)
        return None


def read(trigger: TriggerSettings) -> Binding | None:
    """Return the binding of a trigger; None if this runtime does not fire it.

    Raises:
        Unreadable: Its configuration is broken.
    """
    read_kind = _KINDS.get(trigger.kind)
    if read_kind is None:
        return None
    source_arn = str(trigger.settings.get("sourceArn") or "")
    config = str(trigger.settings.get("triggerConfig") or "{}")
    try:
        return read_kind(trigger, source_arn, config)
    except (msgspec.DecodeError, triggers.UnreadableTrigger) as error:
        raise Unreadable(f"triggerConfig: {error}") from error
    except (timers.InvalidTimer, oss.InvalidOssTrigger) as error:
        raise Unreadable(str(error)) from error


def _timer(trigger: TriggerSettings, _: str, config: str) -> Binding:
    settings = timers.read(config)
    source = TimerSource(
        expression=settings.cron_expression,
        schedule=timers.parse(settings.cron_expression),
        payload=settings.payload,
        since=trigger.modified_at,
        # With the configuration: a virtual clock may stand still between two changes.
        revision=f"{trigger.trigger_id}.{trigger.modified_at}.{zlib.crc32(config.encode()):08x}",
    )
    return _binding(trigger, source, enabled=settings.enable)


def _oss(trigger: TriggerSettings, source_arn: str, config: str) -> Binding:
    return _binding(trigger, oss.read(source_arn, config))


def _topic(trigger: TriggerSettings, source_arn: str, config: str) -> Binding:
    topic = triggers.topic(source_arn)
    if topic is None:
        raise Unreadable(
            f"sourceArn {source_arn!r}: acs:mns:{{region}}:{{account}}:/topics/{{name}}"
        )
    source = msgspec.structs.replace(
        msgspec.json.decode(config, type=TopicSource), topic=topic.name
    )
    return _binding(trigger, source)


def _eventbridge(trigger: TriggerSettings, source_arn: str, config: str) -> Binding | None:
    read_config = msgspec.json.decode(config, type=_EventBridgeConfig)
    source = _source(config, source_arn, read_config.event_rule_filter_pattern)
    if source is None:
        return None
    options = read_config.run_options
    window = options.batch_window
    streaming = options.mode == "event-streaming"
    tolerant = options.errors_tolerance == "ALL"
    return _binding(
        trigger,
        source,
        asynchronous=read_config.async_invocation_type,
        batch=window.count_based_window if streaming else None,
        window_ms=window.time_based_window * 1_000 if streaming else 0,
        strategy=options.retry_strategy.push_retry_strategy,
        tolerant=tolerant,
        # The service uses the queue only if it may give up (user guide, "Advanced trigger
        # features").
        dead_letter=options.dead_letter_queue.arn if tolerant else "",
        enabled=read_config.trigger_enable,
    )


def _source(
    config: str, source_arn: str, pattern: str
) -> QueueSource | RocketMqSource | BusSource | None:
    # First: the type of the source belongs to it. A trigger with a source and a bus was read in two
    # ways before (docs/decisions/triggers.md, 0073).
    event_source = triggers.event_source(config)
    if event_source is not None:
        kind, parameters = event_source
        if kind == "mns-queue":
            return msgspec.convert(parameters, QueueSource)
        return msgspec.convert(parameters, RocketMqSource)
    bus = triggers.bus(source_arn)
    if bus is None and not triggers.reads_default_bus(config):
        return None
    return BusSource(bus=bus.name if bus else limits.DEFAULT_EVENT_BUS, pattern=pattern)


def _binding(trigger: TriggerSettings, source: Source, **fields: Any) -> Binding:
    return Binding(
        function=trigger.function,
        trigger=trigger.name,
        qualifier=trigger.qualifier,
        source=source,
        **fields,
    )


_KINDS: Final[Mapping[str, Callable[[TriggerSettings, str, str], Binding | None]]] = {
    "timer": _timer,
    "oss": _oss,
    "mns_topic": _topic,
    "eventbridge": _eventbridge,
}
"""Readers of the settings, by ``triggerType``; HTTP triggers do not fire here."""


def queue_event(
    message: MnsMessage,
    binding: Binding,
    source: QueueSource,
    account: Account,
    now: int,
) -> dict[str, Any]:
    """Return the event for a message of a queue."""
    body = _decoded(message.body) if source.is_base64_decode else message.body
    occurred = events.Occurred(
        message.message_id, message.enqueued_at, now, events.bus_of("MNS", binding.trigger)
    )
    return events.mns_queue(source.queue_name, body, occurred, origin(account))


def rocketmq_event(
    pending: Pending,
    binding: Binding,
    source: RocketMqSource,
    account: Account,
    now: int,
) -> dict[str, Any]:
    """Return the event for a message of a RocketMQ topic."""
    message = pending.message
    pairs: dict[str, str] = {}
    for pair in message.properties.split("|"):
        name, colon, value = pair.partition(":")
        if colon:
            pairs[name] = value
    keys = pairs.pop("KEYS", "")
    occurred = events.Occurred(
        message.message_id, message.published_at, now, events.bus_of("RocketMQ", binding.trigger)
    )
    return events.rocketmq(
        source.instance_id,
        source.topic,
        message.body,
        occurred,
        origin(account),
        tag=message.tag,
        keys=keys,
        properties=pairs,
    )


def origin(account: Account) -> events.Origin:
    """Return region and account of the sources here."""
    return events.Origin(account.region, account.account_id)


def encode(documents: Sequence[dict[str, Any]], *, batched: bool) -> bytes:
    """Return the input of the function: a list of events, or the only event."""
    return events.encode(list(documents) if batched else documents[0])


def cut(messages: Sequence[Document], limit: int) -> list[list[int]]:
    """Return the batches of messages that are within a limit, by their places in the list.

    A batch ends where the next message would exceed the limit. A message that exceeds it alone is
    a batch, too.

    Args:
        messages: The events.
        limit: Of a payload, in bytes.
    """
    batches: list[list[int]] = []
    size = limit
    for index, message in enumerate(messages):
        length = len(events.encode(message)) + 1  # a comma or a bracket
        if not batches or size + length > limit:
            batches.append([])
            size = 1
        batches[-1].append(index)
        size += length
    return batches


def _decoded(body: str) -> str:
    """Return the text behind base64; a text that is not base64 stays as it is."""
    try:
        return base64.b64decode(body, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return body
