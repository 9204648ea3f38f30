# SPDX-License-Identifier: MIT
"""Checks a page against WCAG 2.2 AA with axe-core."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

_AXE: Final = Path(__file__).parents[3] / "console" / "node_modules" / "axe-core" / "axe.min.js"
_RULES: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def violations(page: Page, part: str = "html") -> list[str]:
    """Return what is wrong with a page. Its context must have ``bypass_csp``.

    Args:
        page: The page.
        part: Selects what is checked, such as ``dialog``.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text(encoding="utf-8"))
    # The whole result, with the rules that hold, takes longer to send than the check takes.
    violations: list[dict[str, Any]] = page.evaluate(
        f"axe.run('{part}', {json.dumps(_RULES)}).then((result) => result.violations)"
    )
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in violations
        for node in violation["nodes"]
    ]
