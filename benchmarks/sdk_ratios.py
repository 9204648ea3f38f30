# SPDX-License-Identifier: MIT
"""What the comparisons of the SDK share: the request, a target, and what was found."""

from __future__ import annotations

import json
import statistics
from typing import NamedTuple

KEY, SECRET = "LTAI5tBenchmarkKey000001", "benchmark-secret-benchmark-sec"
BODY = json.dumps({"orderId": "x" * 900, "n": 1}).encode()


class Target(NamedTuple):
    """What is measured, how, and what it has to reach."""

    name: str
    at_least: float | None = None
    at_most: float | None = None

    def met(self, ratio: float) -> bool:
        low = self.at_least is None or ratio >= self.at_least
        return low and (self.at_most is None or ratio <= self.at_most)

    def wanted(self) -> str:
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


class Measured(NamedTuple):
    target: Target
    ratios: list[float]
    ours: list[float]
    theirs: list[float]
    unit: str

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)
