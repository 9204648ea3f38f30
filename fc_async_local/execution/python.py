# SPDX-License-Identifier: MIT
"""Instances of the built-in Python runtimes: the fork server's own interpreter.

``python3``, ``python3.9``, ``python3.10`` and ``python3.12`` all run on the interpreter of this
runtime; what their contract is, is kept in :mod:`fc_async_local.execution.worker`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.execution.framed import FramedInstance
from fc_async_local.execution.identity import build_environment
from fc_async_local.execution.worker import frames

if TYPE_CHECKING:
    from pathlib import Path


class PythonInstance(FramedInstance):
    """One Python worker."""

    def _start_frames(self, code: Path) -> bytes:
        environment = build_environment(self.deployment, self._identity, code, self.instance_id)
        start = {"kind": "python", "folder": str(code), "environment": environment}
        return frames.encode(start | self._function())
