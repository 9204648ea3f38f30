# SPDX-License-Identifier: MIT
"""Turns what stores have counted into the metrics that CloudMonitor shows. Pure.

A store adds up what happened by metric, function and minute: a sum, how many additions there were,
and the largest of them. It counts what is in process as changes, +1 for a claim and -1 for its end.

Invariants:
    Levels are computed, never sampled: the number of invocations in process is the sum of all
    changes before a time, and the backlog is what was accepted without what has ended and what is
    in process. So they are exact on every node, and on virtual time.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk.spec import metrics

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

PARTS: Final = frozenset({metrics.ENQUEUED, metrics.DEQUEUED, metrics.IN_PROCESS})
"""Counted metrics that the levels are computed from: their sums up to a time."""

_BACKLOG: Final = {
    metrics.ENQUEUED: 1,
    metrics.DEQUEUED: -1,
    metrics.IN_PROCESS: -1,
}
_IN_PROCESS: Final = {metrics.IN_PROCESS: 1}
_LEVELS: Final = {
    metrics.BACKLOG: _BACKLOG,
    metrics.IN_PROCESS: _IN_PROCESS,
}
_FROM: Final = {metrics.LATENCY_MAXIMUM: metrics.LATENCY_AVERAGE}
"""Metrics that are read from what was counted under another name."""


class DeliveryRoute(NamedTuple):
    """Key of counted deliveries besides their function.

    Attributes:
        function: Function name.
        qualifier: Of its configuration.
        outcome: ``success`` or ``failure``.
        destination: ARN, with region and account filled in.
    """

    function: str
    qualifier: str
    outcome: str
    destination: str

    def name(self, metric: str) -> str:
        """Return the name that a metric of this route is counted under."""
        return f"{metric} {self.qualifier} {self.outcome} {self.destination}"


class Sample(NamedTuple):
    """Values of one metric of one function in one period.

    Attributes:
        metric: The name that it was counted under.
        function: Function name.
        at: When the period begins, in milliseconds since the epoch.
        total: The sum of what was added.
        number: How many additions there were.
        largest: The largest addition.
    """

    metric: str
    function: str
    at: int
    total: int
    number: int
    largest: int

    def plus(self, other: Sample) -> Sample:
        """Return the sample of both, which are of the same metric, function and period."""
        return Sample(
            *self[:3],
            self.total + other.total,
            self.number + other.number,
            max(self.largest, other.largest),
        )


class Point(NamedTuple):
    """The value of one period that begins at a time."""

    at: int
    value: float


class Series(NamedTuple):
    """One metric of one function over a span of time.

    Attributes:
        metric: A name of :data:`fc_async_sdk.spec.metrics.METRICS`.
        function: Function name.
        value: Over the whole span: the sum, the average or the maximum; of a level, the last one.
        points: By period, oldest first. A period without a point had the value 0, or, of a
            latency, nothing to measure.
    """

    metric: str
    function: str
    value: float
    points: tuple[Point, ...]


class Span(NamedTuple):
    """Periods of equal length, one after the other.

    Attributes:
        start: When the first one begins, in milliseconds since the epoch.
        end: Before this time the last one begins.
        step_ms: The length of each.
    """

    start: int
    end: int
    step_ms: int

    @property
    def length(self) -> int:
        """Number of periods."""
        # Rounded up: the last period may be cut.
        return max(0, -(-(self.end - self.start) // self.step_ms))


WHOLE: Final = Span(
    start=0,
    end=1,
    step_ms=1,
)
"""The span of samples that are not divided into periods: they are at 0."""


def counted_under(names: Collection[str]) -> frozenset[str]:
    """Return the names under which a store has counted what metrics show."""
    counted: set[str] = set()
    for name in names:
        parts = _LEVELS.get(name)
        if parts is not None:
            counted.update(parts)
        else:
            counted.add(_FROM.get(name, name))
    return frozenset(counted)


def series(
    samples: Iterable[Sample],
    before: Iterable[Sample],
    span: Span,
) -> list[Series]:
    """Return the metrics of all functions of the samples, in the order of their names.

    Args:
        samples: What was counted within the span, one for each metric, function and period.
        before: All that was counted of :data:`PARTS` before the span.
        span: The periods of the samples.
    """
    counted: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda sample: sample.at):
        counted[sample.function, sample.metric].append(sample)
    # Levels begin with what was counted before the span; sampling them would wake virtual time
    # 43,200 times in a month (docs/decisions/store.md, 0082).
    base: dict[tuple[str, str], int] = defaultdict(int)
    for sample in before:
        base[sample.function, sample.metric] += sample.total
    functions = {function for function, _ in (*counted, *base)}
    every: list[Series] = []
    for metric, function in itertools.product(metrics.ALL, functions):
        of_function = _series_of(function, metric, counted, base, span)
        if of_function is not None:
            every.append(of_function)
    return sorted(every, key=lambda series: (series.metric, series.function))


def _series_of(
    function: str,
    metric: str,
    counted: Mapping[tuple[str, str], Sequence[Sample]],
    base: Mapping[tuple[str, str], int],
    span: Span,
) -> Series | None:
    """Return one series; None if there is nothing to show."""
    parts = _LEVELS.get(metric)
    if parts is not None:
        changes: dict[int, int] = defaultdict(int)
        for part, sign in parts.items():
            for sample in counted.get((function, part), ()):
                changes[sample.at] += sign * sample.total
        # The level before the span: all that came until then, without all that went.
        first = 0
        for part, sign in parts.items():
            first += sign * base.get((function, part), 0)
        return _level(function, metric, changes, first, span)
    samples = counted.get((function, _FROM.get(metric, metric)), ())
    if not samples:
        return None
    points = [Point(sample.at, _value(metric, [sample])) for sample in samples]
    return Series(metric, function, _value(metric, samples), tuple(points))


def _value(metric: str, samples: Sequence[Sample]) -> float:
    """Return what CloudMonitor shows of samples of one metric."""
    statistic = metrics.METRICS[metric].statistic
    if statistic == "Maximum":
        return max(sample.largest for sample in samples)
    total = sum(sample.total for sample in samples)
    if statistic != "Average":
        return total
    number = sum(sample.number for sample in samples)
    return round(total / max(1, number), 1)


def _level(
    function: str,
    metric: str,
    changes: Mapping[int, int],
    level: int,
    span: Span,
) -> Series | None:
    """Return the level at the end of each period in which it is not 0."""
    if not changes and level <= 0:
        return None
    # Periods without a change count, too: what waits for an hour is in the backlog in each minute.
    points: list[Point] = []
    for at in range(span.start, span.end, span.step_ms):
        level += changes.get(at, 0)
        if level > 0:
            points.append(Point(at, level))
    return Series(metric, function, max(0, level), tuple(points))
