# SPDX-License-Identifier: MIT
"""The metrics of functions: series for people and charts, and the exposition for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta
from starlette.responses import PlainTextResponse

from fc_async_local.api.operation import Natural, Query, local
from fc_async_local.domain.metrics import (
    PARTS,
    WHOLE,
    Sample,
    Series,
    Span,
    counted_under,
    series,
)
from fc_async_local.functions import refusals
from fc_async_local.store.protocol import MetricQuery
from fc_async_sdk.admin import models
from fc_async_sdk.spec import metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.store.protocol import Stats, Store

_KNOWN: Final = [*metrics.ALL, *metrics.ALIASES]
_Period = Annotated[
    int,
    Meta(
        description=f"{' or '.join(map(str, metrics.PERIODS))} seconds",
        extra_json_schema={"enum": list(metrics.PERIODS)},
    ),
]
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_MINUTE_MS: Final = 60_000
_LATEST_MINUTES: Final = 2
"""Minutes of the gauges of the latency: the current one, which may have just begun, and the one
before."""

_DEFAULT_POINTS: Final = {60: 60, 3_600: 24}
"""Number of periods that are shown without a start: an hour, or a day."""


class SeriesQuery(Query, frozen=True, kw_only=True):
    """Selection of metrics.

    Attributes:
        function: Whose; "" for all functions.
        metric: Names, any number of times; all without one.
        start: Milliseconds since the epoch. Without it all that is kept, or with a period the last
            hour or day.
        end: Milliseconds since the epoch; up to now without it.
        period: Seconds.
    """

    function: str = ""
    metric: tuple[Annotated[str, Meta(extra_json_schema={"enum": _KNOWN})], ...] = ()
    start: Natural | None = None
    end: Natural | None = None
    period: _Period = 0


class MetricsAdmin:
    """Shows what was counted.

    Args:
        store: Where it was counted.
        clock: The time of the runtime.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @local("GET", "/metrics")
    async def metrics(self, query: SeriesQuery) -> models.Metrics:
        """Return metrics by function: one value each, and with a period a series of points."""
        names = _names(query)
        period = _period(query)
        end = query.end
        if end is None:
            end = self._clock.now() + 1  # what is counted at this moment belongs to it
        start = query.start
        if start is None:
            start = _default_start(end, period)
        asked = MetricQuery(
            function=query.function or None,
            metrics=counted_under(names) if names else None,
            start=start,
            end=end,
            step_ms=period * 1_000 or None,
        )
        span = _span(start, end, period) if period else WHOLE
        counted = await self._series(asked, span)
        shown = [series for series in counted if not names or series.metric in names]
        return models.Metrics(
            start=start,
            end=end,
            period=period or None,
            metrics=[_shown(series, points=bool(period)) for series in shown],
        )

    async def _series(self, asked: MetricQuery, span: Span) -> list[Series]:
        # A gauge is the sum of all changes, so those before the span count, too.
        parts = PARTS
        if asked.metrics is not None:
            parts = PARTS & set(asked.metrics)
        before: Sequence[Sample] = ()
        if parts:
            begin = span.start if asked.step_ms else asked.start
            before = await self._store.metrics(
                MetricQuery(function=asked.function, metrics=parts, end=begin)
            )
        return series(await self._store.metrics(asked), before, span)

    @local("GET", "/metrics", prefix="")
    async def exposition(self) -> PlainTextResponse:
        """Return the metrics for Prometheus."""
        latest = MetricQuery(
            metrics={metrics.LATENCY_AVERAGE},
            start=self._clock.now() - (_LATEST_MINUTES - 1) * _MINUTE_MS,
        )
        text = _exposition(
            await self._store.metrics(),
            series(await self._store.metrics(latest), (), WHOLE),
            await self._store.stats(),
        )
        return PlainTextResponse(text, media_type=_PROMETHEUS)


