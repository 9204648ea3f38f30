# SPDX-License-Identifier: MIT
"""What the service takes as an asynchronous configuration, and what it answers about one.

Pure. Destinations are checked for what delivery would refuse whatever happens until then: their
form, their names, the default event bus and RocketMQ 5.x. Whether a queue or function exists shows
when something is delivered, as with the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.functions import fields, refusals
from fc_async_local.functions.records import rfc3339
from fc_async_local.services.eventbridge import service as eventbridge
from fc_async_local.services.eventbridge.errors import EventBridgeError
from fc_async_local.services.mns.errors import MnsError
from fc_async_local.services.mns.model import check_name
from fc_async_local.services.rocketmq import service as rocketmq
from fc_async_local.services.rocketmq.errors import RocketMqError
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import arn, async_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fc_async_local.domain.rules import Place
    from fc_async_local.functions.records import AsyncConfigRecord


def check(body: Mapping[str, Any]) -> AsyncConfig:
    """The configuration that a PutAsyncInvokeConfig asks for; only what was set.

    Keys that the operation doesn't know are ignored, as the service does.

    Raises:
        Rejected: 400 InvalidArgument or InvalidDestinationResources.
    """
    given = {k: body[k] for k in fields.ASYNC_CONFIG if body.get(k) is not None}
    for violation in async_config.check(given):
        if violation.what == "no-destination":
            raise refusals.invalid_destination(violation.message)
        if violation.what != "unknown-key":
            raise refusals.invalid_argument(violation.message)
    config = msgspec.convert(given, AsyncConfig)
    for name, target in destinations(config):
        _check_destination(name, target)
    return config


def destinations(config: AsyncConfig) -> Iterator[tuple[str, arn.DestinationArn]]:
    """Every destination of a configuration, with the name of its field.

    Raises:
        Rejected: 400 InvalidDestinationResources: one is not the ARN of a possible destination.
    """
    fields_of = {outcome: field for field, outcome in async_config.OUTCOMES}
    for outcome, text in config.destinations:
        name = f"destinationConfig.{fields_of[outcome]}.destination"
        try:
            yield name, arn.parse(text)
        except InvalidArn as error:
            raise refusals.invalid_destination(f"{name}: {error}") from None


def _check_destination(name: str, target: arn.DestinationArn) -> None:
    """Refuse what no delivery could ever reach, by the rules of the service that it belongs to."""
    try:
        match target:
            case arn.MnsQueueArn():
                check_name(target.queue)
            case arn.MnsTopicArn():
                check_name(target.topic, kind="Topic")
            case arn.EventBusArn():
                if reason := async_config.refused_bus(target.bus):
                    raise refusals.invalid_destination(f"{name}: {reason}")
                eventbridge.check_name("event bus", target.bus)
            case arn.RocketMqTopicArn():
                rocketmq.check_topic(target.instance_id, target.topic)
    except (MnsError, EventBridgeError, RocketMqError) as error:
        raise refusals.invalid_destination(f"{name}: {error.message}") from None


def describe(record: AsyncConfigRecord, place: Place) -> dict[str, Any]:
    """A configuration as the API answers it: what was set, its ARN and its times."""
    return {
        **record.config.to_dict(),
        "functionArn": place.function_arn(record.function, record.qualifier),
        "createdTime": rfc3339(record.created_at),
        "lastModifiedTime": rfc3339(record.modified_at),
    }
