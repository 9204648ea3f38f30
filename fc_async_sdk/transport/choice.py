# SPDX-License-Identifier: MIT
"""Chooses the transport for light calls; opens no connection."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from fc_async_sdk.transport import environment

if TYPE_CHECKING:
    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.transport.loop import LoopTransport


def for_light_calls(endpoint: Endpoint, config: Config) -> type[LoopTransport] | None:
    """The fastest that is installed and can reach the endpoint; None if there is none.

    Light calls are :attr:`fc_async_sdk.operations.Call.light`.
    """
    installed = importlib.util.find_spec
    if installed("httptools") is not None and environment.proxy(endpoint, config) is None:
        from fc_async_sdk.transport.bulk import BulkTransport  # noqa: PLC0415 -- an extra

        return BulkTransport
    if installed("aiohttp") is not None:
        from fc_async_sdk.transport.aio import AioTransport  # noqa: PLC0415 -- an extra

        return AioTransport
    return None
