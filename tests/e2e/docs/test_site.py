# SPDX-License-Identifier: MIT
"""The built site: links, search, descriptions, and the Markdown beside each page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from filelock import FileLock
from markdown_it import MarkdownIt

from fc_async_tests.site import search, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

DOCS = Path(__file__).parents[3] / "docs"
BUILT = DOCS / "_build" / "html"
"""Where ``make docs`` builds the site."""

PAGES = sorted(
    path.relative_to(DOCS).with_suffix("").as_posix()
    for path in DOCS.rglob("*.md")
    if not {"_build", "decisions", "locale"} & set(path.relative_to(DOCS).parts)
)
READ = [page for page in PAGES if page != "changelog"]
"""The pages for users: without the changelog."""

DIRECTIVE = re.compile(r"^\s*(?:```|:::)\{|^\.\. \w+::|\{(?:doc|ref|any|func|class|mod)\}`")


class Head(HTMLParser):
    """Reads the links, the anchors and the description of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.description = ""
        self.relations: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            self.anchors.add(found["id"])
        if tag in {"a", "link"} and "href" in found:
            self.links.append(found["href"])
            self.relations.add(found.get("rel", ""))
        if tag == "img":
            self.links.append(found["src"])
        if tag == "meta" and found.get("name") == "description":
            self.description = found["content"]


