# SPDX-License-Identifier: MIT
"""A benchmark that measures nothing, for the test of ``run.py``.

After its row it fails, or waits until it is ended, if the environment variable ``EXAMPLE`` says so.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options


def measure(_: Options) -> Iterator[Row]:
    yield Row("example", 1.0, ">= 1", met=True, unit="s")
    behaviour = os.environ.get("EXAMPLE")
    if behaviour == "fail":
        raise RuntimeError(behaviour)
    if behaviour == "wait":
        print("waiting", flush=True)
        try:
            signal.pause()
        finally:
            print("cleaned up", flush=True)
