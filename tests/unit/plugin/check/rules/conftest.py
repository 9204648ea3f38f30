# SPDX-License-Identifier: MIT
"""Runs rules over templates that are given as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_plugin.check.graph.build import LiveRegion
    from fc_async_plugin.check.rules import Finding

HEAD = "edition: 3.0.0\nname: app\nresources:\n"


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., list[Finding]]:
    """``check(text, ..., select=(), account_id="", live=())``: each text is one template.

    Notes that most templates get are left out unless ``ignore=()`` asks for them.
    """

    def run(
        *texts: str,
        select: tuple[str, ...] = (),
        ignore: tuple[str, ...] = ("FCA054", "FCA060", "FCA078"),
        account_id: str = "",
        live: tuple[LiveRegion, ...] | None = None,
        roles: dict[str, Any] | None = None,
        now: int | None = None,
    ) -> list[Finding]:
        projects = []
        problems: list[s_yaml.Problem] = []
        for number, text in enumerate(texts):
            file = tmp_path / f"s{number or ''}.yaml"
            file.write_text(text if text.startswith("edition") else HEAD + text)
            try:
                projects.append(s_yaml.load(file, environ={}, account_id=account_id))
            except s_yaml.TemplateError as error:
                problems += error.problems
        return rules.check(
            rules.Context(projects, problems, live, roles, now=now), select=select, ignore=ignore
        )

    return run
