# SPDX-License-Identifier: MIT
"""Output of commands: findings, graphs, counts of a runtime, checks of a machine; exit codes."""

from __future__ import annotations

from typing import Final, Literal

Format = Literal["text", "json"]

DONE: Final = 0
FAILED: Final = 1
CHANGES: Final = 2
PARTLY: Final = 3
"""Exit code of a command that has not come to all that it was to do, without an error."""
INTERRUPTED: Final = 130
"""Exit code that a shell reports for a process that SIGINT ended: 128 + 2."""
