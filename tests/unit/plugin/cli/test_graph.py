# SPDX-License-Identifier: MIT
"""``fc-async graph`` where the layout engine is not installed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from click.testing import CliRunner

from fc_async_plugin.cli.graph import command
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TEMPLATE = template(orders="")


def test_a_drawing_is_made_without_the_engine_and_one_line_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "graphlay", None)
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    drawing = tmp_path / "out.svg"
    done = CliRunner().invoke(command, ["-t", str(tmp_path), "--out", str(drawing)])
    assert done.exit_code == 0
    assert "orders" in drawing.read_text()
    [line] = [line for line in done.output.splitlines() if "graphs]" in line]
    assert "drawn in plain columns" in line
