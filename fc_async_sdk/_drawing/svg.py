# SPDX-License-Identifier: MIT
"""Writes a scene as SVG: light and dark, with a legend, readable without colour.

Invariants:

- Nothing is positioned here; coordinates are those of the scene.
- Outcomes differ by dash and arrowhead, cycles by width and words, besides their colour.
- All text is escaped.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_sdk._drawing import scene as scenes

if TYPE_CHECKING:
    from fc_async_sdk._drawing.geometry import Point
    from fc_async_sdk._drawing.scene import Box, Route, Scene

STYLE: Final = Path(__file__).with_name("drawing.css")

LEGEND_HEIGHT: Final = 40
_SAMPLE: Final = 44
_NOTE_LINE: Final = 16
"""Pixels that a note takes from the room of the label above it."""
_LEGEND: Final = (
    ("success", "success", 130),
    ("failure", "failure", 130),
    ("trigger", "trigger", 130),
    ("cycle", "on a cycle", 140),
    ("cut", "remove this edge to end the cycle", 300),
)
"""Kind, text, and the pixels that they take."""
_LEGEND_WIDTH: Final = scenes.MARGIN + sum(width for _, _, width in _LEGEND)
_HEADS: Final = {
    # Filled, hollow, and a bar: the outcome can be told without colour.
    "success": '<path d="M0 0L9 4.5L0 9z"/>',
    "failure": '<path class="hollow" d="M1 1L8 4.5L1 8z"/>',
    "trigger": '<path class="bar" d="M1 0L9 4.5L1 9M9 0V9"/>',
}


def draw(scene: Scene, title: str, *, legend: bool = True) -> str:
    """Return a scene as one SVG element with its own style.

    Args:
        scene: The drawing.
        title: Names it for screen readers.
        legend: Explain the kinds of edges above the drawing.
    """
    width = scene.width
    height = scene.height
    if legend:
        width = max(width, _LEGEND_WIDTH)
        height += LEGEND_HEIGHT
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"'
        f' viewBox="0 0 {width:g} {height:g}" role="group" aria-label="{escape(title)}">'
    )
    markers = [_marker(kind, red) for kind in _HEADS for red in (False, True)]
    parts = [
        head,
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE.read_text(encoding='utf-8')}</style>",
        f"<defs>{''.join(markers)}</defs>",
        '<rect class="paper" width="100%" height="100%"/>',
    ]
    if legend:
        parts.append(_legend())
        parts.append(f'<g transform="translate(0 {LEGEND_HEIGHT})">')
    # A link that is folded into notes has no points.
    parts.extend(_edge(route, scene) for route in scene.routes if route.points)
    parts.extend(_node(box, number, scene) for number, box in enumerate(scene.boxes))
    if legend:
        parts.append("</g>")
    parts.append("</svg>")
    return "\n".join(parts)


def _marker(kind: str, red: bool) -> str:  # noqa: FBT001 -- one of two looks
    name = f"{kind}-cycle" if red else kind
    return (
        f'<marker id="{name}" class="{"cycle" if red else ""}" viewBox="0 0 10 9" refX="8.5"'
        ' refY="4.5" markerWidth="11" markerHeight="10" orient="auto"'
        f' markerUnits="userSpaceOnUse">{_HEADS[kind]}</marker>'
    )


def _legend() -> str:
    parts = ['<g class="legend" aria-hidden="true">']
    x = scenes.MARGIN
    y = scenes.MARGIN
    for name, text, width in _LEGEND:
        kind = name if name in _HEADS else "success"
        classes = {"cycle": "success cycle", "cut": "success cycle cut"}.get(name, name)
        marker = kind if name in _HEADS else f"{kind}-cycle"
        parts.append(
            f'<path class="edge {classes}" d="M{x} {y}H{x + _SAMPLE}" marker-end="url(#{marker})"/>'
            f'<text x="{x + _SAMPLE + 8}" y="{y + 4}">{"✂ " if name == "cut" else ""}{text}</text>'
        )
        x += width
    return "".join([*parts, "</g>"])


def _edge(route: Route, scene: Scene) -> str:
    source = scene.boxes[route.source].title
    target = scene.boxes[route.target].title
    about = [f"{source} → {target}: {route.label}"]
    classes = ["edge", route.kind]
    marker = route.kind
    if route.on_cycle:
        about.append("on a cycle")
        classes.append("cycle")
        marker = f"{route.kind}-cycle"
    if route.cut:
        about.append("remove this edge to end the cycle")
        classes.append("cut")
    if route.note:
        about.append(route.note)
    return (
        f'<g class="link"><title>{escape(", ".join(about))}</title>'
        f'<path class="{" ".join(classes)}" d="{_path(route.points)}"'
        f' marker-end="url(#{marker})"/>'
        f"{_label(route)}</g>"
    )


def _path(points: tuple[Point, ...]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _label(route: Route) -> str:
    if route.label_at is None:
        return ""
    left, top, width, height = route.label_at
    red = " red" if route.on_cycle else ""
    return (
        f'<rect class="plate" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}"/>'
        f'<text class="label{red}" x="{left + width / 2:g}" y="{top + height - 4:g}">'
        f"{escape(route.label)}</text>"
    )


def _about(box: Box, number: int, scene: Scene) -> str:
    """Return what a screen reader says of a node: its title, its note, and where it leads."""
    about = [box.title]
    if box.note:
        about.append(box.note)
    leaving = [route for route in scene.routes if route.source == number]
    about.extend(f"{route.label} to {scene.boxes[route.target].title}" for route in leaving)
    return ", ".join(about)


def _node(box: Box, number: int, scene: Scene) -> str:
    about = _about(box, number, scene)
    middle = box.x + box.width / 2
    room = box.height
    note = ""
    if box.note:
        room -= _NOTE_LINE
    line = box.y + room / 2 + 4.5
    if box.note:
        note = f'<text class="note" x="{middle:g}" y="{line + 17:g}">{escape(box.note)}</text>'
    is_function = box.kind == "function"
    kind = "function" if is_function else "destination"
    # Destinations have round ends: they can be told from functions without colour.
    radius = 6 if is_function else box.height / 2
    return (
        f'<g class="node {kind}" tabindex="0" role="img"'
        f' aria-label="{escape(about)}"><title>{escape(about)}</title>'
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'
        f' rx="{radius:g}"/><text x="{middle:g}" y="{line:g}">{escape(box.label)}</text>{note}</g>'
    )
