# SPDX-License-Identifier: MIT
"""The pictures of the console are the same each time, and each of them is used."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[3] / "docs"
PICTURES = DOCS / "_static" / "console"


def screenshots() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "screenshots.py"))


@pytest.mark.slow
def test_two_runs_take_the_same_pictures_byte_for_byte(
    tmp_path: Path, cannot_run: Callable[[str], Any]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        try:
            screenshots()["main"](folder, {"zh-CN": ".zh_CN"})
        except SystemExit as error:
            cannot_run(str(error))
    names = {picture.name for picture in PICTURES.glob("*.zh_CN.png")}
    assert {picture.name for picture in first.iterdir()} == names
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_each_picture_of_the_console_is_on_a_page() -> None:
    pages = [*DOCS.rglob("*.md"), *DOCS.parent.glob("README*.md")]
    shown = set(re.findall(r"_static/console/([\w.-]+)\.png", "".join(map(Path.read_text, pages))))
    shown |= {name.replace("-light", "-dark") for name in shown}  # docs/plain_markdown.py
    assert {picture.stem.removesuffix(".zh_CN") for picture in PICTURES.iterdir()} == {
        name.removesuffix(".zh_CN") for name in shown
    }
