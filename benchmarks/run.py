# SPDX-License-Identifier: MIT
"""Run the benchmarks and write what they found as JSON and as a Markdown table.

    python benchmarks/run.py [NAME ...] [--rounds 3] [--rows 5000000] [--s PATH] [--out FOLDER]

Without names all of them run, each in a process of its own, and the results go to
``benchmarks/results/``. With names they go to standard output, unless --out is given.

Invariants:

- In the first turn each benchmark measures once, in a share of the time that is left; what one does
  not use is there for those after it. What exceeded its share is then measured once more, alone, in
  all the time that is left. Further turns measure again what fits into the rest, so a slow machine
  makes fewer turns and loses no row. A row has the medians of its turns.
- A benchmark that fails, or exceeds its share both times, is a row "failed" after the rows that it
  had written; the others go on, and the exit code is 1.
- SIGINT and SIGTERM end the benchmark that runs; the rows until then are written, too.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rows import Options, Row, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).with_name("results")
SHARES = {
    "starting": 15,
    "dev": 60,
    "validate": 20,
    "cli": 20,
    "plan": 10,
    "sdk_alone": 20,
    "sdk": 20,
    "paces": 30,
    "group": 80,
    "cycles": 150,
    "growth": 90,
    "console": 50,
    "services": 20,
    "engine.accept": 30,
    "engine.paced": 20,
    "engine.cycle": 30,
    "engine.due": 30,
    "engine.burst": 20,
    "engine.restart": 40,
    "engine.moto": 20,
    "engine.procrastinate": 30,
    "engine.postgres": 60,
    "store": 30,
    "runtime": 30,
}
"""Benchmarks: modules of this folder with a function ``measure``, or a part of one; how the time of
the first turn is shared between them, about the seconds of a machine with two busy cores."""
ONCE = {"dev", "cycles", "growth", "console", "engine.due", "engine.burst", "engine.restart"}
"""Benchmarks that prepare much longer than they measure: all their rounds are in the first turn."""
LONGEST = 14.5 * 60
"""Seconds of a whole run."""
INTERRUPTED = "interrupted"
NOT_FINISHED = "not finished after"
AGAIN = -1
"""The turn of benchmarks that exceeded their share of the first one."""


def machine() -> dict[str, Any]:
    """Describe the machine: no host name, no path."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text("utf-8").splitlines() if cpu.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": models[0] if models else platform.machine(),
        "memory_gb": round(memory / 2**30, 1),
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.release()}",
    }


def run_one(name: str, options: Options, out: Path) -> None:
    """Run one benchmark in this process; write each row as a line when it is known."""
    module, _, part = name.partition(".")
    imported = importlib.import_module(module)
    rows = imported.PARTS[part]() if part else imported.measure(options)
    with out.open("w", encoding="utf-8") as file:
        for row in rows:
            print(json.dumps(row._asdict()), file=file, flush=True)


