# SPDX-License-Identifier: MIT
"""Explains the backlog of a function: the facts of this runtime, judged by ``spec.backlog``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.api.operation import local
from fc_async_local.domain import policy
from fc_async_local.domain.metrics import WHOLE, counted_under, series
from fc_async_local.store.protocol import MetricQuery
from fc_async_local.store.steps import minute
from fc_async_sdk._pacing import hop
from fc_async_sdk.spec import backlog as spec
from fc_async_sdk.spec import limits, metrics

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.engine.feed import Feed
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.settings import Settings
    from fc_async_local.store.protocol import Store
    from fc_async_sdk.admin.models import Step

_MINUTES: Final = 5
"""Ours: the minutes that rates are counted over, with the current one."""
_COUNTED: Final = 100_000
"""Largest number of waiting calls whose classes are counted; an answer must not take longer."""
_REASONS: Final = 3
_NEARLY_ALL: Final = 0.99
"""Share of the accepted calls that the feed must have: it has the newest a moment later."""
_EXECUTED: Final = frozenset(kind.value for kind in policy.EXECUTED)
_LEVELS: Final = (metrics.BACKLOG, metrics.IN_PROCESS)
_SUMS: Final = (
    metrics.ENQUEUED,
    metrics.DEQUEUED,
    metrics.THROTTLES,
    metrics.RESOURCE_THROTTLES,
    metrics.SERVER_ERRORS,
)


class BacklogAdmin:
    """Says why calls wait.

    Args:
        store: What waits, and what was counted.
        registry: The limits of functions.
        feed: The latest executions.
        clock: The time of the runtime.
        settings: The limits of the runtime.
    """

    def __init__(
        self,
        store: Store,
        registry: FunctionRegistry,
        feed: Feed,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._store = store
        self._registry = registry
        self._feed = feed
        self._clock = clock
        self._settings = settings

    @local("GET", "/functions/{function}/backlog")
    async def backlog(self, function: str) -> spec.Explanation:
        """Explain why calls of a function wait, what limits them and when they will have run."""
        return spec.explain(await self._facts(function))

    async def _facts(self, function: str) -> spec.Backlog:
        ceilings = await self._ceilings(function)
        now = self._clock.now()
        begin = minute(now) - (_MINUTES - 1) * spec.MINUTE_MS
        counted = await self._counted(function, _SUMS, begin)
        levels = await self._counted(function, _LEVELS, None)
        seen = _seen(self._feed.after(0), function, begin)
        arrivals = round(counted.get(metrics.ENQUEUED, 0))
        # The feed has neither what it has dropped, nor what was before a restart or on other nodes.
        pause = await self._registry.pauses.find(function)
        sees_all = seen.accepted >= arrivals * _NEARLY_ALL
        return spec.Backlog(
            function=function,
            now=now,
            running=round(levels.get(metrics.IN_PROCESS, 0)),
            waiting=await self._waiting(function, round(levels.get(metrics.BACKLOG, 0)), now),
            traffic=spec.Traffic(
                seconds=max(1, (now - begin) // 1_000),
                arrivals=arrivals,
                ends=round(counted.get(metrics.DEQUEUED, 0)),
                hops=seen.hops if sees_all else None,
                throttles=round(counted.get(metrics.THROTTLES, 0)),
                resource_throttles=round(counted.get(metrics.RESOURCE_THROTTLES, 0)),
                system_errors=round(counted.get(metrics.SERVER_ERRORS, 0)),
                reasons=seen.reasons,
            ),
            durations=spec.durations_of(seen.durations),
            ceilings=ceilings,
            paused_since=pause.since if pause is not None and pause.holds else None,
        )

    async def _ceilings(self, function: str) -> spec.Ceilings:
        """Return the limits that hold now.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        snapshot = await self._registry.snapshot()
        concurrency = snapshot.function(function).settings.get("instanceConcurrency")
        reserved = snapshot.concurrency(function)
        return spec.Ceilings(
            instance_concurrency=concurrency or limits.INSTANCE_CONCURRENCY.default,
            reserved=None if reserved is None else reserved.reserved,
            quota=self._settings.execution.account_instances,
            in_flight=self._settings.engine.max_in_flight,
        )

    async def _counted(
        self,
        function: str,
        names: Collection[str],
        begin: int | None,
    ) -> Mapping[str, float]:
        """Return values by metric, since a time or, of levels, as of now."""
        query = MetricQuery(
            function=function,
            metrics=counted_under(names),
            start=begin,
        )
        samples = await self._store.metrics(query)
        return {each.metric: each.value for each in series(samples, (), WHOLE)}

    async def _waiting(
        self,
        function: str,
        total: int,
        now: int,
    ) -> spec.Waiting:
        classes = await self._store.waiting(function, now=now, most=_COUNTED)
        numbers = {name: count.number for name, count in classes.items()}
        listed = sum(numbers.values())
        # Those of a paused function come last in their own time, which is the end of their age.
        running = [count.last_due_at for name, count in classes.items() if name != "paused"]
        return spec.Waiting(
            # The metric is exact and covers all; it lags by what changed since it was read.
            total=max(total, listed) if listed >= _COUNTED else listed,
            due=numbers.get("due", 0),
            delayed=numbers.get("delayed", 0),
            hops=numbers.get("hops", 0),
            errors=numbers.get("errors", 0),
            throttled=numbers.get("throttled", 0),
            paused=numbers.get("paused", 0),
            last_due_at=max(running, default=None),
            bounded=listed >= _COUNTED,
        )


class _Seen(NamedTuple):
    """Steps of a function in the feed, summed up.

    Attributes:
        accepted: Calls that were accepted.
        durations: Of executions that were not hops, in milliseconds.
        hops: Deliveries that only sent a message on.
        reasons: Why handlers sent messages back, the most frequent first.
    """

    accepted: int
    durations: list[int]
    hops: int
    reasons: tuple[str, ...]


def _seen(steps: Sequence[Step], function: str, begin: int) -> _Seen:
    accepted = 0
    durations = []
    hops = 0
    reasons: Counter[str] = Counter()
    for step in steps:
        if step.function != function or step.at < begin:
            continue
        if step.kind == "accepted":
            accepted += 1
        if step.kind != "ended" or step.outcome not in _EXECUTED:
            continue
        sent = hop.sent(step.result.encode())
        if sent is None:
            durations.append(step.duration_ms)
            continue
        hops += 1
        if sent.handled:
            reasons[sent.reason or "no reason was given"] += 1
    named = tuple(
        f"{reason} ({number} of {hops})" for reason, number in reasons.most_common(_REASONS)
    )
    return _Seen(accepted, durations, hops, named)
