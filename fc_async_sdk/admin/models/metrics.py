# SPDX-License-Identifier: MIT
"""Metrics of functions."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from fc_async_sdk.models import Model
from fc_async_sdk.spec import metrics


def _one_of(*words: str) -> Meta:
    """Return the words for the description; a newer runtime may have others."""
    return Meta(extra_json_schema={"enum": list(words)})


_Metric = Annotated[str, _one_of(*metrics.ALL)]
_Unit = Annotated[str, _one_of("count", "ms")]
_Statistic = Annotated[str, _one_of("Sum", "Average", "Maximum", "Value")]


class MetricPoint(msgspec.Struct, frozen=True):
    """The value of the period that begins at a time."""

    timestamp: int
    value: int | float


class Series(Model, frozen=True, kw_only=True):
    """One metric of one function over a span of time.

    Attributes:
        metric: A name of :data:`fc_async_sdk.spec.metrics.METRICS`.
        value: The sum, average or maximum of the whole span; of a level, the last one.
        points: By period, oldest first, if a period was asked for. A period without a point had
            the value 0, or nothing to measure.
    """

    metric: _Metric
    function: str
    meaning: str
    unit: _Unit
    statistic: _Statistic
    value: int | float
    points: tuple[MetricPoint, ...] | None = None


class Metrics(Model, frozen=True, kw_only=True):
    """Counts from one time up to another, in periods of so many seconds."""

    start: int
    end: int
    metrics: list[Series]
    period: int | None = None
