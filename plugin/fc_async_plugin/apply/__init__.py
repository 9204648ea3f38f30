# SPDX-License-Identifier: MIT
"""Carries out plans: steps in parallel, all undone on failure, with a journal on disk."""

from __future__ import annotations

from fc_async_plugin.apply.executor import (
    Earlier,
    Failure,
    Report,
    Watcher,
    Work,
    apply,
    drop_unused_versions,
    undo,
)

__all__ = [
    "Earlier",
    "Failure",
    "Report",
    "Watcher",
    "Work",
    "apply",
    "drop_unused_versions",
    "undo",
]
