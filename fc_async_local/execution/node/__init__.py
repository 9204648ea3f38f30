# SPDX-License-Identifier: MIT
"""Instances of the built-in Node runtimes, on the ``node`` that is on the PATH.

All ``nodejs…`` runtimes run on that one version. What their contract is, is kept in
``bootstrap.js`` beside this file.
"""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Final

from fc_async_local.execution.framed import FramedInstance
from fc_async_local.execution.identity import build_environment
from fc_async_local.execution.worker import frames

_BOOTSTRAP: Final = Path(__file__).with_name("bootstrap.js")
_SOCKET_VARIABLE: Final = "FC_WORKER_SOCKET"  # taken out of the environment before user code runs


@functools.lru_cache(maxsize=1)
def find_node() -> str | None:
    """The interpreter; looked for once."""
    return shutil.which("node")


class NodeInstance(FramedInstance):
    """One Node worker."""

    def _start_frames(self, code: Path) -> bytes:
        start = {
            "kind": "command",
            "folder": str(code),
            "command": [find_node() or "node", str(_BOOTSTRAP)],
            "environment": build_environment(
                self.deployment, self._identity, code, self.instance_id
            ),
            "socket_variable": _SOCKET_VARIABLE,
        }
        # The fork reads the first frame and becomes node, which reads the second.
        return frames.encode(start) + frames.encode(self._function())
