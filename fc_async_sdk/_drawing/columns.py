# SPDX-License-Identifier: MIT
"""A plain layout for installations without the engine: boxes in columns, edges between them.

Columns of boxes alternate with columns of labels. An edge passes each column at a height of its own
and turns only in the channels between columns.

Invariants:
    No edge runs through a box, and each label has room on its own edge, by construction.
    The same graph has the same layout.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk._drawing.geometry import Placed, Point, Size, straighten
from fc_async_sdk.spec import cycles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_sdk._drawing.geometry import Connection

_GAP: Final = 20.0
"""Pixels between two things in a column."""
_TRACK: Final = 12.0
"""Pixels between two edges in a channel."""
_EDGE: Final = 20.0
"""Pixels between a column and the nearest edge that turns: an arrowhead has room."""
_SWEEPS: Final = 6
"""Passes that sort the cells of all columns by the cells that edges lead to."""


class _Cell(NamedTuple):
    """A box, or a part of an edge, in a column.

    Attributes:
        column: Number of the column.
        length: Along the direction of the layout.
        breadth: Across it.
    """

    column: int
    length: float
    breadth: float


class _Step(NamedTuple):
    """The way of an edge through one channel.

    Attributes:
        channel: Number of the channel: that before the column of the same number.
        begin: Number of the cell where it comes from.
        end: Number of the cell where it goes to.
    """

    channel: int
    begin: int
    end: int


def place(
    boxes: Sequence[Size], connections: Sequence[Connection], *, downwards: bool = False
) -> Placed:
    """Lay out a graph.

    Args:
        boxes: Sizes of the boxes.
        connections: Edges.
        downwards: From top to bottom; otherwise from left to right.
    """
    layout = _Layout(boxes, connections, downwards=downwards)
    centres = [layout.centre(number) for number in range(len(boxes))]
    routes = [straighten(layout.route(number)) for number in range(len(connections))]
    labels = [layout.centre(layout.ways[number][1]) for number in range(len(connections))]
    return Placed(centres, routes, labels)


class _Layout:
    """Computes along one direction: ``along`` is x from left to right, y from top to bottom."""

    def __init__(
        self, boxes: Sequence[Size], connections: Sequence[Connection], *, downwards: bool
    ) -> None:
        self._downwards = downwards
        ranks = _ranks(len(boxes), connections)
        # Columns of boxes have even numbers; labels are between.
        self._cells = [self._cell(2 * rank, size) for rank, size in zip(ranks, boxes, strict=True)]
        self.ways = [self._way(connection) for connection in connections]
        """For each edge the cells on its way: a box, cells of its own, a box."""
        self._steps = [self._steps_of(way) for way in self.ways]
        columns = self._sorted_columns()
        self._across = self._positions(columns)
        self._tracks = self._chosen_tracks()
        self._along = self._columns_along(columns)
        self._leaving = self._by_box(box=0, beside=1)
        self._entering = self._by_box(box=-1, beside=-2)

    def _cell(self, column: int, size: Size) -> _Cell:
        if self._downwards:
            return _Cell(column, size.height, size.width)
        return _Cell(column, size.width, size.height)

    def _way(self, connection: Connection) -> list[int]:
        """Make the cells in which an edge passes columns; the first one has its label."""
        source = self._cells[connection.source].column
        target = self._cells[connection.target].column
        # An edge back passes its own column, to the side where its target is entered.
        back = range(source, target - 1, -1)
        passed = range(source + 1, target) if target > source else back
        way = [connection.source]
        for column in passed:
            size = connection.label if len(way) == 1 else Size(0.0, 0.0)
            way.append(len(self._cells))
            self._cells.append(self._cell(column, size))
        return [*way, connection.target]

    def _steps_of(self, way: Sequence[int]) -> list[_Step]:
        first, *rest = way
        column = self._cells[first].column
        channel = column + 1
        is_forward = self._cells[rest[0]].column > column
        steps = [_Step(channel, first, rest[0])]
        for begin, end in pairwise(rest):
            channel += 1 if is_forward else -1
            steps.append(_Step(channel, begin, end))
        return steps

    def _sorted_columns(self) -> list[list[int]]:
        """Return the cells of each column, sorted so that few edges cross."""
        columns: list[list[int]] = [[] for _ in range(max(one.column for one in self._cells) + 1)]
        for number, cell in enumerate(self._cells):
            columns[cell.column].append(number)
        adjacent: dict[int, list[int]] = defaultdict(list)
        for step in (step for steps in self._steps for step in steps):
            adjacent[step.begin].append(step.end)
            adjacent[step.end].append(step.begin)
        places = {number: at for column in columns for at, number in enumerate(column)}

        def mean(number: int) -> float:
            near = [places[other] for other in adjacent[number]]
            return sum(near) / len(near) if near else places[number]

        for sweep in range(_SWEEPS):
            for column in columns if sweep % 2 == 0 else reversed(columns):
                column.sort(key=mean)
                places.update({number: at for at, number in enumerate(column)})
        return columns

    def _positions(self, columns: Sequence[Sequence[int]]) -> dict[int, float]:
        """Return the centre of each cell across the direction; columns have a common middle."""
        found: dict[int, float] = {}
        for column in columns:
            total = sum(self._cells[number].breadth + _GAP for number in column) - _GAP
            at = -total / 2
            for number in column:
                breadth = self._cells[number].breadth
                found[number] = at + breadth / 2
                at += breadth + _GAP
        return found

    def _chosen_tracks(self) -> dict[tuple[int, int], int]:
        """Return the track, in its channel, of each step of each edge."""
        by_channel: dict[int, list[tuple[float, float, int, int]]] = defaultdict(list)
        for edge, steps in enumerate(self._steps):
            for index, step in enumerate(steps):
                ends = self._across[step.begin], self._across[step.end]
                by_channel[step.channel].append((sum(ends), ends[0], edge, index))
        return {
            (edge, index): track
            for channel in by_channel.values()
            for track, (*_, edge, index) in enumerate(sorted(channel))
        }

    def _columns_along(self, columns: Sequence[Sequence[int]]) -> list[tuple[float, float]]:
        """Return begin and end of each column along the direction; channels are between."""
        tracks: dict[int, int] = defaultdict(int)
        for step in (step for steps in self._steps for step in steps):
            tracks[step.channel] += 1
        found = []
        at = 0.0
        for number, column in enumerate(columns):
            at += 2 * _EDGE + tracks[number] * _TRACK
            length = max((self._cells[cell].length for cell in column), default=0.0)
            found.append((at, at + length))
            at += length
        return found

    def _point(self, along: float, across: float) -> Point:
        return Point(across, along) if self._downwards else Point(along, across)

    def centre(self, number: int) -> Point:
        """Return the centre of a cell."""
        begin, end = self._along[self._cells[number].column]
        return self._point((begin + end) / 2, self._across[number])

    def route(self, edge: int) -> list[Point]:
        """Return the points of an edge from border to border."""
        steps = self._steps[edge]
        across = self._ports(edge)
        begin = self._border(self.ways[edge][0], side=1)
        points = [self._point(begin, across[0])]
        for index, step in enumerate(steps):
            at = self._track_along(step.channel, self._tracks[edge, index])
            points.append(self._point(at, across[index]))
            points.append(self._point(at, across[index + 1]))
        end = self._border(self.ways[edge][-1], side=-1)
        return [*points, self._point(end, across[-1])]

    def _track_along(self, channel: int, track: int) -> float:
        before = self._along[channel - 1][1] if channel else 0.0
        return before + _EDGE + (track + 0.5) * _TRACK

    def _border(self, box: int, *, side: int) -> float:
        begin, end = self._along[self._cells[box].column]
        return (begin + end + side * self._cells[box].length) / 2

    def _ports(self, edge: int) -> list[float]:
        """Return where an edge is across the direction in each column on its way."""
        source, *inner, target = self.ways[edge]
        return [
            self._port(source, edge, self._leaving[source]),
            *(self._across[cell] for cell in inner),
            self._port(target, edge, self._entering[target]),
        ]

    def _by_box(self, *, box: int, beside: int) -> dict[int, list[int]]:
        """Return the edges of each box, sorted by where their next cells are.

        Args:
            box: Index of the box in a way.
            beside: Index of the cell beside it.
        """
        found: dict[int, list[int]] = defaultdict(list)
        for edge, way in enumerate(self.ways):
            found[way[box]].append(edge)
        for edges in found.values():
            edges.sort(key=lambda edge: self._across[self.ways[edge][beside]])
        return found

    def _port(self, box: int, edge: int, edges: Sequence[int]) -> float:
        breadth = self._cells[box].breadth
        part = (edges.index(edge) + 1) / (len(edges) + 1)
        return self._across[box] - breadth / 2 + breadth * part


def _ranks(count: int, connections: Sequence[Connection]) -> list[int]:
    """Return the column of each box: behind those of all boxes that lead to it, without cycles."""
    pairs = [(connection.source, connection.target) for connection in connections]
    back = set(cycles.cuts(count, pairs, [True] * len(pairs)))
    successors: dict[int, list[int]] = defaultdict(list)
    waiting = [0] * count
    for number, (source, target) in enumerate(pairs):
        if number not in back:
            successors[source].append(target)
            waiting[target] += 1
    ranks = [0] * count
    ready = [number for number in range(count) if not waiting[number]]
    for source in ready:
        for target in successors[source]:
            ranks[target] = max(ranks[target], ranks[source] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return ranks
