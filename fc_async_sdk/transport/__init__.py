# SPDX-License-Identifier: MIT
"""Sends a :class:`~fc_async_sdk.operations.Call`, over requests or on an event loop.

What is signed, what is repeated and what a failure means is the same for all transports; those
modules do no I/O.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from fc_async_sdk.transport.common import proxy

if TYPE_CHECKING:
    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.transport.loop import LoopTransport

__all__ = ["for_light_calls"]


def for_light_calls(endpoint: Endpoint, config: Config) -> type[LoopTransport] | None:
    """Return the fastest transport that is installed and can reach an endpoint, or None.

    It opens no connection. Light calls are :attr:`fc_async_sdk.operations.Call.light`.
    """
    installed = importlib.util.find_spec
    if installed("httptools") is not None and proxy(endpoint, config) is None:
        from fc_async_sdk.transport.bulk import BulkTransport  # noqa: PLC0415 -- an extra

        return BulkTransport
    if installed("aiohttp") is not None:
        from fc_async_sdk.transport.aio import AioTransport  # noqa: PLC0415 -- an extra

        return AioTransport
    return None
