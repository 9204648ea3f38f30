# SPDX-License-Identifier: MIT
"""What the service takes as an asynchronous configuration, and what it answers about one.

Pure. The *format* of destinations is checked and nothing else: whether a queue or function exists
shows when something is delivered, as with the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.catalog import fields, refusals
from fc_async_local.catalog.times import rfc3339
from fc_async_sdk import arn, limits
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.models import AsyncConfig, Destination, DestinationConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.catalog.records import AsyncConfigRecord

_ROCKETMQ_5_PREFIX: Final = "rmq-"


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
    _check_destinations(config.destination_config)
    return config


def _check_range(name: str, value: int | None, allowed: limits.Range) -> None:
    if value is not None and value not in allowed:
        raise refusals.invalid_argument(
            f"{name} must be between {allowed.low} and {allowed.high}, got {value}"
        )


def _check_destinations(config: DestinationConfig | None) -> None:
    if config is None:
        return
    for name, destination in (("onSuccess", config.on_success), ("onFailure", config.on_failure)):
        if destination is not None:
            _check_destination(f"destinationConfig.{name}.destination", destination)


def _check_destination(name: str, destination: Destination) -> None:
    text = destination.destination
    if not text:
        raise refusals.invalid_destination(f"{name} can't be empty")
    try:
        target = arn.parse(text)
    except InvalidArn as error:
        raise refusals.invalid_destination(f"{name}: {error}") from None
    if isinstance(target, arn.RocketMqTopicArn) and target.instance_id.startswith(
        _ROCKETMQ_5_PREFIX
    ):
        raise refusals.invalid_destination(
            f"{name}: instance {target.instance_id!r} is of RocketMQ 5.x; "
            "only instances of the 4.0 series can be a destination"
        )


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
