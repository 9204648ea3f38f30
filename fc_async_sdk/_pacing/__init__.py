# SPDX-License-Identifier: MIT
"""Arithmetic, booking and messages of paces, and what clients need to send at a pace.

This package is the lower floor of pacing; :mod:`fc_async_sdk.pacing` is the upper floor, which
users import. It cannot be the same package: the wrapper of a handler makes a client to send a
message again, and clients need what is here.
"""

from fc_async_sdk._pacing.gcra import Slots
from fc_async_sdk._pacing.pace import BasePace, Forecast
from fc_async_sdk._pacing.sending import (
    Paced,
    Run,
    Taken,
    async_send_paced,
    check_delay,
    paced,
    send_paced,
)

__all__ = [
    "BasePace",
    "Forecast",
    "Paced",
    "Run",
    "Slots",
    "Taken",
    "async_send_paced",
    "check_delay",
    "paced",
    "send_paced",
]
