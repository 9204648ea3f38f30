# SPDX-License-Identifier: MIT
"""Sizes, points and routes of layouts, in pixels; y grows downwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOISE: Final = 1.0
"""A step aside that is shorter, in pixels, is an error of rounding."""


class Size(NamedTuple):
    """Width and height in pixels."""

    width: float
    height: float


class Point(NamedTuple):
    """A place in pixels; y grows downwards."""

    x: float
    y: float


class Connection(NamedTuple):
    """An edge between two boxes, by their numbers, with the size of its label."""

    source: int
    target: int
    label: Size


class Placed(NamedTuple):
    """A layout: centres of boxes, routes from border to border, centres of labels."""

    centres: list[Point]
    routes: list[list[Point]]
    labels: list[Point]


def straighten(points: Sequence[Point]) -> list[Point]:
    """Make segments exactly horizontal or vertical, and leave out turns that lead nowhere."""
    straight = [*points[:1]]
    for point in points[1:]:
        last = straight[-1]
        x = _snapped(point.x, last.x)
        y = _snapped(point.y, last.y)
        if len(straight) > 1:
            before = straight[-2]
            is_upright = before.x == last.x == x
            is_level = before.y == last.y == y
            if is_upright or is_level:
                # The last point is between two others on one line: it is not a turn.
                straight.pop()
        straight.append(Point(x, y))
    return straight


def _snapped(value: float, last: float) -> float:
    return last if abs(value - last) < _NOISE else value
