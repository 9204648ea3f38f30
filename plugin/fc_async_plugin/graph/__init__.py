# SPDX-License-Identifier: MIT
"""The destination graph of templates and accounts, and its cycles. Pure."""

from __future__ import annotations

from fc_async_plugin.graph.cycles import Cycle, find_cuts, find_cycles
from fc_async_plugin.graph.model import Edge, EdgeKind, Graph

__all__ = [
    "Cycle",
    "Edge",
    "EdgeKind",
    "Graph",
    "find_cuts",
    "find_cycles",
]
