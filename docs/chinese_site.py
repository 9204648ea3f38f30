# SPDX-License-Identifier: MIT
"""What the Chinese site needs beside its catalogs: search, and the language of English pages.

A Sphinx extension. Sphinx splits Chinese text into words with the package jieba, which has had no
release since 2020 and is 19 MB large. Here the words are the pairs of neighbouring characters
instead, in the index and in the query: the usual way without a dictionary (Lucene calls it
CJKBigramFilter).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from sphinx.search.en import SearchEnglish
from translations import is_translated

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_HAN: Final = r"\u3400-\u4dbf\u4e00-\u9fff"
_RUNS: Final = re.compile(rf"([{_HAN}]+)|[^\W{_HAN}]+")


class ChineseSearch(SearchEnglish):
    """Index Chinese text by pairs of characters, and other words as English."""

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
        """Return the words of a text: pairs of Chinese characters, and other words whole."""
        words: list[str] = []
        for run in _RUNS.finditer(input):
            pairs = [f"{one}{next_one}" for one, next_one in pairwise(run[1] or "")]
            words += pairs or [run[0]]
        return words


def mark_english(
    _app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Say that a page that is not translated is English, to readers and to their programs."""
    if "body" in context and not is_translated(page):
        notice = "<p><em>本页只有英文版。</em></p>"
        context["body"] = f'{notice}<div lang="en">{context["body"]}</div>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the search; on the Chinese site, mark the pages that are English."""
    app.add_search_language(ChineseSearch)
    if app.config.language == "zh_CN":
        app.connect("html-page-context", mark_english)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
