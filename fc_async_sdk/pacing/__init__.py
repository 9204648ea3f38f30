# SPDX-License-Identifier: MIT
"""Sending as fast as the other side allows, and no faster.

A :class:`Pace` gives each message a slot, which becomes its delay::

    crm = Pace("crm", "25/s", store=RedisStore(redis.Redis(host=os.environ["REDIS_HOST"])))
    client.function("sync-contact", pace=crm).map(contacts)

Invariants:

- The bounds of a pace hold for all its senders together, because they share its store.
- Nothing is sent before its slot is booked.
"""

from fc_async_sdk.pacing.gcra import Slots
from fc_async_sdk.pacing.pace import Forecast, Pace
from fc_async_sdk.pacing.sending import Run, async_paced, check_delay, paced

__all__ = ["Forecast", "Pace", "Run", "Slots", "async_paced", "check_delay", "paced"]
