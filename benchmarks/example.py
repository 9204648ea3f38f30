# SPDX-License-Identifier: MIT
"""A benchmark that measures nothing, for the test of ``run.py``.

The environment variable ``EXAMPLE`` says whether it fails after its row, or waits until it is
ended. The name of a file: its row is the number of the turn, which the file counts.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from rows import row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options, Row


def measure(_: Options) -> Iterator[Row]:
    behaviour = os.environ.get("EXAMPLE", "")
    turn = 1
    if Path(behaviour).is_absolute():
        with Path(behaviour).open("a+", encoding="ascii") as file:
            file.write("x")
            turn = file.tell()
    yield row("example", turn, unit="s")
    if behaviour == "fail":
        raise RuntimeError(behaviour)
    if behaviour == "wait":
        print("waiting", flush=True)
        try:
            signal.pause()
        finally:
            print("cleaned up", flush=True)
