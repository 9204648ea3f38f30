# SPDX-License-Identifier: MIT
"""The Chinese site shows English where a translation is missing, and says so there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3] / "docs"))

import chinese_site

DOCS = Path(chinese_site.__file__).parent
CONFIGURATION = f"""
import sys
sys.path.insert(0, {str(DOCS)!r})
extensions = ["myst_parser", "sphinx.ext.autodoc", "chinese_site"]
language = "zh_CN"
locale_dirs = ["locale"]
gettext_compact = False
html_sidebars = {{"**": ["localtoc.html"]}}
"""
PAGE = """\
# Call a function

Now.

Later, at most an hour.

A new heading
-------------

| rate |
|---|
| 12.5 s |
| `delay` |

```{eval-rst}
.. autofunction:: textwrap.dedent
.. autofunction:: textwrap.indent
```

<!-- English only below -->

The help of a command.
"""
CATALOG = """\
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "Call a function"
msgstr "调用函数"

msgid "Now."
msgstr "立即。"

#, fuzzy
msgid "Later, at most an hour."
msgstr "以后。"

msgid "rate"
msgstr "速率"
"""
NOTE = '<span class="untranslated" lang="zh-CN">\uff08尚未翻译\uff09</span>'


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build a page whose catalog lacks a heading and has a fuzzy paragraph; return its HTML."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    (source / "conf.py").write_text(CONFIGURATION, "utf-8")
    (source / "index.md").write_text(PAGE, "utf-8")
    catalogs = source / "locale" / "zh_CN" / "LC_MESSAGES"
    catalogs.mkdir(parents=True)
    (catalogs / "index.po").write_text(CATALOG, "utf-8")
    subprocess.run([sys.executable, "-m", "sphinx", "-W", "-q", source, built], check=True)
    return (built / "index.html").read_text("utf-8")


def test_a_paragraph_with_an_outdated_translation_is_english_and_marked(page: str) -> None:
    assert f'<p lang="en">Later, at most an hour.{NOTE}</p>' in page
    assert "以后" not in page


def test_a_heading_without_a_translation_is_english_and_marked(page: str) -> None:
    assert f'<h2 lang="en">A new heading{NOTE}' in page


def test_the_navigation_has_the_heading_without_the_mark(page: str) -> None:
    assert '<a class="reference internal" href="#a-new-heading">A new heading</a>' in page


def test_what_is_translated_or_needs_no_translation_is_not_marked(page: str) -> None:
    assert "<p>立即。</p>" in page
    assert "<p>12.5 s</p>" in page
    assert "<p>The help of a command.</p>" in page
    assert page.count("尚未翻译") == 2
    assert "本页只有英文版" not in page


def test_a_note_before_the_first_docstring_says_that_docstrings_are_english(page: str) -> None:
    before, _, after = page.partition(f"<p>{chinese_site.DOCSTRINGS}</p>")
    assert "Remove any common leading whitespace" not in before
    assert "Remove any common leading whitespace" in after
    assert after.count(NOTE) == 0
