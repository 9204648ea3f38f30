# SPDX-License-Identifier: MIT
"""Validates asynchronous configurations as the service does, and describes them as its API does.

Pure. Destinations are checked for what every delivery would refuse: their form, their names, the
default event bus and RocketMQ 5.x. Whether a queue or function exists is found out by the delivery,
as with the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.functions import refusals
from fc_async_local.functions.records import rfc3339
from fc_async_local.services.eventbridge import service as eventbridge
from fc_async_local.services.eventbridge.model import EventBridgeError
from fc_async_local.services.mns.errors import MnsError
from fc_async_local.services.mns.model import check_name
from fc_async_local.services.rocketmq import service as rocketmq
from fc_async_local.services.rocketmq.model import RocketMqError
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import arn, async_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fc_async_local.domain.rules import Place
    from fc_async_local.functions.records import AsyncConfigRecord


def check(body: Mapping[str, Any]) -> AsyncConfig:
    """Return the configuration of a PutAsyncInvokeConfig request; only what was set.

    Keys that the operation does not have are ignored, as by the service.

    Raises:
        Rejected: 400 InvalidArgument or InvalidDestinationResources.
    """
    given = {k: body[k] for k in async_config.FIELDS if body.get(k) is not None}
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
    """Yield every destination of a configuration, with the name of its field.

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
    """Refuse a destination that no delivery can reach, by the rules of its service."""
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
    """Return a configuration in the form of the API: what was set, its ARN and its times."""
    return {
        **record.config.to_dict(),
        "functionArn": place.function_arn(record.function, record.qualifier),
        "createdTime": rfc3339(record.created_at),
        "lastModifiedTime": rfc3339(record.modified_at),
    }
