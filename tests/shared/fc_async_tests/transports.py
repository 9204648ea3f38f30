# SPDX-License-Identifier: MIT
"""Chooses how the SDK sends bulk calls, as a machine without httptools or without aiohttp does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_sdk import transport

if TYPE_CHECKING:
    import pytest

    from fc_async_sdk.transport.loop import LoopTransport


def choose(patch: pytest.MonkeyPatch, chosen: type[LoopTransport] | None) -> None:
    """Send light calls by a transport; by threads if it is None."""
    patch.setattr(transport, "for_light_calls", lambda *_: chosen)
