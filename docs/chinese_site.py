# SPDX-License-Identifier: MIT
"""Search of the Chinese site, and marks on its English text.

A Sphinx extension. Sphinx splits Chinese text into words with the package jieba, which has had no
release since 2020 and is 19 MB large. Here the words are the pairs of neighbouring characters
instead, in the index and in the query: the usual way without a dictionary (Lucene calls it
CJKBigramFilter). The index has each character too, for a query of one character.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from docutils import nodes
from sphinx.search.en import SearchEnglish
from translations import CATALOGS, needs_translation

if TYPE_CHECKING:
    from sphinx.application import Sphinx

UNTRANSLATED: Final = "\uff08尚未翻译\uff09"
"""The note behind a text that is English because its translation is missing or out of date."""

DOCSTRINGS: Final = "以下说明取自代码的文档字符串，只有英文。"
"""The note before the first docstring of a page."""

_HAN: Final = r"\u3400-\u4dbf\u4e00-\u9fff"
_RUNS: Final = re.compile(rf"([{_HAN}]+)|[^\W{_HAN}]+")


class ChineseSearch(SearchEnglish):
    """Index Chinese text by characters and their pairs, and other words as English."""

    lang = "zh"
    # The inherited language_name stays: Sphinx makes the name of the stemmer in JavaScript from it.
    js_splitter_code = """
function splitQuery(query) {
  const runs = query.match(/[HAN]+|(?:(?![HAN])[\\p{L}\\p{N}_])+/gu) || [];
  return runs.flatMap((run) => {
    if (!/^[HAN]/.test(run) || run.length === 1) return [run];
    return Array.from({ length: run.length - 1 }, (_, at) => run.slice(at, at + 2));
  });
}
""".replace("HAN", _HAN)

    def split(self, input: str) -> list[str]:  # noqa: A002 -- Sphinx's name
        """Return the words of a text: Chinese characters, alone and in pairs, and other words whole."""
        words: list[str] = []
        for run in _RUNS.finditer(input):
            pairs = [f"{character}{next_one}" for character, next_one in pairwise(run[1] or "")]
            words += [*pairs, *run[1]] if run[1] else [run[0]]
        return words


def mark_english(
    _app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Say that a page without a catalog is English, to readers and to their programs."""
    if "body" in context and not (CATALOGS / f"{page}.po").exists():
        there = context["pathto"](f"../{page}.html", 1)
        notice = f'<div class="admonition note"><p>本页只有<a href="{there}">英文版</a>。</p></div>'
        context["body"] = f'{notice}<div lang="en">{context["body"]}</div>'


def name_both_sites(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Name the addresses of a page in both languages, for search engines, where they are known."""
    base = app.config.html_baseurl.rstrip("/")
    if not base:
        return
    folders = {"en": "", "zh-CN": "zh-cn/"}
    context["pageurl"] = f"{base}/{folders[context['language'] or 'en']}{page}.html"
    context["metatags"] = context.get("metatags", "") + "".join(
        f'<link rel="alternate" hreflang="{language}" href="{base}/{folder}{page}.html">'
        for language, folder in folders.items()
    )


def mark_untranslated(_app: Sphinx, doctree: nodes.document) -> None:
    """Say the same of each paragraph, heading and cell that waits for its translation.

    Sphinx notes in ``translated`` whether it found a translation that is not fuzzy. docutils makes
    an attribute ``lang`` from a class that begins with ``language-``.
    """
    noted = False
    for node in list(doctree.findall(nodes.TextElement)):
        if "English only below" in node.astext():
            break
        if "docstring of " in (node.source or ""):
            if not noted:
                _note_docstrings(node)
            noted = True
            continue
        prose = (part.astext() for part in node.children if not isinstance(part, nodes.literal))
        if node.get("translated", True) or not needs_translation("".join(prose)):
            continue
        node["classes"].append("language-en")
        classes = ["untranslated", "language-zh-CN"]
        node.append(nodes.inline("", UNTRANSLATED, classes=classes))


def _note_docstrings(first: nodes.Element) -> None:
    """Say before the part of a section with the first docstring that docstrings are English."""
    part = first
    while not isinstance(part.parent, nodes.section):
        part = part.parent
    note = nodes.note("", nodes.paragraph("", DOCSTRINGS))
    part.parent.insert(part.parent.index(part), note)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the search; on the Chinese site, mark what is English."""
    app.add_search_language(ChineseSearch)
    app.connect("html-page-context", name_both_sites)
    if app.config.language == "zh_CN":
        # After the collectors of titles: the navigation shows a heading without the note.
        app.connect("doctree-read", mark_untranslated, priority=900)
        app.connect("html-page-context", mark_english)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
