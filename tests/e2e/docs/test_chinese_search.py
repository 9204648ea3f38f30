# SPDX-License-Identifier: MIT
"""The search of the Chinese site finds Chinese words, in a browser, on a site of two pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fc_async_tests.site import search as search_site
from fc_async_tests.site import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[3] / "docs"
CONFIGURATION = f"""
import sys
sys.path.insert(0, {str(DOCS)!r})
extensions = ["chinese_site"]
language = "zh_CN"
"""
PAGES = {
    "index": "首页\n====\n\n从这里开始。\n\n.. toctree::\n\n   queue\n   retry\n",
    "queue": "队列\n====\n\n无法处理的消息进入死信队列。\n",
    "retry": "重试\n====\n\n失败的调用会重试,retries 次数有上限。\n",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    (source / "conf.py").write_text(CONFIGURATION, "utf-8")
    for name, text in PAGES.items():
        (source / f"{name}.rst").write_text(text, "utf-8")
    subprocess.run([sys.executable, "-m", "sphinx", "-W", "-q", source, built], check=True)
    return built


@pytest.fixture(scope="module")
def search(site: Path, browser: Browser) -> Iterator[Callable[[str], list[str]]]:
    """Search as ``search(words)``; returns the titles of the pages that are found."""
    with served(site) as address:
        page = browser.new_page()
        yield lambda words: [title for title, _ in search_site(page, address, words)]
        page.close()


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("死信队列", ["队列"]),
        ("死信", ["队列"]),
        ("信", ["队列"]),
        ("重试 次数", ["重试"]),
        ("retry", ["重试"]),
        ("延迟调用", []),
    ],
)
def test_the_search_finds_chinese_and_english_words(
    search: Callable[[str], list[str]], words: str, titles: list[str]
) -> None:
    assert search(words) == titles
