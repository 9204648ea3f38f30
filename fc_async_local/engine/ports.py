# SPDX-License-Identifier: MIT
"""Everything that the parts of the engine share: the ports they work through.

Data only. :mod:`fc_async_local.bootstrap.runtime` chooses the implementations of the ports.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from fc_async_local.domain.jobs import DELIVERY
from fc_async_local.store.job_runner import topic_of

if TYPE_CHECKING:
    import random

    from fc_async_local.clock import Clock
    from fc_async_local.domain.rules import Rules
    from fc_async_local.domain.settlement import Settler
    from fc_async_local.engine.protocol import Registry
    from fc_async_local.execution.protocol import FunctionRunner
    from fc_async_local.settings import EngineSettings
    from fc_async_local.store.protocol import Store
    from fc_async_local.wakeups import Wakeups

INVOCATIONS: Final = "invocations"
"""Topic of wake-ups: an invocation may be claimed."""

DELIVERIES: Final = topic_of(DELIVERY)
"""Topic of wake-ups: a delivery may be claimed."""


class Point(enum.Enum):
    """The moments between two durable steps: where a crash would hurt most."""

    ACCEPTED = "accepted"
    """The invocation is in the store, the caller doesn't know yet."""
    CLAIMED = "claimed"
    """It is held by this node, nothing has run."""
    RAN = "ran"
    """The function came to its end, the store doesn't know yet."""
    SETTLED = "settled"
    """The outcome is in the store, no destination has it yet."""
    DELIVERED = "delivered"
    """The destination has the event, the store doesn't know yet."""


Probe = Callable[[Point, str], None]
"""Told of each point with the request id, at once and in the event loop. For crash tests."""


def no_probe(point: Point, request_id: str, /) -> None:
    """Watches nothing."""


@dataclasses.dataclass(frozen=True)
class Ports:
    """What the engine works through.

    Attributes:
        node_id: Who holds the claims; the same after a restart lets the node take back at once
            what it held.
        settler: Turns decisions into what is written.
        wakeups: Tells of work that this node or another one has written.
        random: Makes request ids and picks versions of weighted aliases.
    """

    store: Store
    registry: Registry
    runner: FunctionRunner
    clock: Clock
    rules: Rules
    settings: EngineSettings
    settler: Settler
    node_id: str
    random: random.Random
    wakeups: Wakeups
    probe: Probe = no_probe
