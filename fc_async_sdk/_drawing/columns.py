# SPDX-License-Identifier: MIT
"""A plain layout for installations without the engine: boxes in columns, edges between them.

Columns of boxes alternate with columns of labels. An edge passes each column at a height of its own
and turns only in the channels between columns.

Invariants:
    No edge runs through a box, and each label has room on its own edge, by construction.
    The same graph has the same layout.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from fc_async_sdk._drawing.geometry import Placed, Point, Size, straighten
from fc_async_sdk.spec import cycles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fc_async_sdk._drawing.geometry import Connection

_GAP: Final = 20.0
"""Pixels between two things in a column."""
_TRACK: Final = 12.0
"""Pixels between two edges in a channel."""
_EDGE: Final = 20.0
"""Pixels between a column and the nearest edge that turns: an arrowhead has room."""
_SWEEPS: Final = 6
"""Passes that sort the cells of all columns by the cells that edges lead to."""


@dataclass(eq=False, slots=True)
class _Cell:
    """A box, or a part of an edge, in a column.

    Attributes:
        column: Number of the column.
        length: Along the direction of the layout.
        breadth: Across it.
        position: Number of the cell in its column.
        across: Its centre across the direction.
    """

    column: int
    length: float
    breadth: float
    position: int = 0
    across: float = 0.0


@dataclass(eq=False, slots=True)
class _Step:
    """The way of an edge through one channel.

    Attributes:
        channel: Number of the channel: that before the column of the same number.
        begin: The cell where it comes from.
        end: The cell where it goes to.
        track: Number of its track in the channel.
    """

    channel: int
    begin: _Cell
    end: _Cell
    track: int = 0


@dataclass(eq=False, slots=True)
class _Edge:
    """An edge between two boxes.

    Attributes:
        source: The box where it begins.
        passed: Cells of its own in the columns that it passes; the first one has its label.
        target: The box where it ends.
        steps: Its way through the channels between these cells.
    """

    source: _Cell
    passed: list[_Cell]
    target: _Cell
    steps: list[_Step]


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
    centres = [layout.centre(box) for box in layout.boxes]
    routes = [straighten(layout.route(edge)) for edge in layout.edges]
    labels = [layout.centre(edge.passed[0]) for edge in layout.edges]
    return Placed(centres, routes, labels)


class _Layout:
    """Computes along one direction: ``along`` is x from left to right, y from top to bottom."""

    def __init__(
        self, boxes: Sequence[Size], connections: Sequence[Connection], *, downwards: bool
    ) -> None:
        self._downwards = downwards
        self.boxes: list[_Cell] = []
        ranks = _ranks(len(boxes), connections)
        for rank, size in zip(ranks, boxes, strict=True):
            # Columns of boxes have even numbers; labels are between. So a label never shares a
            # column with a box that it could overlap.
            self.boxes.append(self._cell(2 * rank, size))
        self.edges = [self._edge(connection) for connection in connections]
        steps: list[_Step] = []
        for edge in self.edges:
            steps.extend(edge.steps)
        columns = _columns(self.boxes, self.edges)
        _sort(columns, steps)
        _spread(columns)
        _choose_tracks(steps)
        self._extents = _extents(columns, steps)
        self._leaving = _by_box((edge.source, edge.passed[0], edge) for edge in self.edges)
        self._entering = _by_box((edge.target, edge.passed[-1], edge) for edge in self.edges)

    def _cell(self, column: int, size: Size) -> _Cell:
        if self._downwards:
            return _Cell(column, length=size.height, breadth=size.width)
        return _Cell(column, length=size.width, breadth=size.height)

    def _edge(self, connection: Connection) -> _Edge:
        source = self.boxes[connection.source]
        target = self.boxes[connection.target]
        is_forward = target.column > source.column
        if is_forward:
            columns = range(source.column + 1, target.column)
        else:
            # An edge back passes its own column, to the side where its target is entered.
            columns = range(source.column, target.column - 1, -1)
        label = self._cell(columns[0], connection.label)
        passages = [_Cell(column, length=0.0, breadth=0.0) for column in columns[1:]]
        passed = [label, *passages]
        # Every edge leaves its box on the same side: in the channel after the box's column.
        channel = source.column + 1
        direction = 1 if is_forward else -1
        steps = []
        for begin, end in pairwise([source, *passed, target]):
            steps.append(_Step(channel, begin, end))
            channel += direction
        return _Edge(source, passed, target, steps)

    def _point(self, along: float, across: float) -> Point:
        return Point(across, along) if self._downwards else Point(along, across)

    def centre(self, cell: _Cell) -> Point:
        """Return the centre of a cell."""
        begin, end = self._extents[cell.column]
        return self._point((begin + end) / 2, cell.across)

    def route(self, edge: _Edge) -> list[Point]:
        """Return the points of an edge from border to border."""
        across = _port(edge, edge.source, self._leaving[edge.source])
        begin = self._border(edge.source, side=1)
        points = [self._point(begin, across)]
        for step in edge.steps:
            turn = self._track_along(step)
            points.append(self._point(turn, across))
            across = step.end.across
            if step.end is edge.target:
                across = _port(edge, edge.target, self._entering[edge.target])
            points.append(self._point(turn, across))
        end = self._border(edge.target, side=-1)
        points.append(self._point(end, across))
        return points

    def _track_along(self, step: _Step) -> float:
        begin = 0.0
        if step.channel:
            _, begin = self._extents[step.channel - 1]
        offset = (step.track + 0.5) * _TRACK
        return begin + _EDGE + offset

    def _border(self, box: _Cell, *, side: int) -> float:
        # The middle of the column, not its begin: boxes of a column differ in length.
        begin, end = self._extents[box.column]
        return (begin + end + side * box.length) / 2


def _columns(boxes: Sequence[_Cell], edges: Sequence[_Edge]) -> list[list[_Cell]]:
    """Return the cells of each column in the order in which they were made."""
    cells = [*boxes]
    for edge in edges:
        cells.extend(edge.passed)
    last = max(cell.column for cell in cells)
    columns: list[list[_Cell]] = [[] for _ in range(last + 1)]
    for cell in cells:
        columns[cell.column].append(cell)
    return columns


def _sort(columns: Sequence[list[_Cell]], steps: Sequence[_Step]) -> None:
    """Sort the cells of each column so that few edges cross."""
    neighbours: dict[_Cell, list[_Cell]] = defaultdict(list)
    for step in steps:
        neighbours[step.begin].append(step.end)
        neighbours[step.end].append(step.begin)

    def barycentre(cell: _Cell) -> float:
        near = neighbours[cell]
        if not near:
            return cell.position
        return sum(neighbour.position for neighbour in near) / len(near)

    for column in columns:
        _number(column)
    # The barycentre heuristic of Sugiyama, Tagawa and Toda (1981). It sweeps to and fro, because
    # a column that was sorted changes the means of the columns on both sides.
    for sweep in range(_SWEEPS):
        is_forward = sweep % 2 == 0
        for column in columns if is_forward else reversed(columns):
            column.sort(key=barycentre)
            _number(column)


def _number(column: Sequence[_Cell]) -> None:
    for position, cell in enumerate(column):
        cell.position = position


def _spread(columns: Sequence[Sequence[_Cell]]) -> None:
    """Set the centre of each cell across the direction; columns have a common middle."""
    for column in columns:
        total = sum(cell.breadth + _GAP for cell in column) - _GAP
        begin = -total / 2
        for cell in column:
            cell.across = begin + cell.breadth / 2
            begin += cell.breadth + _GAP


def _choose_tracks(steps: Sequence[_Step]) -> None:
    """Set the track of each step, so that no two edges share a line in a channel."""
    channels: dict[int, list[_Step]] = defaultdict(list)
    for step in steps:
        channels[step.channel].append(step)
    for channel in channels.values():
        # Edges turn in the order of their middles, so that few cross. Equal ones stay in the
        # order of the edges: the same graph has the same tracks.
        channel.sort(key=_middle_and_begin)
        for track, step in enumerate(channel):
            step.track = track


def _middle_and_begin(step: _Step) -> tuple[float, float]:
    begin = step.begin.across
    end = step.end.across
    return (begin + end, begin)


def _extents(
    columns: Sequence[Sequence[_Cell]], steps: Sequence[_Step]
) -> list[tuple[float, float]]:
    """Return begin and end of each column along the direction; channels are between."""
    tracks = Counter(step.channel for step in steps)
    extents = []
    end = 0.0
    for number, column in enumerate(columns):
        channel = 2 * _EDGE + tracks[number] * _TRACK
        length = max((cell.length for cell in column), default=0.0)
        begin = end + channel
        end = begin + length
        extents.append((begin, end))
    return extents


def _by_box(ends: Iterable[tuple[_Cell, _Cell, _Edge]]) -> dict[_Cell, list[_Edge]]:
    """Return the edges on one side of each box, sorted by where the cells beside it are.

    Args:
        ends: Box, the cell of the edge beside it, and the edge.
    """
    # Ports in the order of the cells: edges do not cross before they have left the box. Equal ones
    # stay in the order of the edges.
    sorted_ends = sorted(ends, key=lambda end: end[1].across)
    edges: dict[_Cell, list[_Edge]] = defaultdict(list)
    for box, _, edge in sorted_ends:
        edges[box].append(edge)
    return edges


def _port(edge: _Edge, box: _Cell, edges: Sequence[_Edge]) -> float:
    """Return where an edge meets a box, across the direction: ports are evenly spread.

    Args:
        edge: The edge.
        box: The box.
        edges: All edges on this side of the box, in their order.
    """
    number = edges.index(edge) + 1
    fraction = number / (len(edges) + 1)
    begin = box.across - box.breadth / 2
    return begin + box.breadth * fraction


def _ranks(count: int, connections: Sequence[Connection]) -> list[int]:
    """Return the column of each box: behind those of all boxes that lead to it, without cycles."""
    pairs = [(connection.source, connection.target) for connection in connections]
    any_edge = [True] * len(pairs)
    back = set(cycles.cuts(count, pairs, any_edge))
    successors: dict[int, list[int]] = defaultdict(list)
    predecessors = [0] * count
    for number, (source, target) in enumerate(pairs):
        if number in back:
            continue
        successors[source].append(target)
        predecessors[target] += 1
    ranks = [0] * count
    # Kahn's topological order: the list grows while it is read, and each box enters it once.
    ready = [box for box in range(count) if not predecessors[box]]
    for source in ready:
        for target in successors[source]:
            ranks[target] = max(ranks[target], ranks[source] + 1)
            predecessors[target] -= 1
            if not predecessors[target]:
                ready.append(target)
    return ranks