def _default_start(end: int, period: int) -> int:
    """Return when a series begins of which only the end was asked for; 0 without a period."""
    if not period:
        return 0
    points_before = _DEFAULT_POINTS[period] - 1
    return max(0, end - 1 - points_before * period * 1_000)


def _names(query: SeriesQuery) -> frozenset[str]:
    try:
        return frozenset(map(metrics.named, query.metric))
    except ValueError as error:
        raise refusals.invalid_argument(str(error)) from None


def _period(query: SeriesQuery) -> int:
    """Return the length of the periods in seconds, 0 for a sum alone."""
    if query.period and query.period not in metrics.PERIODS:
        raise refusals.invalid_argument(
            f"period must be {' or '.join(map(str, metrics.PERIODS))} seconds, got {query.period}"
        )
    return query.period


def _span(start: int, end: int, period: int) -> Span:
    step = period * 1_000
    span = Span(start - start % step, end, step)
    if span.length > metrics.POINTS:
        longer = max(metrics.PERIODS)
        hint = f"period={longer}, " if period < longer else ""
        raise refusals.invalid_argument(
            f"start to end are {span.length} periods of {period} seconds, at most "
            f"{metrics.POINTS} are shown: use {hint}a later start or an earlier end"
        )
    return span


def _shown(counted: Series, *, points: bool) -> models.Series:
    metric = metrics.METRICS[counted.metric]
    described = None
    if points:
        described = tuple(models.MetricPoint(*point) for point in counted.points)
    return models.Series(
        metric=counted.metric,
        function=counted.function,
        meaning=metric.meaning,
        unit=metric.unit,
        statistic=metric.statistic,
        value=counted.value,
        points=described,
    )


def _exposition(counted: Sequence[Sample], latest: Iterable[Series], stats: Stats) -> str:
    """Return all metrics under CloudMonitor's names, and gauges of what waits.

    prometheus-client would add ``_total`` to the names of the counters.
    """
    # Latencies since the beginning would hide a change: those of the latest minutes are shown.
    latencies = {metrics.LATENCY_AVERAGE, metrics.LATENCY_MAXIMUM}
    shown = [total for total in series(counted, (), WHOLE) if total.metric not in latencies]
    shown += latest
    lines: list[str] = []
    for metric in metrics.ALL:
        lines += _of_metric(metric, [total for total in shown if total.metric == metric])
    lines += _latency([sample for sample in counted if sample.metric == metrics.LATENCY_AVERAGE])
    return "\n".join([*lines, *_gauges(stats)]) + "\n"


def _of_metric(metric: str, totals: Sequence[Series]) -> list[str]:
    if not totals:
        return []
    kind = "counter" if metrics.METRICS[metric].statistic == "Sum" else "gauge"
    values = [f"{metric}{_labels(total.function)} {total.value}" for total in totals]
    return [f"# TYPE {metric} {kind}", *values]


def _latency(samples: Sequence[Sample]) -> list[str]:
    """Return sums and numbers, from which Prometheus computes the average of any span."""
    if not samples:
        return []
    name = "fc_async_latency_milliseconds"
    lines = [f"# TYPE {name} summary"]
    for sample in samples:
        labels = _labels(sample.function)
        lines.append(f"{name}_sum{labels} {sample.total}")
        lines.append(f"{name}_count{labels} {sample.number}")
    return lines


def _labels(function: str) -> str:
    return f'{{function="{function.translate(_ESCAPES)}"}}'


def _gauges(stats: Stats) -> list[str]:
    lines = ["# TYPE fc_async_invocations gauge"]
    lines += [
        f'fc_async_invocations{{status="{status.value}"}} {count}'
        for status, count in sorted(stats.by_status.items(), key=lambda item: item[0].value)
    ]
    for name, value in (
        ("fc_async_deliveries_pending", stats.deliveries_pending),
        ("fc_async_deliveries_dead", stats.deliveries_dead),
    ):
        lines += [f"# TYPE {name} gauge", f"{name} {value}"]
    return lines