def run_apart(name: str, options: Options, limit: float) -> tuple[list[Row], str]:
    """Run one benchmark in a process group of its own, which ends at the limit.

    Returns:
        The rows until then, and why there are no more: "" if the benchmark has finished.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Its temporary files go with the folder, if it is killed. PostgreSQL's user looks into it.
        environment = {**os.environ, "TMPDIR": folder}
        Path(folder).chmod(0o711)
        out = Path(folder) / "rows.json"
        command = [sys.executable, __file__, "--one", name, "--out", str(out)]
        command += ["--rounds", str(options.rounds), "--rows", str(options.rows)]
        command += ["--s", options.s] if options.s else []
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
            reason = f"exit code {code}" if code else ""
        except subprocess.TimeoutExpired:
            reason = f"{NOT_FINISHED} {limit:.0f} s"
        except KeyboardInterrupt:
            reason = INTERRUPTED
        finally:
            _end(process)
        lines = out.read_text("utf-8").splitlines() if out.exists() else []
    return [Row(**json.loads(line)) for line in lines if line.endswith("}")], reason


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a benchmark stop its servers, then kill its process group.

    A PostgreSQL server is not in the group.
    """
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Turns:
    """Rows that the benchmarks of one run have found, and how much time the next of them has.

    Attributes:
        rows: Rows of all turns, by what they measure.
        failures: The row of each benchmark that has not finished.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.failures: dict[str, Row] = {}
        self._names = names
        self._took: dict[str, float] = {}

    def limit(self, turn: int, name: str, left: float) -> float | None:
        """Return how many seconds of those left a benchmark has; None: it does not run again."""
        if turn == 0:
            waiting = self._names[self._names.index(name) :]
            shares = sum(SHARES.get(follower, 60) for follower in waiting)
            return max(left * SHARES.get(name, 60) / shares, 1)
        if turn == AGAIN:
            again = self._ran_out_of_time(name) and left > self._took[name]
            return left if again else None
        if name in ONCE or name in self.failures:
            return None
        return left if 1.2 * self._took[name] <= left else None

    def add(self, turn: int, name: str, rows: list[Row], reason: str, seconds: float) -> None:
        """Add what a benchmark found, and why it has not finished ("": it has)."""
        self._took[name] = seconds
        for row in rows:
            self.rows.setdefault(row.what, []).append(row)
        if turn == AGAIN and not reason:
            del self.failures[name]
        # A further turn that the end of the run cuts off is no fault: its rows are there already.
        elif reason and (turn in (0, AGAIN) or not reason.startswith(NOT_FINISHED)):
            self.failures[name] = Row(name, None, None, None, note=f"failed: {reason}")

    def _ran_out_of_time(self, name: str) -> bool:
        failure = self.failures.get(name)
        return failure is not None and NOT_FINISHED in failure.note


def run(names: Sequence[str], options: Options) -> tuple[dict[str, Any], bool]:
    """Run benchmarks in turns.

    Returns:
        The result, and whether all benchmarks have finished.
    """
    began = time.monotonic()
    turns = Turns(names)
    first = [(0, name) for name in names]
    again = [(AGAIN, name) for name in names]
    later = [(turn, name) for turn in range(1, options.rounds) for name in names]
    for turn, name in [*first, *again, *later]:
        limit = turns.limit(turn, name, LONGEST - (time.monotonic() - began))
        if limit is None:
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        start = time.monotonic()
        rounds = options.rounds if name in ONCE else 1
        rows, reason = run_apart(name, options._replace(rounds=rounds), limit)
        turns.add(turn, name, rows, reason, time.monotonic() - start)
        if reason == INTERRUPTED:
            break
    shown = [*map(merged, turns.rows.values()), *turns.failures.values()]
    result = {
        "machine": machine(),
        "seconds": round(time.monotonic() - began),
        "rows": [row._asdict() for row in shown],
    }
    return result, not turns.failures


def table(result: dict[str, Any]) -> str:
    """Write a result as a Markdown table, the machine below it."""
    lines = ["| what | ratio | goal | met | ours | other side |", "|---|---|---|---|---|---|"]
    for row in result["rows"]:
        value = row["note"] if row["ratio"] is None else f"{row['ratio']:g}"
        met = {True: "yes", False: "no", None: ""}[row["met"]]
        sides = [
            "" if row[side] is None else f"{row[side]:.4g} {row['unit']}"
            for side in ("ours", "theirs")
        ]
        cells = (row["what"], value, row["goal"] or "", met, *sides)
        lines.append("| " + " | ".join(cells) + " |")
    about = result["machine"]
    machine_line = (
        f"One run of {result['seconds']} s. Machine: {about['cores']} cores ({about['cpu']}), "
        f"{about['memory_gb']} GB of memory, Python {about['python']}, {about['os']}."
    )
    lines += ["", machine_line]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SHARES))
    parser.add_argument("--rounds", type=int, default=3, help="turns, if the time is enough")
    parser.add_argument("--rows", type=int, default=5_000_000, help="of growth")
    parser.add_argument("--s", default=shutil.which("s"), help="the program s")
    parser.add_argument("--out", type=Path, help="folder for bench.json and bench.md")
    parser.add_argument("--one", metavar="NAME", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    options = Options(arguments.rounds, arguments.rows, arguments.s)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if arguments.one:
        run_one(arguments.one, options, arguments.out)
        return 0
    names = []
    for name in arguments.names or SHARES:
        chosen = [
            candidate
            for candidate in (*SHARES, "example")
            if name in {candidate, candidate.partition(".")[0]}
        ]
        if not chosen:
            parser.error(f"no such benchmark: {name}")
        names += chosen
    # Without compiled modules each process that is measured would compile them.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    result, finished = run(names, options)
    folder = arguments.out or (None if arguments.names else RESULTS)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        (folder / "bench.md").write_text(table(result), "utf-8")
    print(table(result))
    return 0 if finished else 1


if __name__ == "__main__":
    sys.exit(main())
