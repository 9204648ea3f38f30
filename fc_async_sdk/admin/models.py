# SPDX-License-Identifier: MIT
"""The answers of the admin API as frozen, typed structs. Times are milliseconds since the epoch.

The runtime encodes these structs, clients decode them, and its OpenAPI document describes them.

Invariants:

- An attribute without a default is in each answer. One with a default is left out if it has it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fc_async_sdk._decoding import prepare

PREFIX: Final = "/_local"
"""What the paths of the admin API begin with."""

# --- the runtime ------------------------------------------------------------------------------


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """The URLs of a runtime, with its account, region, data folder and process."""

    fc: str
    console: str
    mns: str
    rocketmq: str
    eventbridge: str
    account_id: str
    region: str
    data: str
    pid: int


class Health(Addresses, frozen=True, kw_only=True):
    """The answer of a runtime whose store answers."""

    status: str


prepare(Addresses, Health)
