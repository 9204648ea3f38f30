# SPDX-License-Identifier: MIT
"""Arithmetic, booking and messages of paces; :mod:`fc_async_sdk.pacing` is what users import."""

from fc_async_sdk._pacing.gcra import Slots
from fc_async_sdk._pacing.pace import BasePace, Forecast
from fc_async_sdk._pacing.sending import Run, async_paced, check_delay, paced

__all__ = ["BasePace", "Forecast", "Run", "Slots", "async_paced", "check_delay", "paced"]
