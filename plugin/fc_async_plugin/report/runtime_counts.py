# SPDX-License-Identifier: MIT
"""Reads the counts of the local runtime from its admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.account.runtime import ask, client_of, local_endpoint
from fc_async_plugin.report.graphs import Counted, Counts
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.spec import metrics
from fc_async_sdk.spec.cycles import TRIGGER

if TYPE_CHECKING:
    from fc_async_sdk.admin.models import Edge, Series

_FIELDS: Final = {
    metrics.ENQUEUED: "accepted",
    metrics.DEQUEUED: "ended",
    metrics.FUNCTION_ERRORS: "errors",
}
"""Fields of :class:`Counts` by metric. Events are counted by the edges of the graph, because a
metric counts an event twice that is sent again and given up again."""


def read(endpoint: str | None) -> Counted:
    """Return what a runtime has counted.

    Args:
        endpoint: URL of the runtime.

    Raises:
        PluginError: No runtime answers at the URL, or it is not on this machine.
    """
    with client_of(local_endpoint(endpoint, "shows counts")) as client:
        sums = ask(client, admin.get_metrics()).metrics
        edges = [edge for edge in ask(client, admin.get_graph()).edges if edge.outcome != TRIGGER]
    return Counted(
        _by_function(sums, edges),
        {(*_named(one.source), one.outcome): (one.delivered, one.lost) for one in edges},
    )


def _named(source: str) -> tuple[str, str]:
    """Return function and qualifier of a node of the runtime's graph."""
    function, _, qualifier = source.partition("/")
    return function, qualifier


def _by_function(sums: list[Series], edges: list[Edge]) -> dict[str, Counts]:
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
