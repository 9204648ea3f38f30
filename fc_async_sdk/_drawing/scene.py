# SPDX-License-Identifier: MIT
"""Boxes, routes and labels of a drawing, with coordinates.

Components that are not connected are laid out one by one and packed into rows, so that a graph of
many small pipelines is about as wide as it is high.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_sdk._drawing.geometry import Connection, Placed, Point, Size
from fc_async_sdk._drawing.layout import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MARGIN: Final = 24
LABEL_HEIGHT: Final = 16
_GAP: Final = 56
_ASPECT: Final = 1.6
_LONGEST: Final = 34
_LONGEST_NOTE: Final = 60
_BOX_HEIGHT: Final = 40
_NOTE_HEIGHT: Final = 16
_PADDING: Final = 14
_NARROWEST: Final = 90
_FONT: Final = 7.4
"""Pixels of a character of a box, at 13 px; wide characters take twice the room."""
_SMALL_FONT: Final = 6.4
_CLEARANCE: Final = 3
_FRACTIONS: Final = tuple(0.5 + side * step / 20 for step in range(10) for side in (-1, 1))
_HEAD: Final = 14
"""Pixels of a route that its arrowhead takes."""
_MOST_INPUTS: Final = 5
"""A box without outputs and with more inputs than these has no edges: they would hide the rest."""
_CIRCLED: Final = range(1, 21)
"""Numbers that have a character in a circle."""


class Item(NamedTuple):
    """A node of a graph.

    Attributes:
        label: Its name.
        kind: ``function``, or the kind of a destination or event source.
        note: A second line, such as counts.
    """

    label: str
    kind: str = "function"
    note: str = ""


class Link(NamedTuple):
    """An edge of a graph.

    Attributes:
        source: Number of the node where it begins.
        target: Number of the node where it ends.
        kind: ``success``, ``failure`` or ``trigger``.
        label: Its text.
        note: More about it, such as where it is written.
        on_cycle: Whether it is part of a cycle.
        cut: Whether its removal ends a cycle.
    """

    source: int
    target: int
    kind: str
    label: str
    note: str = ""
    on_cycle: bool = False
    cut: bool = False


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A node. ``x`` and ``y`` are its upper left corner; ``label`` is shortened, ``title`` not."""

    x: float
    y: float
    width: float
    height: float
    label: str
    title: str
    kind: str
    note: str = ""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """An edge.

    Attributes:
        source: Number of the box where it begins.
        target: Number of the box where it ends.
        points: From border to border; empty if it is folded into the notes of both boxes.
        kind: ``success``, ``failure`` or ``trigger``.
        label: Its text.
        label_at: Left, top, width and height of the text; None: there is no room for it.
        note: More about it.
        on_cycle: Whether it is part of a cycle.
        cut: Whether its removal ends a cycle.
    """

    source: int
    target: int
    points: tuple[Point, ...]
    kind: str
    label: str
    label_at: tuple[float, float, float, float] | None
    note: str = ""
    on_cycle: bool = False
    cut: bool = False


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A drawing; boxes and routes are in the order of the items and links."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]


class _Rectangle(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, centre: Point, size: Size) -> _Rectangle:
        left, top = centre.x - size.width / 2, centre.y - size.height / 2
        return cls(left, top, left + size.width, top + size.height)

    def meets_any(self, *others: Sequence[_Rectangle]) -> bool:
        left, top, right, bottom = self
        return any(
            left < one[2] and one[0] < right and top < one[3] and one[1] < bottom
            for each in others
            for one in each
        )


class _Part(NamedTuple):
    """A component that is laid out: numbers of its items and links, and its extent."""

    items: list[int]
    links: list[int]
    placed: Placed
    labels: list[_Rectangle | None]
    extent: _Rectangle


