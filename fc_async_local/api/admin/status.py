# SPDX-License-Identifier: MIT
"""The runtime as a whole: health, settings, counts and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from fc_async_local.api import admin
from fc_async_local.api.operation import operation, query_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.clock import Clock
    from fc_async_local.settings import Settings
    from fc_async_local.store.protocol import Stats, Store

_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class StatusAdmin:
    """Shows the state of the runtime.

    Args:
        store: Where invocations are.
        clock: The time of the runtime.
        settings: The settings of the runtime.
        about: Facts of the running process, for ``health``.
    """

    def __init__(
        self, store: Store, clock: Clock, settings: Settings, about: Mapping[str, Any]
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._about = about

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        table = [
            ("GET", "/health", self.health),
            ("GET", "/settings", self.settings),
            ("GET", "/stats", self.stats),
            ("GET", "/metrics", self.metrics),
        ]
        return [*admin.routes(table), operation("GET", "/metrics", self.exposition, prefix="")]

    async def health(self, _: Request) -> dict[str, Any]:
        """Answer if the store answers."""
        await self._store.next_due()
        return {"status": "ok", **self._about}

    async def settings(self, _: Request) -> dict[str, Any]:
        """Return all settings without secrets."""
        return dict(self._settings.shown())

    async def stats(self, _: Request) -> dict[str, Any]:
        """Return how many invocations and deliveries there are."""
        stats = await self._store.stats()
        return {
            "by_status": {status.value: n for status, n in stats.by_status.items()},
            "oldest_due_at": stats.oldest_due_at,
            "deliveries_pending": stats.deliveries_pending,
            "deliveries_dead": stats.deliveries_dead,
            "now": self._clock.now(),
        }

    async def metrics(self, request: Request) -> dict[str, Any]:
        """Return sums by metric and function, since ``since`` (milliseconds since the epoch)."""
        query = request.query_params
        sums = await self._store.metrics(
            function=query.get("function") or None,
            since=query_number(query, "since") or 0,
        )
        return {
            "metrics": [
                {"metric": metric, "function": function, "value": value}
                for (metric, function), value in sorted(sums.items())
            ]
        }

    async def exposition(self, _: Request) -> Response:
        """Return the metrics as text for Prometheus."""
        text = _exposition(await self._store.metrics(), await self._store.stats())
        return Response(text, media_type=_PROMETHEUS)


def _exposition(counts: Mapping[tuple[str, str], int], stats: Stats) -> str:
    """Return one counter per metric, under CloudMonitor's name, and gauges of what waits.

    prometheus-client would add ``_total`` to the names of the counters.
    """
    lines: list[str] = []
    for metric in sorted({metric for metric, _ in counts}):
        lines.append(f"# TYPE {metric} counter")
        lines += [
            f'{metric}{{function="{function.translate(_ESCAPES)}"}} {value}'
            for (name, function), value in sorted(counts.items())
            if name == metric
        ]
    lines.append("# TYPE fc_async_invocations gauge")
    lines += [
        f'fc_async_invocations{{status="{status.value}"}} {count}'
        for status, count in sorted(stats.by_status.items(), key=lambda item: item[0].value)
    ]
    for name, value in (
        ("fc_async_deliveries_pending", stats.deliveries_pending),
        ("fc_async_deliveries_dead", stats.deliveries_dead),
    ):
        lines += [f"# TYPE {name} gauge", f"{name} {value}"]
    return "\n".join(lines) + "\n"
