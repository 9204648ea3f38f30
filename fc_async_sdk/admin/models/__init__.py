# SPDX-License-Identifier: MIT
"""The answers of the admin API as frozen, typed structs. Times are milliseconds since the epoch.

The runtime encodes these structs, clients decode them, and its OpenAPI document describes them.
Each resource has a module; all names are here as well.

Invariants:

- An attribute without a default is in each answer. One with a default is left out if it has it.
"""

# ruff: noqa: F403 -- a list of all names would say once more what the modules declare

from __future__ import annotations

import msgspec

from fc_async_sdk._decoding import prepare
from fc_async_sdk.admin.models.deliveries import *
from fc_async_sdk.admin.models.functions import *
from fc_async_sdk.admin.models.runtime import *
from fc_async_sdk.admin.models.tasks import *
from fc_async_sdk.admin.models.triggers import *

prepare(
    *(
        model
        for model in tuple(globals().values())
        if isinstance(model, type) and issubclass(model, msgspec.Struct)
    )
)