def compute(items: Sequence[Item], links: Sequence[Link], *, downwards: bool = False) -> Scene:
    """Lay out a graph.

    Args:
        items: Nodes.
        links: Edges between them.
        downwards: From top to bottom; otherwise from left to right.
    """
    items, folded = _fold(items, links)
    parts = [
        _lay_out(items, links, *numbers, downwards=downwards)
        for numbers in _weakly_connected(len(items), links, folded)
    ]
    # What is wrong is seen first.
    parts.sort(key=lambda part: not any(links[number].on_cycle for number in part.links))
    cyclic = sum(any(links[number].on_cycle for number in part.links) for part in parts)
    origins, size = _pack([part.extent for part in parts], cyclic)
    boxes: dict[int, Box] = {}
    routes: dict[int, Route] = {}
    for part, origin in zip(parts, origins, strict=True):
        dx, dy = origin.x - part.extent.left, origin.y - part.extent.top
        for number, centre in zip(part.items, part.placed.centres, strict=True):
            boxes[number] = _box(items[number], Point(centre.x + dx, centre.y + dy))
        for index, number in enumerate(part.links):
            points = tuple(_moved(point, dx, dy) for point in part.placed.routes[index])
            label = part.labels[index]
            routes[number] = Route(
                **links[number]._asdict(),
                points=points,
                label_at=None if label is None else _area(label, dx, dy),
            )
    for number in folded:
        routes[number] = Route(**links[number]._asdict(), points=(), label_at=None)
    return Scene(
        width=size.width,
        height=size.height,
        boxes=tuple(boxes[number] for number in range(len(items))),
        routes=tuple(routes[number] for number in range(len(links))),
    )


def _fold(items: Sequence[Item], links: Sequence[Link]) -> tuple[list[Item], set[int]]:
    """Return items whose notes tell of links to crowded ends, and the numbers of these links."""
    inputs = Counter(link.target for link in links)
    outputs = {link.source for link in links}
    crowded = [end for end, many in inputs.items() if many > _MOST_INPUTS and end not in outputs]
    badges = {end: _badge(number) for number, end in enumerate(sorted(crowded), 1)}
    notes = [[item.note] if item.note else [] for item in items]
    folded = {number for number, link in enumerate(links) if link.target in badges}
    for number in sorted(folded):
        notes[links[number].source].append(
            f"{links[number].label} → {badges[links[number].target]}"
        )
    for end, badge in badges.items():
        notes[end].append(f"{badge} ← {inputs[end]}")
    return [
        item._replace(note=" · ".join(note)) for item, note in zip(items, notes, strict=True)
    ], folded


def _badge(number: int) -> str:
    return chr(ord("①") + number - 1) if number in _CIRCLED else f"({number})"


