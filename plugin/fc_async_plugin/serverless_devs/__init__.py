# SPDX-License-Identifier: MIT
"""The folder that Serverless Devs takes as a plugin and as a component.

What is in it is Node, because ``s`` loads nothing else; all it does is call ``fc-async``.
"""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """Return the folder to name after ``plugin:`` or ``component:``."""
    return Path(__file__).parent / "fc-async"
