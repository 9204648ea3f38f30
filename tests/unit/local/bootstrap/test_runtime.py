# SPDX-License-Identifier: MIT
"""What a start of the runtime waits for."""

from __future__ import annotations

import subprocess
import sys


def test_the_runtime_starts_without_clients_and_libraries_of_terminals() -> None:
    program = (
        "import sys, fc_async_local.bootstrap.runtime;"
        "print([m for m in ('rich', 'requests', 'aiohttp', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
