# SPDX-License-Identifier: MIT
"""``--durations-file``: writes where the time of a run went, by folder, file and test.

Seconds are those of the workers together. Processor seconds are those of the worker and of the
processes that it waited for: the difference is time in which the worker waited for something.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

SLOWEST = 40
OPTION = "--durations-file"


class Spent(NamedTuple):
    """Seconds, processor seconds and number of tests."""

    seconds: float = 0.0
    processor: float = 0.0
    tests: int = 0

    def __add__(self, other: object) -> Spent:
        assert isinstance(other, Spent)
        return Spent(*(a + b for a, b in zip(self, other, strict=True)))


class Durations:
    """Adds up the reports of all workers, and writes the file at the end."""

    def __init__(self, config: pytest.Config, file: Path) -> None:
        # A worker sends what it measures in its reports, and this at its end.
        self._output: dict[str, object] | None = getattr(config, "workeroutput", None)
        self._file = file
        self._spent: dict[str, Spent] = defaultdict(Spent)
        self._collections: list[float] = []
        self._before = os.times()

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        before = sum(os.times()[:4])
        result = yield
        spent = sum(os.times()[:4]) - before
        if self._output is not None:
            self._output[OPTION] = spent
        self._collections.append(spent)
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        # A worker that crashed has no output.
        self._collections.append(getattr(node, "workeroutput", {}).get(OPTION, 0.0))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        before, self._before = self._before, os.times()
        # The first four are user and system time, of this process and of its children.
        report.processor_seconds = sum(self._before[:4]) - sum(before[:4])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        processor = getattr(report, "processor_seconds", 0.0)
        tests = int(report.when == "call")
        self._spent[report.nodeid] += Spent(report.duration, processor, tests)

    def pytest_sessionfinish(self) -> None:
        if self._output is None:
            collections = ", ".join(f"{seconds:.1f}" for seconds in self._collections if seconds)
            lines = [f"processor seconds of each collection: {collections}", *_lines(self._spent)]
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text("\n".join([*lines, ""]), encoding="utf-8")


def register(config: pytest.Config) -> None:
    """Measure in this process, a worker or the one that writes, if the option is given."""
    file = config.getoption(OPTION)
    if file is not None:
        config.pluginmanager.register(Durations(config, Path(file)), "durations-file")


def _lines(spent: dict[str, Spent]) -> Iterable[str]:
    by_file = _sums(spent, lambda test: test.split("::")[0])
    by_folder = _sums(by_file, lambda file: "/".join(file.split("/")[:3][: file.count("/")]))
    yield "seconds processor tests where"
    yield f"{_shown(sum(spent.values(), Spent()))} all"
    for parts, limit in ((by_folder, None), (by_file, None), (spent, SLOWEST)):
        yield ""
        slowest = sorted(parts.items(), key=lambda part: part[1], reverse=True)
        yield from (f"{_shown(times)} {name}" for name, times in slowest[:limit])


def _sums(spent: dict[str, Spent], key: Callable[[str], str]) -> dict[str, Spent]:
    sums: dict[str, Spent] = defaultdict(Spent)
    for name, times in spent.items():
        sums[key(name)] += times
    return sums


def _shown(spent: Spent) -> str:
    return f"{spent.seconds:7.1f} {spent.processor:9.1f} {spent.tests:5}"
