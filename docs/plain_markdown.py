# SPDX-License-Identifier: MIT
"""Makes directives of plain Markdown, so that a page can also be read where its code is hosted.

A Sphinx extension. What a page has, and what Sphinx gets:

- a line with a file name in backticks and a colon before a block of code: the caption of the block;
- an image whose name ends in ``-light.png``: the light and the dark one, each in its theme;
- a comment ``<!-- index: … -->`` or ``<!-- toctree: CAPTION …-->``: the directive, hidden;
- a comment ``<!-- autodoc: …-->`` or ``<!-- include: FILE -->``: what the paragraph above it links to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_FORMS: Final = (
    (r"^`([\w./-]+)`:\n\n```([\w-]+)\n", "```{code-block} \\2\n:caption: \\1\n\n"),
    (
        r"^!\[([^\]]*)\]\((\S+)-light\.png\)$",
        (
            "```{image} \\2-light.png\n:alt: \\1\n:class: only-light\n```\n\n"
            "```{image} \\2-dark.png\n:alt: \\1\n:class: only-dark\n```"
        ),
    ),
    (r"^<!-- index: (.+) -->$", "```{index} \\1\n```"),
    (r"^(?:.+\n)+\n<!-- autodoc:\n([^>]*)-->$", "```{eval-rst}\n\\1```"),
    (r"^(?:.+\n)+\n<!-- include: (.+) -->$", "```{include} \\1\n```"),
    (r"^<!-- toctree:\n([^>]*)-->$", "```{toctree}\n:hidden:\n\n\\1```"),
    (r"^<!-- toctree: (.+)\n([^>]*)-->$", "```{toctree}\n:hidden:\n:caption: \\1\n\n\\2```"),
)
"""A construct of a page, and the directive that it stands for."""

_DOCSTRINGS: Final = re.compile(r"^```\{eval-rst\}\n.*?^```$", re.MULTILINE | re.DOTALL)


def with_directives(text: str) -> str:
    """Return the text of a page with directives instead of plain constructs."""
    for plain, directive in _FORMS:
        text = re.sub(plain, directive, text, flags=re.MULTILINE)
    return text


def convert(app: Sphinx, _page: str, source: list[str]) -> None:
    """Convert the text of a page before Sphinx reads it; docstrings are not translated."""
    text = with_directives(source[0])
    source[0] = _DOCSTRINGS.sub("", text) if app.builder.name == "gettext" else text


def setup(app: Sphinx) -> dict[str, bool]:
    """Convert each page when it is read."""
    app.connect("source-read", convert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
