# SPDX-License-Identifier: MIT
"""Finds the page of a rule: in the wheel, or in the documentation beside the sources."""

from __future__ import annotations

from pathlib import Path


def path(rule: str) -> Path:
    """Return the page of a rule, Markdown."""
    package = Path(__file__).parents[1]
    installed = package / "_rules"
    folder = installed if installed.is_dir() else package.parents[1] / "docs" / "rules"
    return folder / f"{rule}.md"


def url(rule: str) -> str:
    """Return the URL of the page on this machine."""
    return path(rule).as_uri()


def text(rule: str) -> str:
    """Return the page."""
    return path(rule).read_text(encoding="utf-8")
