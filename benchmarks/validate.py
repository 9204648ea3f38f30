# SPDX-License-Identifier: MIT
"""What checking a template of 10,000 functions costs, against libyaml alone, as a ratio of one run.

The functions are one ring of destinations, so that reading, rules and the search for cycles all
have something to do. Processor time, the cheapest of several runs, interleaved.

    python benchmarks/validate.py [--functions 10000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from fc_async_plugin import rules, template

if TYPE_CHECKING:
    from collections.abc import Callable

GOAL = 3.0
HEAD = "edition: 3.0.0\nname: app\nvars: {b: '2'}\nresources:\n"
FUNCTION = """\
  fn{number}:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: fn{number}
      runtime: python3.12
      handler: index.handler
      timeout: 60
      code: ./code
      environmentVariables: {{A: "1", B: "${{vars.b}}"}}
      asyncInvokeConfig:
        maxAsyncEventAgeInSeconds: 3600
        maxAsyncRetryAttempts: 3
        destinationConfig:
          onSuccess: {{destination: "acs:fc:cn-hangzhou:123456:functions/fn{following}"}}
          onFailure: {{destination: "acs:mns:cn-hangzhou:123456:/queues/dead/messages"}}
"""


def check(folder: Path, functions: int) -> None:
    project = template.load(folder, environ={})
    (cycle,) = rules.check(rules.Context([project]), select=["FCA031"])
    assert len(cycle.related) == functions


def parse(folder: Path) -> None:
    yaml.load((folder / "s.yaml").read_bytes(), Loader=yaml.CSafeLoader)


def cost(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    functions: int = arguments.functions
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = HEAD + "".join(
            FUNCTION.format(number=number, following=(number + 1) % functions)
            for number in range(functions)
        )
        (folder / "s.yaml").write_text(text)
        rounds = [
            (cost(lambda: check(folder, functions)), cost(lambda: parse(folder)))
            for _ in range(arguments.rounds)
        ]
    ours, libyaml = map(min, zip(*rounds, strict=True))
    ratio = ours / libyaml
    print(f"validate {functions} functions: {ours:.2f} s, libyaml alone {libyaml:.2f} s")
    print(f"ratio {ratio:.1f}, goal under {GOAL}")
    return int(ratio > GOAL)


if __name__ == "__main__":
    raise SystemExit(main())
