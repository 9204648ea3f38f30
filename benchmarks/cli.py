# SPDX-License-Identifier: MIT
"""What a start of ``fc-async`` costs, against the real ``s``.

Processor time of whole processes, the cheapest of several, interleaved: unlike elapsed time it does
not count waiting for other processes. Needs ``s`` (npm package @serverless-devs/s 3.1.10). The
component that ``s verify`` loads here does nothing: a real one's work would come on top.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rows import missing, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options, Row

TEMPLATE = """\
edition: 3.0.0
name: x
access: default
resources:
  a:
    component: ./fc3
    props:
      region: cn-hangzhou
      functionName: a
      runtime: python3.12
      code: ./code
      asyncInvokeConfig:
        asyncTask: true
        destinationConfig:
          onFailure: {destination: "acs:mns:cn-hangzhou::/queues/q/messages"}
"""


def cost(command: list[str], folder: Path) -> float:
    """Processor seconds of one run, children included."""
    environment = {
        **os.environ,
        "serverless_devs_config_home": str(folder),
        "GITHUB_ACTIONS": "true",  # s takes no notice of root and asks nothing in CI
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def project(folder: Path) -> None:
    (folder / "s.yaml").write_text(TEMPLATE)
    (folder / "code").mkdir()
    (folder / "fc3").mkdir()
    (folder / "fc3" / "package.json").write_text('{"name": "fc3", "main": "index.js"}')
    (folder / "fc3" / "index.js").write_text("module.exports = class {};")
    (folder / ".s").mkdir()
    (folder / ".s" / "set-config.yml").write_text("analysis: disable\n")


def measure(options: Options) -> Iterator[Row]:
    ours = [sys.executable, "-m", "fc_async_plugin"]
    works = {
        "fc-async --version / s -v": ([*ours, "--version"], "-v"),
        "fc-async validate / s verify": ([*ours, "validate"], "verify"),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project(folder)
        for what, (mine, argument) in works.items():
            if options.s is None:
                yield missing(what, "s is not installed")
                continue
            peer = [options.s, argument]
            rounds = [(cost(mine, folder), cost(peer, folder)) for _ in range(options.rounds)]
            best, bar = (min(column) for column in zip(*rounds, strict=True))
            yield row(what, best / bar, ours=best, theirs=bar, unit="s")
