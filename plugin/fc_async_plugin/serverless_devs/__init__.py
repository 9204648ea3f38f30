# SPDX-License-Identifier: MIT
"""The folder that Serverless Devs loads as a plugin and as a component.

``s`` loads Node code only, so the folder has Node code that calls ``fc-async``.
"""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """Return the folder to name after ``plugin:`` or ``component:``."""
    return Path(__file__).parent / "fc-async"
