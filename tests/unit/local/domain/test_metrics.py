# SPDX-License-Identifier: MIT
"""What is counted becomes what CloudMonitor shows: sums, averages, maxima and levels by period."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.domain.metrics import Point, Sample, Series, Span, series
from fc_async_sdk.spec import metrics

MINUTE = 60_000
SPAN = Span(start=0, end=4 * MINUTE, step_ms=MINUTE)


def sample(metric: str, minute: int, total: int, number: int = 1, largest: int = 0) -> Sample:
    return Sample(metric, "resize", minute * MINUTE, total, number, largest)


def only(metric: str, samples: list[Sample], before: list[Sample] | None = None) -> Series:
    [found] = [each for each in series(samples, before or [], SPAN) if each.metric == metric]
    return found


def points(*values: tuple[int, float]) -> tuple[Point, ...]:
    return tuple(Point(minute * MINUTE, value) for minute, value in values)


def test_counts_are_summed_over_the_span_and_shown_by_period() -> None:
    found = only(metrics.EXPIRED, [sample(metrics.EXPIRED, 2, 5), sample(metrics.EXPIRED, 0, 1)])
    assert found == Series(metrics.EXPIRED, "resize", 6, points((0, 1), (2, 5)))


def test_the_average_latency_weighs_each_invocation_the_same() -> None:
    counted = [
        sample(metrics.LATENCY_AVERAGE, 0, 100, number=1, largest=100),
        sample(metrics.LATENCY_AVERAGE, 1, 30, number=3, largest=20),
    ]
    average = only(metrics.LATENCY_AVERAGE, counted)
    assert (average.value, average.points) == (32.5, points((0, 100), (1, 10)))
    longest = only(metrics.LATENCY_MAXIMUM, counted)
    assert (longest.value, longest.points) == (100, points((0, 100), (1, 20)))


def test_the_backlog_is_what_was_accepted_and_has_neither_ended_nor_is_in_process() -> None:
    counted = [
        sample(metrics.ENQUEUED, 0, 5),
        sample(metrics.IN_PROCESS, 0, 2),
        sample(metrics.DEQUEUED, 2, 2),
        sample(metrics.IN_PROCESS, 2, 1),
    ]
    backlog = only(metrics.BACKLOG, counted)
    assert (backlog.value, backlog.points) == (0, points((0, 3), (1, 3)))
    running = only(metrics.IN_PROCESS, counted)
    assert (running.value, running.points) == (3, points((0, 2), (1, 2), (2, 3), (3, 3)))


def test_a_level_goes_on_from_what_was_counted_before_the_span() -> None:
    backlog = only(
        metrics.BACKLOG, [sample(metrics.DEQUEUED, 1, 4)], [sample(metrics.ENQUEUED, -9, 7)]
    )
    assert backlog.points == points((0, 7), (1, 3), (2, 3), (3, 3))


def test_a_level_of_zero_without_a_change_is_not_shown() -> None:
    before = [sample(metrics.ENQUEUED, -9, 7), sample(metrics.DEQUEUED, -8, 7)]
    assert series([], before, SPAN) == []


def test_series_come_in_the_order_of_metric_and_function() -> None:
    counted = [
        Sample(metric, function, 0, 1, 1, 1)
        for function in ("b", "a")
        for metric in (metrics.INVOCATIONS, metrics.EXPIRED)
    ]
    assert [(each.metric, each.function) for each in series(counted, [], SPAN)] == [
        (metrics.EXPIRED, "a"),
        (metrics.EXPIRED, "b"),
        (metrics.INVOCATIONS, "a"),
        (metrics.INVOCATIONS, "b"),
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([metrics.ENQUEUED, metrics.DEQUEUED, metrics.IN_PROCESS]),
            st.integers(-3, 3),
            st.integers(-5, 5),
        )
    )
)
def test_a_level_does_not_depend_on_where_the_span_begins(
    changes: list[tuple[str, int, int]],
) -> None:
    every = [sample(metric, minute, total) for metric, minute, total in changes]
    inside = [each for each in every if each.at >= 0]
    late = [each for each in every if each.at >= 2 * MINUTE]
    whole = series(inside, [each for each in every if each.at < 0], SPAN)
    rest = series(
        late, [each for each in every if each.at < 2 * MINUTE], SPAN._replace(start=2 * MINUTE)
    )

    def levels(found: list[Series]) -> dict[str, list[Point]]:
        return {
            each.metric: [point for point in each.points if point.at >= 2 * MINUTE]
            for each in found
            if each.metric in (metrics.BACKLOG, metrics.IN_PROCESS) and each.points
        }

    assert {name: at for name, at in levels(whole).items() if at} == levels(rest)
