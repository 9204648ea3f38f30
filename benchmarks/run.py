# SPDX-License-Identifier: MIT
"""Run the benchmarks and write what they found as JSON and as a Markdown table.

    python benchmarks/run.py [NAME ...] [--rounds 3] [--rows 5000000] [--s PATH] [--out FOLDER]

Without names all of them run, each in a process of its own, and the results go to
``benchmarks/results/``. With names they go to standard output, unless --out is given.

Invariants:

- A benchmark that fails or exceeds its time limit is a row "failed" after the rows that it had
  written; the others go on, and the exit code is 1.
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

from rows import Options, Row

if TYPE_CHECKING:
    from collections.abc import Iterable

RESULTS = Path(__file__).with_name("results")
LIMITS = {
    "starting": 60,
    "dev": 180,
    "validate": 90,
    "cli": 40,
    "plan": 60,
    "sdk_alone": 60,
    "sdk": 120,
    "group": 150,
    "cycles": 150,
    "growth": 180,
    "console": 120,
    "services": 60,
    "engine": 420,
    "store": 60,
    "runtime": 60,
}
"""Benchmarks, modules of this folder with a function ``measure``; seconds that each may take. Those
that a user waits for come first: the last ones are left out if the time of the whole run ends."""
LONGEST = 14.5 * 60
"""Seconds of a whole run."""
INTERRUPTED = "interrupted"


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
    with out.open("w", encoding="utf-8") as file:
        for row in importlib.import_module(name).measure(options):
            print(json.dumps(row._asdict()), file=file, flush=True)


def run_apart(name: str, options: Options, limit: float) -> tuple[list[dict[str, Any]], str]:
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
            reason = f"not finished after {limit:.0f} s"
        except KeyboardInterrupt:
            reason = INTERRUPTED
        finally:
            _end(process)
        lines = out.read_text("utf-8").splitlines() if out.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")], reason


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


def run(names: Iterable[str], options: Options) -> tuple[dict[str, Any], bool]:
    """Run benchmarks one after the other.

    Returns:
        The result, and whether all benchmarks have finished.
    """
    began = time.monotonic()
    rows: list[dict[str, Any]] = []
    finished = True
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        left = LONGEST - (time.monotonic() - began)
        found, reason = run_apart(name, options, max(min(LIMITS.get(name, 60), left), 1))
        rows += found
        if reason:
            finished = False
            rows.append(Row(name, None, None, None, note=f"failed: {reason}")._asdict())
        if reason == INTERRUPTED:
            break
    seconds = round(time.monotonic() - began)
    return {"machine": machine(), "seconds": seconds, "rows": rows}, finished


def table(result: dict[str, Any]) -> str:
    """Write a result as a Markdown table, the machine below it."""
    lines = ["| what | ratio | goal | met | ours | other side |", "|---|---|---|---|---|---|"]
    for found in result["rows"]:
        value = found["note"] if found["ratio"] is None else f"{found['ratio']:g}"
        met = {True: "yes", False: "no", None: ""}[found["met"]]
        sides = [
            "" if found[side] is None else f"{found[side]:.4g} {found['unit']}"
            for side in ("ours", "theirs")
        ]
        cells = (found["what"], value, found["goal"] or "", met, *sides)
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
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(LIMITS))
    parser.add_argument("--rounds", type=int, default=3)
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
    unknown = set(arguments.names) - {*LIMITS, "example"}
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    # Without compiled modules each process that is measured would compile them.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    result, finished = run(arguments.names or LIMITS, options)
    folder = arguments.out or (None if arguments.names else RESULTS)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        (folder / "bench.md").write_text(table(result), "utf-8")
    print(table(result))
    return 0 if finished else 1


if __name__ == "__main__":
    sys.exit(main())
