# SPDX-License-Identifier: MIT
"""Draws directed graphs: one scene, computed here, for the command line and for the console.

Invariants:

- The layout is computed once, by :func:`scene.compute`; what draws a scene moves nothing.
- Routes are orthogonal and cross no box; labels overlap neither each other nor boxes.
- The same graph has the same scene.
"""

from fc_async_sdk._drawing.layout import advice
from fc_async_sdk._drawing.scene import Box, Item, Link, Route, Scene, compute

__all__ = ["Box", "Item", "Link", "Route", "Scene", "advice", "compute"]
