# SPDX-License-Identifier: MIT
"""Doing it: steps side by side, undone as a whole on failure, with a journal on disk."""

from __future__ import annotations

from fc_async_plugin.apply.executor import (
    Failure,
    Report,
    Watcher,
    Work,
    apply,
    drop_unused_versions,
    undo,
)

__all__ = ["Failure", "Report", "Watcher", "Work", "apply", "drop_unused_versions", "undo"]
