# SPDX-License-Identifier: MIT
"""Decides whether the failed events of a function belong to a queue, topic or bus. Pure.

A message says of itself which function it is about. The configuration of the function says where
its events go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_sdk.models import AsyncConfig
    from fc_async_sdk.spec.arn import DestinationArn


def sends_failures_to(
    configs: Iterable[AsyncConfig],
    channel: DestinationArn,
    *,
    region: str = "",
    account_id: str = "",
) -> bool:
    """Return whether a failure destination of a function is a queue, topic or bus.

    Args:
        configs: The configurations of the function, of all qualifiers.
        channel: The queue, topic or bus.
        region: Region of the function, which a destination without one has. "" compares no region,
            as a local runtime does.
        account_id: The same of the account.
    """
    return any(
        _is_channel(config.on_failure, channel, region, account_id)
        for config in configs
        if config.on_failure
    )


def _is_channel(
    text: str,
    channel: DestinationArn,
    region: str,
    account_id: str,
) -> bool:
    try:
        destination = arn.parse(text)
    except InvalidArn:
        return False
    if destination.kind != channel.kind:
        return False
    return _known(destination, region, account_id) == _known(channel, region, account_id)


def _known(name: DestinationArn, region: str, account_id: str) -> DestinationArn:
    """Return a name with the region and account that are compared."""
    if not region:
        name = msgspec.structs.replace(name, region="")
    if not account_id:
        name = msgspec.structs.replace(name, account_id="")
    return name.resolve(region=region, account_id=account_id)