def _weakly_connected(
    count: int, links: Sequence[Link], folded: set[int]
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the numbers of the items and links of each connected component, in order."""
    root = list(range(count))

    def find(number: int) -> int:
        while root[number] != number:
            root[number] = number = root[root[number]]
        return number

    kept = [(number, link) for number, link in enumerate(links) if number not in folded]
    for _, link in kept:
        root[find(link.source)] = find(link.target)
    items: dict[int, list[int]] = {}
    members: dict[int, list[int]] = {}
    for number in range(count):
        items.setdefault(find(number), []).append(number)
    for number, link in kept:
        members.setdefault(find(link.source), []).append(number)
    for key, numbers in items.items():
        yield numbers, members.get(key, [])


def _lay_out(
    items: Sequence[Item],
    links: Sequence[Link],
    numbers: list[int],
    members: list[int],
    *,
    downwards: bool,
) -> _Part:
    local = {number: index for index, number in enumerate(numbers)}
    sizes = [_size(items[number]) for number in numbers]
    texts = [Size(_width(links[number].label, _SMALL_FONT) + 8, LABEL_HEIGHT) for number in members]
    connections = [
        Connection(local[links[number].source], local[links[number].target], text)
        for number, text in zip(members, texts, strict=True)
    ]
    placed = place(sizes, connections, downwards=downwards)
    occupied = [_Rectangle.around(*pair) for pair in zip(placed.centres, sizes, strict=True)]
    labels = _label(placed, texts, occupied)
    extent = _around([*occupied, *(label for label in labels if label)], placed.routes)
    return _Part(numbers, members, placed, labels, extent)


def _label(
    placed: Placed, texts: Sequence[Size], boxes: Sequence[_Rectangle]
) -> list[_Rectangle | None]:
    """Return the place of each label: on its route, beside it, or where the engine has room.

    A label may interrupt its own route, but not the arrowhead, and lies on no other route.
    """
    taken = list(boxes)
    lines = [
        (number, _Rectangle(min(a.x, b.x), min(a.y, b.y), max(a.x, b.x), max(a.y, b.y)))
        for number, route in enumerate(placed.routes)
        for a, b in pairwise(route)
    ]
    found: list[_Rectangle | None] = []
    for own, (centre, route, text) in enumerate(
        zip(placed.labels, placed.routes, texts, strict=True)
    ):
        crossed = [line for number, line in lines if number != own]
        crossed.append(_Rectangle.around(route[-1], Size(2 * _HEAD, 2 * _HEAD)))
        places = (_Rectangle.around(at, text) for at in (*_along(route, text), centre))
        label = next((one for one in places if not one.meets_any(taken, crossed)), None)
        found.append(label)
        if label is not None:
            taken.append(label)
    return found


def _along(route: Sequence[Point], text: Size) -> Iterator[Point]:
    """Yield centres for a label on a route, then beside it, on longer segments first."""
    segments = sorted(
        pairwise(route),
        key=lambda ends: -abs(ends[0].x - ends[1].x) - abs(ends[0].y - ends[1].y),
    )
    for side in (0, -1, 1):
        for start, end in segments:
            upright = start.x == end.x
            aside = side * ((text.width if upright else text.height) / 2 + _CLEARANCE)
            for fraction in _FRACTIONS:
                x = start.x + (end.x - start.x) * fraction
                y = start.y + (end.y - start.y) * fraction
                yield Point(x + aside, y) if upright else Point(x, y + aside)


def _around(rectangles: Sequence[_Rectangle], routes: Sequence[Sequence[Point]]) -> _Rectangle:
    xs = [point.x for route in routes for point in route]
    ys = [point.y for route in routes for point in route]
    return _Rectangle(
        min([*xs, *(one.left for one in rectangles)]),
        min([*ys, *(one.top for one in rectangles)]),
        max([*xs, *(one.right for one in rectangles)]),
        max([*ys, *(one.bottom for one in rectangles)]),
    )


def _pack(extents: Sequence[_Rectangle], first: int) -> tuple[list[Point], Size]:
    """Return the upper left corner of each component, in rows, and the size of the whole.

    Args:
        extents: Of the components.
        first: So many of them have their rows before the others.
    """
    sizes = [Size(one.right - one.left, one.bottom - one.top) for one in extents]
    area = sum((size.width + _GAP) * (size.height + _GAP) for size in sizes)
    limit = max([(area * _ASPECT) ** 0.5, *(size.width for size in sizes)])
    origins = [Point(MARGIN, MARGIN)] * len(sizes)
    x = y = float(MARGIN)
    row = right = bottom = 0.0
    for number in sorted(range(len(sizes)), key=lambda one: (one >= first, -sizes[one].height)):
        width, height = sizes[number]
        if x > MARGIN and x + width > limit + MARGIN:
            x, y, row = float(MARGIN), y + row + _GAP, 0.0
        origins[number] = Point(x, y)
        right, bottom, row = max(right, x + width), max(bottom, y + height), max(row, height)
        x += width + _GAP
    return origins, Size(_round(right + MARGIN), _round(bottom + MARGIN))


def _box(item: Item, centre: Point) -> Box:
    width, height = _size(item)
    return Box(
        x=_round(centre.x - width / 2),
        y=_round(centre.y - height / 2),
        width=width,
        height=height,
        label=_shorten(item.label),
        title=item.label,
        kind=item.kind,
        note=_shorten(item.note, _LONGEST_NOTE),
    )


def _size(item: Item) -> Size:
    texts = (
        _width(_shorten(item.label), _FONT),
        _width(_shorten(item.note, _LONGEST_NOTE), _SMALL_FONT),
    )
    height = _BOX_HEIGHT + (_NOTE_HEIGHT if item.note else 0)
    return Size(max(_NARROWEST, round(max(texts)) + 2 * _PADDING), height)


def _width(text: str, font: float) -> float:
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return (len(text) + wide) * font


def _shorten(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _moved(point: Point, dx: float, dy: float) -> Point:
    return Point(_round(point.x + dx), _round(point.y + dy))


def _area(label: _Rectangle, dx: float, dy: float) -> tuple[float, float, float, float]:
    width, height = _round(label.right - label.left), _round(label.bottom - label.top)
    return (_round(label.left + dx), _round(label.top + dy), width, height)


def _round(value: float) -> float:
    return round(value, 1)
