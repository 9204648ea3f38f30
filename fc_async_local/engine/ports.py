# SPDX-License-Identifier: MIT
"""The ports of the engine, and what it answers to its callers.

:mod:`fc_async_local.bootstrap.runtime` chooses the implementations of the ports.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

from fc_async_local.domain.invocation import DELIVERY
from fc_async_local.store.job_runner import topic_of

if TYPE_CHECKING:
    import random

    from fc_async_local.clock import Clock
    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.domain.pausing import Pause
    from fc_async_local.domain.rules import Rules
    from fc_async_local.domain.settlement import Settler
    from fc_async_local.engine.feed import Feed
    from fc_async_local.execution.protocol import Deployment, FunctionRunner
    from fc_async_local.settings import EngineSettings
    from fc_async_local.store.protocol import Store
    from fc_async_local.wakeups import Wakeups
    from fc_async_sdk.models import AsyncConfig


class InvocationTarget(NamedTuple):
    """The deployment of an invocation, and the asynchronous configuration of its qualifier."""

    deployment: Deployment
    config: AsyncConfig | None


class Registry(Protocol):
    """Functions and their configuration, as the engine reads them."""

    async def deployment(self, function: str, qualifier: str, *, roll: float) -> Deployment:
        """Return the deployment of a qualifier.

        Args:
            function: Function name.
            qualifier: LATEST, version or alias.
            roll: A number in [0, 1) that picks the version of a weighted alias.

        Raises:
            Rejected: 404 FunctionNotFound, AliasNotFound or VersionNotFound; 403
                FunctionInvocationDisabled.
        """
        ...

    async def async_config(self, function: str, qualifier: str) -> AsyncConfig | None:
        """Return the configuration of exactly this qualifier, or None."""
        ...

    async def pause(self, function: str, *, known: bool = False) -> Pause | None:
        """Return the state of a function that was paused, None for all others.

        Args:
            function: Function name.
            known: As the configuration was read last: the caller has just read another part of it.
        """
        ...

    async def end_pause(self, function: str) -> None:
        """Forget that a function was paused, if it was resumed since."""
        ...

    async def prune_code(self, *, used_before: int) -> int:
        """Delete code that no function has used since a time; return how many archives."""
        ...

    async def target(self, function: str, qualifier: str, *, roll: float) -> InvocationTarget:
        """Return both, with the errors of :meth:`deployment`."""
        deployment = await self.deployment(function, qualifier, roll=roll)
        return InvocationTarget(deployment, await self.async_config(function, qualifier))


class Accepted(msgspec.Struct, frozen=True):
    """The answer to an accepted asynchronous call."""

    request_id: str
    task_id: str


class Answered(NamedTuple):
    """The answer to a synchronous call."""

    request_id: str
    outcome: Outcome


INVOCATIONS: Final = "invocations"
"""Topic of wake-ups: an invocation may be claimed."""

DELIVERIES: Final = topic_of(DELIVERY)
"""Topic of wake-ups: a delivery may be claimed."""


PARKED: Final = "parked"
"""Topic of wake-ups: an invocation may be parked whose function is not paused."""


class Point(enum.Enum):
    """The points between two durable steps, at which crash tests end the process."""

    ACCEPTED = "accepted"
    """The invocation is stored; the caller has no answer yet."""
    CLAIMED = "claimed"
    """This node has claimed it; the function has not run."""
    RAN = "ran"
    """The function has ended; the outcome is not stored yet."""
    SETTLED = "settled"
    """The outcome is stored; the event is not delivered yet."""
    DELIVERED = "delivered"
    """The destination has the event; that is not stored yet."""


Probe = Callable[[Point, str], None]
"""Called at each point with the request id, in the event loop."""


def no_probe(point: Point, request_id: str, /) -> None:
    """Ignore a point."""


@dataclasses.dataclass(frozen=True)
class Ports:
    """The ports of the engine.

    Attributes:
        node_id: Owner of the claims. If it is the same after a restart, the node releases its old
            claims at once.
        settler: Turns decisions into what is written.
        wakeups: Tells of work that this node or another one has written.
        random: Makes request ids and picks versions of weighted aliases.
        feed: Is told each step of each invocation.
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
    feed: Feed
    probe: Probe = no_probe
