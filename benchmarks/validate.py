# SPDX-License-Identifier: MIT
"""What checking a template costs, against libyaml loading the same file.

The functions are one ring of destinations and share one module with a pace, so that reading, rules
and the search for cycles all have something to do. All rules run, as in ``fc-async validate``;
processor time of this process. The rules also have a row of their own: what they take does not hide
behind the time of reading.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from rows import interleaved, pairs

from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options, Row

    from fc_async_plugin.s_yaml.model import Project

SIZES = {"1 function": 1, "10,000 functions": 10_000}
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


MODULE = "from fc_async_sdk.pacing import Pace\nslots = Pace('orders', rate='100/s')\n"


def check(folder: Path, functions: int) -> None:
    check_rules(s_yaml.load(folder, environ={}), functions)


def check_rules(project: Project, functions: int) -> None:
    found = rules.check(rules.Context([project]))
    if functions > 1:
        (cycle,) = (finding for finding in found if finding.rule == "FCA031")
        assert len(cycle.related) == functions


def parse(folder: Path) -> None:
    yaml.load((folder / "s.yaml").read_bytes(), Loader=yaml.CSafeLoader)


def measure(options: Options) -> Iterator[Row]:
    for label, functions in SIZES.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "code").mkdir()
            (folder / "code" / "index.py").write_text(MODULE)
            text = HEAD + "".join(
                FUNCTION.format(number=number, following=(number + 1) % functions)
                for number in range(functions)
            )
            (folder / "s.yaml").write_text(text)
            project = s_yaml.load(folder, environ={})
            times = interleaved(
                {
                    "ours": partial(check, folder, functions),
                    "rules": partial(check_rules, project, functions),
                    "theirs": partial(parse, folder),
                },
                options.rounds if functions > 1 else options.rounds * 3,
                repeat=functions == 1,
            )
        yield pairs(f"validate of {label} / loading the YAML", times["ours"], times["theirs"], "s")
        yield pairs(f"rules of {label} / loading the YAML", times["rules"], times["theirs"], "s")
