# SPDX-License-Identifier: MIT
"""The destination graph of templates and accounts, and its cycles. Pure."""

from __future__ import annotations

from fc_async_plugin.check.graph.model import Cycle, Edge, EdgeKind, Graph, find_cuts, find_cycles

__all__ = [
    "Cycle",
    "Edge",
    "EdgeKind",
    "Graph",
    "find_cuts",
    "find_cycles",
]
