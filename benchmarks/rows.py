# SPDX-License-Identifier: MIT
"""What all benchmarks share: a row of the result, the goals, and the interleaved clock.

Invariants:

- Goals are spelled here only. A row without an entry in ``GOALS`` is an error; None is no goal.
- The two sides of a ratio are measured alternately in one run.
- A benchmark measures once, or as many rounds as it is told; :func:`merged` joins its turns.
"""

from __future__ import annotations

import contextlib
import gc
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Goal(NamedTuple):
    """A bound of a ratio: ``>=`` or ``<=`` a value."""

    sign: str
    value: float

    def met(self, ratio: float) -> bool:
        return ratio >= self.value if self.sign == ">=" else ratio <= self.value

    def __str__(self) -> str:
        return f"{self.sign} {self.value:.3g}"


def at_least(value: float) -> Goal:
    return Goal(">=", value)


def at_most(value: float) -> Goal:
    return Goal("<=", value)


GOALS: dict[str, Goal | None] = {
    "example": at_least(1),
    # the engine; ratios of rates. An accept may cost 5 times what the bare server spends, a cycle 9
    # times: that is what the HTTP server, the checks and the states of a task take.
    "durable accept / bare group commit": at_least(1 / 5),
    "durable accept / one commit per message": at_least(3),
    "accept at 4,000 a second, 99th percentile, ms": at_most(10),
    "accept to settled / the limit's cycle": at_least(1 / 9),
    "start after the due time, 99th percentile, ms": at_most(5),
    "started before the due time": at_most(0),
    "burst of 20,000, seconds until all are settled": None,
    "start on 500,000 waiting, s": at_most(2),
    "memory with 500,000 waiting, MB": at_most(300),
    "accept beside 500,000 waiting / on nothing": None,
    "durable accept / moto's Event invoke": at_least(10),
    "accept to settled / procrastinate's defer and run": at_least(5),
    "accept on PostgreSQL / on SQLite": at_least(0.5),
    "cycle on PostgreSQL / on SQLite": at_least(0.5),
    # the store and the workers alone; ratios of rates
    "SQLite, commit per message / fdatasync": None,
    "SQLite, group commit / fdatasync": None,
    "SQLite, group commit / commit per message": None,
    "SQLite, cycle of the store / group commit": None,
    "PostgreSQL / SQLite, commit per message": None,
    "PostgreSQL / SQLite, group commit": None,
    "PostgreSQL / SQLite, cycle of the store": None,
    "PostgreSQL / SQLite, jobs claimed and settled": None,
    "warm call in a worker / bare loop over a socket": None,
    "8 warm calls at a time / bare loop over a socket": None,
    "call that needs a new instance / bare process": None,
    "warm call of a custom runtime / the same server": None,
    # a page of the list, which the console shows before its counts
    "console, the slowest page of a filter on 1,000,000 tasks, ms": at_most(100),
    # growth of the store; ratios of times
    "accept, time on many rows / on few": at_most(1.5),
    "claim, time on many rows / on few": at_most(1.5),
    "settle, time on many rows / on few": at_most(1.5),
    "list, time on many rows / on few": at_most(1.5),
    # SDK; ratios of rates, of times where named
    "invoke_async / official SDK, 1 thread": at_least(1.4),
    "invoke_async / official SDK, 32 threads": at_least(1.5),
    "asyncio client / official asyncio client, 32 at a time": at_least(4),
    "fan_out of 10,000 / official SDK with 32 threads": at_least(5),
    "fan_out of 10,000 at a pace / without": at_least(0.91),
    "booking 10,000 slots on SQLite, ms": at_most(50),
    "bookings of a pace by 64 processes / by one, Redis": None,
    "bookings of a pace by 64 processes / by one, PostgreSQL": None,
    "waiting for 10,000 tasks, requests, group / polling each": at_most(0.01),
    "waiting for 10,000 tasks, time, group / polling each": None,
    "import / import of the official SDK, time": at_most(0.2),
    "import / import of the official SDK, memory": at_most(0.2),
    "import and a ready client / official SDK, time": at_most(0.5),
    "import and a ready client / official SDK, memory": at_most(0.5),
    "signing / official signer, time": at_most(0.6),
    "events.parse / msgspec decoding the JSON, 100 B of JSON": at_most(1.3),
    "events.parse / msgspec decoding the JSON, 100 KB of JSON": at_most(1.3),
    "events.parse / msgspec decoding the JSON, 100 KB of text": at_most(1.3),
    "events.parse and payloads as text / msgspec, 100 B of JSON": None,
    "events.parse and payloads as text / msgspec, 100 KB of JSON": at_most(1.3),
    "events.parse and payloads as text / msgspec, 100 KB of text": at_most(1.3),
    "powertools' data class / events.parse, 100 B of JSON": None,
    "powertools' data class / events.parse, 100 KB of JSON": None,
    "powertools' data class / events.parse, 100 KB of text": None,
    # local runtime, seen from the command line and from tests
    "start of the runtime to the first 202, s": at_most(0.5),
    "start of the runtime to the first 202, processor, s": None,
    "one test on the fixture fc_local, ms": at_most(50),
    "MNS receive and delete / bare stand-in, one by one": at_least(0.5),
    "MNS receive and delete / bare stand-in, batches of 16": at_least(0.5),
    # the development loop
    "save to next attempt on new code, Python, median, ms": at_most(300),
    "save to next attempt on new code, Python, 95th percentile, ms": at_most(300),
    "save to next attempt on new code, Python, processor, ms": None,
    "save to next attempt on new code, Node, median, ms": at_most(300),
    "save to next attempt on new code, Node, 95th percentile, ms": at_most(300),
    "save to next attempt on new code, Node, processor, ms": None,
    "s.yaml change to applied, median, ms": at_most(500),
    "s.yaml change to applied, 95th percentile, ms": at_most(500),
    "s.yaml change to applied, processor, ms": None,
    # deploy plugin; ratios of times
    "validate of 1 function / loading the YAML": None,  # below 1 ms; a process starts in 120
    "validate of 10,000 functions / loading the YAML": at_most(1.25),
    "rules of 1 function / loading the YAML": None,
    "rules of 10,000 functions / loading the YAML": at_most(0.5),
    "fc-async --version / s -v": at_most(0.25),
    "fc-async validate / s verify": at_most(0.33),
    "plan of 1,000 configurations, s": None,
    "plan of 1,000 configurations, requests": None,
    "networkx / cycles, 100,000 nodes": at_least(10),
    "networkx / cycles, 1,000,000 nodes": at_least(10),
    "rustworkx / cycles, 100,000 nodes": at_least(1),
    "rustworkx / cycles, 1,000,000 nodes": at_least(1),
}


