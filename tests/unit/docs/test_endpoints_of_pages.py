# SPDX-License-Identifier: MIT
"""What pages lead a reader to do does not take later commands to another place."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
SHOWN = ("*.md", "docs/**/*.md", "docs/**/*.po", "templates/**/*.md", "tests/stories/*.sh")


def test_nothing_exports_an_endpoint_which_outlives_the_page() -> None:
    """A reader exported it in the tutorial; weeks later `deploy -a prod` met it."""
    files = [file for pattern in SHOWN for file in ROOT.glob(pattern) if "_build" not in file.parts]
    assert len(files) > 100
    exporting = [
        str(file.relative_to(ROOT))
        for file in files
        if "export FC_ASYNC_ENDPOINT" in file.read_text("utf-8")
    ]
    assert exporting == []
