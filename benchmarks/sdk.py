# SPDX-License-Identifier: MIT
"""How fast the SDK is, against what a team would otherwise use: ratios of one run.

    python benchmarks/sdk.py [--rounds 5] [--quick] [--json FILE] [--check]

Every pair runs interleaved against the same server on this machine, each client in a process of
its own; the server gets one core and the client another when there are two. A ratio is the median
over the rounds. ``--check`` exits 1 when a ratio misses its target. Absolute numbers depend on the
machine and are context only.

Needs the group ``bench``: the official SDK and aws-lambda-powertools. What is missing is skipped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from itertools import chain
from pathlib import Path

import sdk_alone
import sdk_wire


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="fewer calls per round")
    parser.add_argument("--json", type=Path, help="write all samples here")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    arguments = parser.parse_args()
    print(f"{'what':44}{'ratio':>8}{'target':>9}   {'ours':>10} {'theirs':>10}")
    results = []
    for measured in chain(
        sdk_alone.measure(arguments.rounds),
        sdk_wire.measure(arguments.rounds, 0.3 if arguments.quick else 1.0),
    ):
        target = measured.target
        ours, theirs = statistics.median(measured.ours), statistics.median(measured.theirs)
        verdict = "" if target.met(measured.ratio) else "  MISSED"
        print(
            f"{target.name:44}{measured.ratio:8.2f}{target.wanted():>9}   "
            f"{ours:10.4g} {theirs:10.4g} {measured.unit}{verdict}",
            flush=True,
        )
        results.append(measured)
    if arguments.json:
        rows = [{**m._asdict(), "target": m.target._asdict(), "ratio": m.ratio} for m in results]
        arguments.json.write_text(json.dumps(rows, indent=1), "utf-8")
    missed = [m for m in results if not m.target.met(m.ratio)]
    return 1 if arguments.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