class Options(NamedTuple):
    """How a run measures."""

    rounds: int = 3
    rows: int = 5_000_000
    """Of the large file whose growth is measured."""
    s: str | None = None
    """The program ``s``."""


class Row(NamedTuple):
    """One line of the result.

    ``ratio`` is the measured value where ``what`` names a unit; None where a peer is missing.
    ``met`` is None without a goal or without a ratio.
    """

    what: str
    ratio: float | None
    goal: str | None
    met: bool | None
    ours: float | None = None
    theirs: float | None = None
    unit: str = ""
    note: str = ""


def row(what: str, ratio: float, **details: float | str) -> Row:
    """Make a row and judge it by the goal that ``GOALS`` has for it."""
    goal = GOALS[what]
    rounded = float(f"{ratio:.4g}")
    return Row(what, rounded, goal and str(goal), goal and goal.met(ratio), **details)  # type: ignore[arg-type]


def merged(turns: Sequence[Row]) -> Row:
    """Make one row of those that several turns have for the same: the median of each number."""

    def middle(name: str) -> float | None:
        values = [value for turn in turns if (value := getattr(turn, name)) is not None]
        return statistics.median(values) if values else None

    first = turns[0]
    ratio = middle("ratio")
    if ratio is None:
        return first
    judged = row(first.what, ratio)
    return judged._replace(
        ours=middle("ours"), theirs=middle("theirs"), unit=first.unit, note=first.note
    )


def processor_seconds(pid: int) -> float:
    """Return what a process and its descendants have used, also those that have ended.

    Elapsed time depends on what else the machine does; this does so much less.
    """
    process = psutil.Process(pid)
    used = 0.0
    for member in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            used += sum(
                member.cpu_times()[:4]
            )  # user, system, and both of children that have ended
    return used


def missing(what: str, reason: str) -> Row:
    """Make the row of something that could not be measured here."""
    goal = GOALS[what]
    return Row(what, None, goal and str(goal), None, note=f"not run: {reason}")


def pairs(
    what: str, ours: Sequence[float], theirs: Sequence[float], unit: str, *, inverse: bool = False
) -> Row:
    """Make the row of two interleaved series: the median of ours / theirs, or its inverse."""
    ratios = [b / a if inverse else a / b for a, b in zip(ours, theirs, strict=True)]
    mine, other = statistics.median(ours), statistics.median(theirs)
    return row(what, statistics.median(ratios), ours=mine, theirs=other, unit=unit)


def interleaved(
    works: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
    *,
    repeat: bool = True,
) -> dict[str, list[float]]:
    """Run each of several works once a round; return the seconds that each run took by name.

    A work that takes less than 20 ms is repeated within its run, after one call to warm up;
    ``repeat`` False spares that call where every work takes long.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    counts = dict.fromkeys(works, 1)
    for name, work in works.items() if repeat else ():
        began = time.perf_counter()
        work()
        counts[name] = max(1, int(0.02 / max(time.perf_counter() - began, 1e-7)))
    for _ in range(rounds):
        for name, work in works.items():
            gc.collect()
            began = clock()
            for _ in range(counts[name]):
                work()
            times[name].append((clock() - began) / counts[name])
    return times
