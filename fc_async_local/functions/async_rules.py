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
from fc_async_local.functions.times import rfc3339
from fc_async_local.services.eventbridge import service as eventbridge
from fc_async_local.services.eventbridge.errors import EventBridgeError
from fc_async_local.services.mns import queue
from fc_async_local.services.mns.errors import MnsError
from fc_async_local.services.rocketmq import service as rocketmq
from fc_async_local.services.rocketmq.errors import RocketMqError
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import arn, limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fc_async_local.functions.records import AsyncConfigRecord


def check(body: Mapping[str, Any]) -> AsyncConfig:
    """The configuration that a PutAsyncInvokeConfig asks for; only what was set.

    Keys that the operation doesn't know are ignored, as the service does.

    Raises:
        Rejected: 400 InvalidArgument or InvalidDestinationResources.
    """
    given = {k: body[k] for k in fields.ASYNC_CONFIG if body.get(k) is not None}
    try:
        config = msgspec.convert(given, AsyncConfig)
    except msgspec.ValidationError as error:
        raise refusals.invalid_argument(str(error)) from None
    _check_range("maxAsyncRetryAttempts", config.max_async_retry_attempts, limits.RETRY_ATTEMPTS)
    _check_range(
        "maxAsyncEventAgeInSeconds",
        config.max_async_event_age_in_seconds,
        limits.EVENT_AGE_SECONDS,
    )
    for name, target in destinations(config):
        _check_destination(name, target)
    return config


def _check_range(name: str, value: int | None, allowed: limits.Range) -> None:
    if value is not None and value not in allowed:
        raise refusals.invalid_argument(
            f"{name} must be between {allowed.low} and {allowed.high}, got {value}"
        )


def destinations(config: AsyncConfig) -> Iterator[tuple[str, arn.DestinationArn]]:
    """Every destination of a configuration, with the name of its field.

    Raises:
        Rejected: 400 InvalidDestinationResources: one is not the ARN of a possible destination.
    """
    given = config.destination_config
    outcomes = (("onSuccess", given.on_success), ("onFailure", given.on_failure)) if given else ()
    for outcome, destination in outcomes:
        if destination is None:
            continue
        name = f"destinationConfig.{outcome}.destination"
        if not destination.destination:
            raise refusals.invalid_destination(f"{name} can't be empty")
        try:
            yield name, arn.parse(destination.destination)
        except InvalidArn as error:
            raise refusals.invalid_destination(f"{name}: {error}") from None


def _check_destination(name: str, target: arn.DestinationArn) -> None:
    """Refuse what no delivery could ever reach, by the rules of the service that it belongs to."""
    try:
        match target:
            case arn.MnsQueueArn():
                queue.check_name(target.queue)
            case arn.MnsTopicArn():
                queue.check_name(target.topic, kind="Topic")
            case arn.EventBusArn(bus=limits.DEFAULT_EVENT_BUS):
                raise refusals.invalid_destination(
                    f"{name}: the default event bus takes events of cloud services only; name a "
                    "custom event bus"
                )
            case arn.EventBusArn():
                eventbridge.check_name("event bus", target.bus)
            case arn.RocketMqTopicArn():
                rocketmq.check_topic(target.instance_id, target.topic)
    except (MnsError, EventBridgeError, RocketMqError) as error:
        raise refusals.invalid_destination(f"{name}: {error.message}") from None


def describe(record: AsyncConfigRecord, *, region: str, account: str) -> dict[str, Any]:
    """A configuration as the API answers it: what was set, its ARN and its times."""
    target = arn.FunctionArn(
        region=region, account_id=account, function=record.function, qualifier=record.qualifier
    )
    return {
        **record.config.to_dict(),
        "functionArn": str(target),
        "createdTime": rfc3339(record.created_at),
        "lastModifiedTime": rfc3339(record.modified_at),
    }
