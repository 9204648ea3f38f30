# SPDX-License-Identifier: MIT
"""Reads the counts of the local runtime from its admin API."""

from __future__ import annotations

from typing import Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.report.graphs import Counted, Counts, Deliveries
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import metrics

_TIMEOUT: Final = 10
"""Seconds: it is on this machine."""


_FIELDS: Final = {
    metrics.ENQUEUED: "accepted",
    metrics.DEQUEUED: "ended",
    metrics.FUNCTION_ERRORS: "errors",
}
"""Fields of :class:`Counts` by metric. Events are counted by the edges of the graph, because a
metric counts an event twice that is sent again and given up again."""


class _Sum(msgspec.Struct, frozen=True):
    metric: str
    function: str
    value: float


class _Answer(msgspec.Struct, frozen=True):
    metrics: list[_Sum]


class _Edge(msgspec.Struct, frozen=True):
    source: str
    outcome: str
    delivered: int
    lost: int


class _Graph(msgspec.Struct, frozen=True):
    edges: list[_Edge]


prepare(_Answer)
prepare(_Graph)


def read(endpoint: str | None) -> Counted:
    """Return what a runtime has counted.

    Args:
        endpoint: URL of the runtime.

    Raises:
        PluginError: No runtime answers at the URL.
    """
    import requests  # noqa: PLC0415 -- only when counts are asked for

    if endpoint is None:
        raise PluginError("counts come from the local runtime: name it with --endpoint URL")

    def get(name: str) -> bytes:
        answer = requests.get(f"{endpoint.rstrip('/')}/_local/{name}", timeout=_TIMEOUT)
        answer.raise_for_status()
        return answer.content

    try:
        sums = msgspec.json.decode(get("metrics"), type=_Answer).metrics
        edges = msgspec.json.decode(get("graph"), type=_Graph).edges
    except (requests.RequestException, msgspec.DecodeError) as error:
        raise PluginError(
            f"no local runtime answers at {endpoint} ({type(error).__name__});"
            " start one with: fc-async local start"
        ) from error
    return Counted(
        _by_function(sums, edges),
        {
            (*_named(edge.source), edge.outcome): Deliveries(edge.delivered, edge.lost)
            for edge in edges
        },
    )


def _named(source: str) -> tuple[str, str]:
    """Return function and qualifier of a node of the runtime's graph."""
    function, _, qualifier = source.partition("/")
    return function, qualifier


def _by_function(sums: list[_Sum], edges: list[_Edge]) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    for one in sums:
        if one.metric in _FIELDS:
            counts = found.get(one.function, Counts())
            found[one.function] = counts._replace(**{_FIELDS[one.metric]: int(one.value)})
    for edge in edges:
        function, _ = _named(edge.source)
        counts = found.get(function, Counts())
        found[function] = counts._replace(
            delivered=counts.delivered + edge.delivered, lost=counts.lost + edge.lost
        )
    return found