def _is_current(site: Path, scratch: Path) -> bool:
    """Return whether Sphinx would change nothing of a site, and no page of it is gone."""
    trees = site / ".doctrees"
    names = {
        path.relative_to(trees).with_suffix("").as_posix() for path in trees.rglob("*.doctree")
    }
    if names != set(PAGES):
        return False
    shutil.copytree(trees, scratch / "trees")
    command = [sys.executable, "-m", "sphinx", "-b", "dummy", "-d", scratch / "trees"]
    read = subprocess.run(
        [*command, DOCS, scratch],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    return "updating environment: 0 added, 0 changed, 0 removed" in read.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site once for all workers of a run; a warning is an error.

    The site of ``make docs`` is taken if nothing has changed since. Sphinx cannot bring one up to
    date for these tests: its index of a search then lacks the entries of unchanged pages.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, built = shared / "site", shared / "site-is-built"
    with FileLock(shared / "site.lock"):
        if not built.exists():
            if _is_current(BUILT, shared / "site-is-current"):
                shutil.copytree(BUILT, folder, ignore=shutil.ignore_patterns("zh-cn"))
            else:
                command = [sys.executable, "-m", "sphinx", "-W", "-q"]
                subprocess.run([*command, DOCS, folder], check=True)
            built.touch()
    return folder


@pytest.fixture(scope="module")
def heads(site: Path) -> dict[str, Head]:
    heads = {}
    for path in site.rglob("*.html"):
        head = Head()
        head.feed(path.read_text("utf-8"))
        heads[path.relative_to(site).as_posix()] = head
    return heads


def text_without_code(markdown: str) -> str:
    """Return a page without its code blocks, which may show directives."""
    lines = markdown.splitlines()
    for token in MarkdownIt().parse(markdown):
        if token.type == "fence" and token.map and not token.info.startswith("{"):
            lines[token.map[0] : token.map[1]] = [""] * (token.map[1] - token.map[0])
    return "\n".join(lines)


@pytest.mark.slow
def test_no_link_of_the_site_is_dead(site: Path, heads: dict[str, Head]) -> None:
    dead = []
    for page, head in heads.items():
        for link in head.links:
            address, _, anchor = re.sub(r"\?v=\w+", "", unquote(link)).partition("#")
            if re.match(r"\w+:|//", address):
                continue
            target = ((site / page).parent / address).resolve() if address else site / page
            name = target.relative_to(site.resolve()).as_posix() if address else page
            if name in heads and anchor and anchor not in heads[name].anchors:
                dead.append(f"{page}: {link}")
            # The Chinese site is another build, in a folder of this one.
            if not target.exists() and not name.startswith("zh-cn/"):
                dead.append(f"{page}: {link}")
    assert sorted(set(dead)) == []


@pytest.mark.slow
def test_decision_records_are_not_in_the_site(site: Path, heads: dict[str, Head]) -> None:
    links = {link for head in heads.values() for link in head.links}
    assert [link for link in links if "decisions" in link] == []
    assert [path for path in site.rglob("*") if "decisions" in path.as_posix()] == []


@pytest.mark.slow
def test_each_page_has_a_description_and_an_icon(heads: dict[str, Head]) -> None:
    bare = [page for page in READ if not heads[f"{page}.html"].description]
    assert bare == []
    assert all({"shortcut icon", "alternate"} <= heads[f"{page}.html"].relations for page in READ)


@pytest.mark.slow
def test_an_option_of_a_command_keeps_its_two_hyphens(site: Path) -> None:
    dashes = [
        f"{path.relative_to(site)}: {found[0]}"
        for path in sorted(site.rglob("*.html"))
        for found in re.finditer(r"[\u2013\u2014][a-z][\w-]*", path.read_text("utf-8"))
    ]
    assert dashes == []


@pytest.mark.slow
def test_each_page_is_markdown_too_without_directives(site: Path) -> None:
    raw = []
    for page in PAGES:
        text = (site / f"{page}.md").read_text("utf-8")
        raw += [
            f"{page}: {line}"
            for line in text_without_code(text).splitlines()
            if DIRECTIVE.search(line)
        ]
    assert raw == []
    assert "*class* fc_async_sdk.Session(" in (site / "reference/sdk/session.md").read_text("utf-8")


@pytest.mark.slow
def test_the_list_for_language_models_has_each_page_in_one_line(site: Path) -> None:
    lines = (site / "llms.txt").read_text("utf-8").splitlines()
    listed = [found for line in lines if (found := re.fullmatch(r"- \[.+\]\((.+)\): .+", line))]
    assert sorted(one[1] for one in listed) == [f"{page}.md" for page in READ if page != "index"]
    assert [one[1] for one in listed if not (site / one[1]).exists()] == []


@pytest.fixture(scope="module")
def searched(site: Path, browser: Browser) -> Iterator[Callable[[str], list[tuple[str, str]]]]:
    with served(site) as address:
        page = browser.new_page()
        yield lambda words: search(page, address, words)
        page.close()


@pytest.mark.slow
def test_delay_finds_the_page_of_the_sdk_first(
    searched: Callable[[str], list[tuple[str, str]]],
) -> None:
    assert searched("delay")[0][1].startswith("how-to/sdk.html")


@pytest.mark.slow
@pytest.mark.parametrize("words", ["endpoint", "log", "trigger", "timeout", "cancel", "rollback"])
def test_a_search_begins_with_a_page_and_not_with_an_attribute_of_this_name(
    words: str, searched: Callable[[str], list[tuple[str, str]]]
) -> None:
    assert not searched(words)[0][0].startswith("fc_async_")


@pytest.mark.slow
@pytest.mark.parametrize("words", ["superseded", "lease", "idempotency"])
def test_the_search_leaves_the_changelog_out(
    words: str, searched: Callable[[str], list[tuple[str, str]]]
) -> None:
    found = [address for _, address in searched(words)]
    assert [one for one in found if one.startswith("changelog")] == []


ENGLISH = {
    "429": ("troubleshooting", "faq"),
    "503": ("troubleshooting", "faq"),
    "rate limit": ("troubleshooting", "pace"),
    "replay": ("last-night", "how-to/replay", "replay-what-failed", "failures"),
    "throttled": ("troubleshooting", "retry-policy"),
    "logs": ("last-night", "troubleshooting", "to-your-account"),
    "dead letter": ("last-night", "troubleshooting", "how-to/events"),
    "lost": ("troubleshooting",),
    "denied": ("troubleshooting",),
    "permission denied": ("troubleshooting", "to-your-account"),
    "stop task": ("faq", "troubleshooting", "how-to/sdk"),
    "idempotent": ("idempotency",),
    "cancel": ("faq", "how-to/sdk"),
    "delay": ("how-to/sdk",),
    "retry": ("retry-policy",),
    "credentials": ("to-your-account", "credentials"),
    "pause": ("waiting",),
    "virtual time": ("virtual-time", "how-to/test"),
    "alarm": ("alarms",),
    "pace": ("pace",),
    "FastAPI": ("faq",),
    "troubleshooting": ("troubleshooting",),
    "rollback": ("how-to/deploy",),
    "backlog": ("waiting",),
}
CHINESE = {
    "限速": ("troubleshooting", "pace"),
    "排查": ("troubleshooting",),
    "429": ("troubleshooting", "faq"),
    "503": ("troubleshooting", "faq"),
    "重放": ("last-night", "how-to/replay", "replay-what-failed", "failures"),
    "限流": ("troubleshooting", "retry-policy"),
    "日志": ("last-night", "troubleshooting", "to-your-account"),
    "死信": ("last-night", "how-to/events", "FCA076"),
    "丢失": ("troubleshooting",),
    "权限不足": ("troubleshooting",),
    "停止任务": ("faq", "troubleshooting", "how-to/sdk"),
    "幂等": ("idempotency",),
    "取消": ("faq", "how-to/sdk"),
    "延迟": ("how-to/sdk",),
    "重试": ("retry-policy",),
    "密钥": ("to-your-account", "credentials"),
    "虚拟时间": ("virtual-time", "how-to/test"),
    "报警": ("alarms",),
    "节奏": ("pace",),
    "回滚": ("how-to/deploy",),
}
"""What people type, and the pages that answer it: 44 words."""
MISSES = 2
"""Words of each language that may have no such page among the first two hits."""


@pytest.fixture(scope="module")
def chinese_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the Chinese site."""
    folder = tmp_path_factory.mktemp("chinese-site")
    command = [sys.executable, "-m", "sphinx", "-q", "-D", "language=zh_CN", DOCS, folder]
    subprocess.run(command, check=True)
    return folder


def misses(page: Page, address: str, words: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Return the first two hits of each word for which neither is a page that answers it."""
    hits = {word: [hit for _, hit in search(page, address, word)[:2]] for word in words}
    return {
        word: first
        for word, first in hits.items()
        if not any(name in hit for hit in first for name in words[word])
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("built", "words"), [("site", ENGLISH), ("chinese_site", CHINESE)], ids=["English", "Chinese"]
)
def test_what_people_type_finds_its_page_among_the_first_two(
    built: str,
    words: dict[str, tuple[str, ...]],
    request: pytest.FixtureRequest,
    browser: Browser,
) -> None:
    with served(request.getfixturevalue(built)) as address:
        page = browser.new_page()
        wrong = misses(page, address, words)
        page.close()

    assert len(wrong) <= MISSES, wrong


@pytest.mark.slow
def test_a_wide_screen_shows_all_columns_of_every_table(site: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    with served(site) as address:
        for name in ("discussion/why", "reference/local-runtime", "reference/retry-policy"):
            page.goto(f"{address}/{name}.html")
            tables = page.locator(".table-wrapper")
            widths = tables.evaluate_all("all => all.map(one => one.scrollWidth / one.clientWidth)")
            assert widths, name
            assert max(widths) <= 1, name
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_has_no_bar_at_its_bottom_and_options_are_whole(
    width: int, site: Path, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    with served(site) as address:
        for name in ("genindex", "how-to/failures", "reference/cli", "rules/index"):
            page.goto(f"{address}/{name}.html")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            broken = page.locator("article code .pre").evaluate_all(
                "all => all.filter(one => one.getClientRects().length > 1)"
                ".map(one => one.textContent).filter(text => text.length < 16)"
            )
            assert broken == [], name
    page.close()
