# SPDX-License-Identifier: MIT
"""Boxes, routes and labels of a drawing, with coordinates.

Components that are not connected are laid out one by one and packed into rows, so that a graph of
many small pipelines is about as wide as it is high.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_sdk._drawing.geometry import Connection, Placed, Point, Size
from fc_async_sdk._drawing.layout import place

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

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
"""Parts of a segment at which a label is tried, from its middle outwards."""
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
        left = centre.x - size.width / 2
        top = centre.y - size.height / 2
        return cls(left, top, left + size.width, top + size.height)

    @classmethod
    def between(cls, begin: Point, end: Point) -> _Rectangle:
        left, right = sorted((begin.x, end.x))
        top, bottom = sorted((begin.y, end.y))
        return cls(left, top, right, bottom)

    def overlaps(self, other: _Rectangle) -> bool:
        beside = self.left >= other.right or other.left >= self.right
        if beside:
            return False
        return self.top < other.bottom and other.top < self.bottom


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
    # What is wrong is seen first: components with cycles come before all others.
    on_cycle = {number for number, link in enumerate(links) if link.on_cycle}
    parts.sort(key=lambda part: on_cycle.isdisjoint(part.links))
    cyclic = [part for part in parts if not on_cycle.isdisjoint(part.links)]
    origins, size = _pack([part.extent for part in parts], len(cyclic))
    boxes: dict[int, Box] = {}
    routes: dict[int, Route] = {}
    for part, origin in zip(parts, origins, strict=True):
        dx = origin.x - part.extent.left
        dy = origin.y - part.extent.top
        for number, centre in zip(part.items, part.placed.centres, strict=True):
            moved = Point(centre.x + dx, centre.y + dy)
            boxes[number] = _box(items[number], moved)
        for number, points, label in zip(part.links, part.placed.routes, part.labels, strict=True):
            routes[number] = _route(links[number], points, label, dx, dy)
    for number in folded:
        routes[number] = _route(links[number], (), None, 0, 0)
    return Scene(
        width=size.width,
        height=size.height,
        boxes=tuple(boxes[number] for number in range(len(items))),
        routes=tuple(routes[number] for number in range(len(links))),
    )


def _fold(items: Sequence[Item], links: Sequence[Link]) -> tuple[list[Item], set[int]]:
    """Return items whose notes tell of links to crowded ends, and the numbers of these links."""
    inputs = Counter(link.target for link in links)
    badges = _badges(inputs, {link.source for link in links})
    notes = [[item.note] if item.note else [] for item in items]
    folded = set()
    for number, link in enumerate(links):
        badge = badges.get(link.target)
        if badge is None:
            continue
        folded.add(number)
        notes[link.source].append(f"{link.label} → {badge}")
    for end, badge in badges.items():
        notes[end].append(f"{badge} ← {inputs[end]}")
    noted = [
        item._replace(note=" · ".join(texts)) for item, texts in zip(items, notes, strict=True)
    ]
    return noted, folded


def _badges(inputs: Mapping[int, int], outputs: Container[int]) -> dict[int, str]:
    """Return what stands for each crowded end in the notes of the items that lead to it.

    Args:
        inputs: How many links lead to each item.
        outputs: Items that links come from.
    """
    # Such an end is often a dead-letter queue that most functions share: its edges would cross all
    # others, and tell no more than a number does.
    crowded = [end for end, count in inputs.items() if count > _MOST_INPUTS]
    ends = [end for end in crowded if end not in outputs]
    return {end: _badge(number) for number, end in enumerate(sorted(ends), 1)}


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

    drawn = [number for number in range(len(links)) if number not in folded]
    for number in drawn:
        link = links[number]
        root[find(link.source)] = find(link.target)
    items_of: dict[int, list[int]] = {}
    for number in range(count):
        items_of.setdefault(find(number), []).append(number)
    links_of: dict[int, list[int]] = {}
    for number in drawn:
        component = find(links[number].source)
        links_of.setdefault(component, []).append(number)
    for component, numbers in items_of.items():
        yield numbers, links_of.get(component, [])


def _lay_out(
    items: Sequence[Item],
    links: Sequence[Link],
    numbers: list[int],
    members: list[int],
    *,
    downwards: bool,
) -> _Part:
    index = {number: index for index, number in enumerate(numbers)}
    sizes = [_size(items[number]) for number in numbers]
    texts = []
    connections = []
    for number in members:
        link = links[number]
        text = Size(_width(link.label, _SMALL_FONT) + 8, LABEL_HEIGHT)
        texts.append(text)
        connections.append(Connection(index[link.source], index[link.target], text))
    placed = place(sizes, connections, downwards=downwards)
    boxes = [_Rectangle.around(*pair) for pair in zip(placed.centres, sizes, strict=True)]
    labels = _label(placed, texts, boxes)
    drawn_labels = [label for label in labels if label]
    extent = _around([*boxes, *drawn_labels], placed.routes)
    return _Part(numbers, members, placed, labels, extent)


def _label(
    placed: Placed, texts: Sequence[Size], boxes: Sequence[_Rectangle]
) -> list[_Rectangle | None]:
    """Return the area of each label: on its route, beside it, or where the engine has room.

    A label may interrupt its own route, but not the arrowhead, and lies on no other route.
    """
    taken = list(boxes)
    lines: list[tuple[int, _Rectangle]] = []
    for number, route in enumerate(placed.routes):
        for begin, end in pairwise(route):
            lines.append((number, _Rectangle.between(begin, end)))
    labels: list[_Rectangle | None] = []
    for number, text in enumerate(texts):
        route = placed.routes[number]
        crossed = [line for owner, line in lines if owner != number]
        arrowhead = _Rectangle.around(route[-1], Size(2 * _HEAD, 2 * _HEAD))
        centres = (*_along(route, text), placed.labels[number])
        label = _free_area(centres, text, [*taken, *crossed, arrowhead])
        labels.append(label)
        if label is not None:
            taken.append(label)
    return labels


def _free_area(
    centres: Iterable[Point], size: Size, obstacles: Sequence[_Rectangle]
) -> _Rectangle | None:
    """Return the first area that overlaps no obstacle; None if each of them does."""
    for centre in centres:
        area = _Rectangle.around(centre, size)
        if not any(area.overlaps(obstacle) for obstacle in obstacles):
            return area
    return None


def _along(route: Sequence[Point], text: Size) -> Iterator[Point]:
    """Yield centres for a label on a route, then beside it, on longer segments first."""
    segments = sorted(pairwise(route), key=_length, reverse=True)
    for side in (0, -1, 1):
        for begin, end in segments:
            is_upright = begin.x == end.x
            extent = text.width if is_upright else text.height
            aside = side * (extent / 2 + _CLEARANCE)
            for fraction in _FRACTIONS:
                x = begin.x + (end.x - begin.x) * fraction
                y = begin.y + (end.y - begin.y) * fraction
                yield Point(x + aside, y) if is_upright else Point(x, y + aside)


def _length(segment: tuple[Point, Point]) -> float:
    begin, end = segment
    return abs(begin.x - end.x) + abs(begin.y - end.y)


def _around(rectangles: Sequence[_Rectangle], routes: Iterable[Iterable[Point]]) -> _Rectangle:
    points = list(chain.from_iterable(routes))
    lefts = [rectangle.left for rectangle in rectangles]
    tops = [rectangle.top for rectangle in rectangles]
    rights = [rectangle.right for rectangle in rectangles]
    bottoms = [rectangle.bottom for rectangle in rectangles]
    xs = [point.x for point in points]
    ys = [point.y for point in points]
    return _Rectangle(
        min(xs + lefts),
        min(ys + tops),
        max(xs + rights),
        max(ys + bottoms),
    )


def _pack(extents: Sequence[_Rectangle], first: int) -> tuple[list[Point], Size]:
    """Return the upper left corner of each component, in rows, and the size of the whole.

    Args:
        extents: Of the components.
        first: So many of them have their rows before the others.
    """
    sizes = [_size_of(extent) for extent in extents]
    area = sum((size.width + _GAP) * (size.height + _GAP) for size in sizes)
    widest = max((size.width for size in sizes), default=0.0)
    limit = max((area * _ASPECT) ** 0.5, widest)
    origins = [Point(MARGIN, MARGIN)] * len(sizes)
    x = float(MARGIN)
    y = float(MARGIN)
    row_height = 0.0
    right = 0.0
    bottom = 0.0
    # Components of about the same height share a row, so that little of it is empty.
    order = sorted(range(len(sizes)), key=lambda number: -sizes[number].height)
    order.sort(key=lambda number: number >= first)
    for number in order:
        width, height = sizes[number]
        row_is_full = x > MARGIN and x + width > limit + MARGIN
        if row_is_full:
            x = float(MARGIN)
            y += row_height + _GAP
            row_height = 0.0
        origins[number] = Point(x, y)
        right = max(right, x + width)
        bottom = max(bottom, y + height)
        row_height = max(row_height, height)
        x += width + _GAP
    return origins, Size(_round(right + MARGIN), _round(bottom + MARGIN))


def _size_of(extent: _Rectangle) -> Size:
    return Size(extent.right - extent.left, extent.bottom - extent.top)


def _route(
    link: Link,
    points: Iterable[Point],
    label: _Rectangle | None,
    dx: float,
    dy: float,
) -> Route:
    return Route(
        **link._asdict(),
        points=tuple(_moved(point, dx, dy) for point in points),
        label_at=None if label is None else _area(label, dx, dy),
    )


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
    label = _width(_shorten(item.label), _FONT)
    note = _width(_shorten(item.note, _LONGEST_NOTE), _SMALL_FONT)
    width = round(max(label, note)) + 2 * _PADDING
    height = _BOX_HEIGHT
    if item.note:
        height += _NOTE_HEIGHT
    return Size(max(_NARROWEST, width), height)


def _width(text: str, font: float) -> float:
    # Names of functions are ASCII, but labels and notes may be Chinese: twice the room.
    wide = [character for character in text if unicodedata.east_asian_width(character) in "WF"]
    return (len(text) + len(wide)) * font


def _shorten(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _moved(point: Point, dx: float, dy: float) -> Point:
    return Point(_round(point.x + dx), _round(point.y + dy))


def _area(label: _Rectangle, dx: float, dy: float) -> tuple[float, float, float, float]:
    left = _round(label.left + dx)
    top = _round(label.top + dy)
    width = _round(label.right - label.left)
    height = _round(label.bottom - label.top)
    return (left, top, width, height)


def _round(value: float) -> float:
    return round(value, 1)
