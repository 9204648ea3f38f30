# SPDX-License-Identifier: MIT
"""Pages can be read where the code is hosted: without directives, with links that lead to files."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3] / "docs"))

import plain_markdown

pytestmark = pytest.mark.lint

DOCS = Path(plain_markdown.__file__).parent
LEFT_OUT = {"_build", "decisions"}
PAGES = sorted(page for page in DOCS.rglob("*.md") if not LEFT_OUT & {*page.parts})
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def test_no_page_has_a_directive() -> None:
    found = re.compile(r"^(?:`{3,}|:{3,})\{", re.MULTILINE)
    assert [str(page) for page in PAGES if found.search(page.read_text("utf-8"))] == []


def test_every_link_of_a_page_leads_to_a_file() -> None:
    links = {
        (page, link)
        for page in PAGES
        for link in LINK.findall(CODE.sub("", page.read_text("utf-8")))
    }
    assert [
        (page.name, link) for page, link in sorted(links) if not (page.parent / link).exists()
    ] == []


@pytest.mark.parametrize(
    ("plain", "directive"),
    [
        (
            "`s.yaml`:\n\n```yaml\na: 1\n```\n",
            "```{code-block} yaml\n:caption: s.yaml\n\na: 1\n```\n",
        ),
        ("<!-- index: cancel -->\n", "```{index} cancel\n```\n"),
        (
            "[The docstrings](a.py) describe\neach.\n\n<!-- autodoc:\n.. automodule:: a\n-->\n",
            "```{eval-rst}\n.. automodule:: a\n```\n",
        ),
        ("[Changes](C.md) of all.\n\n<!-- include: ../C.md -->\n", "```{include} ../C.md\n```\n"),
    ],
)
def test_a_plain_construct_stands_for_a_directive(plain: str, directive: str) -> None:
    assert plain_markdown.with_directives(plain) == directive
