# SPDX-License-Identifier: MIT
"""The Chinese edition says what the English pages say now, in the words of the service.

A page that changed fails here until ``make translate`` has updated its catalog and the changed
messages are translated. The README has no catalog, because code hosts show it as it is: each
section of README.zh-CN.md names the digest of the English section that it translates.
"""

from __future__ import annotations

import calendar
import hashlib
import re
import runpy
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from babel.messages.pofile import read_po
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
TRANSLATIONS = runpy.run_path(str(ROOT / "docs" / "translations.py"))
CATALOGS: Path = TRANSLATIONS["CATALOGS"]
PAGES: list[str] = TRANSLATIONS["translated_pages"]()
README = (ROOT / "README.md").read_text("utf-8")
CHINESE_README = (ROOT / "README.zh-CN.md").read_text("utf-8")

SYNONYMS = {
    r"异步执行|非同步": "异步调用",
    r"同步执行": "同步调用",
    r"延时调用|延迟执行|延时执行": "延迟调用",
    r"异步设置": "异步配置",
    r"任务方式|异步模式": "任务模式",
    r"最大重试数|最多重试次数|重试次数上限|重试上限": "最大重试次数",
    r"(?:最大|最长)存活时间|存活期|最大年龄|事件(?:最大|最长)?存活": "消息最大存活时长",
    r"指数回退|指数级?退让|指数后退": "指数退避",
    r"回调结果|结果回传|结果推送": "结果回调",
    r"目的地|目标端|目的服务|目标目的": "目标服务",
    r"成功目的|失败目的": "成功目标、失败目标",
    r"循环引用|环路|回路|死循环": "循环调用",
    r"载荷|有效负荷": "负载",
    r"轻量消息队列(?!\s*[(\uff08]原 MNS[)\uff09])|轻量级消息|消息服务 MNS": "轻量消息队列(原 MNS)",
    r"死信主题|死信列队|死信通道": "死信队列",
    r"流控|节流|限速": "限流",
    r"请求(?:标识|编号|号)": "请求 ID",
    r"限定符|修饰符": "版本或别名",
    r"触发机": "触发器",
    r"无服务器开发工具": "Serverless Devs 工具",
}
"""What readers of the manual would not recognize, and the word of docs/glossary.md for it."""

MEASUREMENT = re.compile(r"[<>= ]*\d[\d.,e+-]*(?: (?:s|ms|µs|B|KB|MB|GB|\w+/s))?")
"""A message that needs no translation: a number with its unit, as in tables of ``make bench``."""

CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
ROLE = re.compile(r"\{[\w:+-]+\}(?=`)")
ADDRESS = re.compile(r"https?://[^\s)>`]+")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
MONTHS = {month: str(number) for number, month in enumerate(calendar.month_name) if month}
MONTH = re.compile(rf"\b(?:{'|'.join(MONTHS)})(?= \d)")
PLACEHOLDER = re.compile(r"\$\{[^}]*\}|(?<![\w`])<[a-z][\w-]*>")


def marks(text: str) -> Counter[str]:
    """Return what a translation has to keep: code, roles, links, placeholders and numbers."""
    spans = [" ".join(span[1].split()) for span in CODE.findall(text)]
    roles = ROLE.findall(text)
    prose = CODE.sub(" ", text)
    links = [*LINK.findall(prose), *ADDRESS.findall(LINK.sub(" ", prose))]
    prose = ADDRESS.sub(" ", LINK.sub("]", prose))
    prose = MONTH.sub(lambda month: MONTHS[month[0]], prose)
    numbers = {number.replace(",", "") for number in NUMBER.findall(prose)}
    return Counter([*spans, *roles, *links, *PLACEHOLDER.findall(prose), *numbers])


def differences(source: str, translation: str) -> list[str]:
    """Return how the marks of a translation differ from those of its source."""
    wanted, found = marks(source), marks(translation)
    lost = [f"lost {mark}" for mark in wanted - found if found[mark] == 0]
    return lost + [f"added {mark}" for mark in found - wanted if wanted[mark] == 0]


def synonyms(translation: str) -> list[str]:
    """Return the words that stand for a term of the glossary, each with the term."""
    prose = CODE.sub(" ", translation)
    return [
        f"{found[0]}: write {term}"
        for pattern, term in SYNONYMS.items()
        for found in re.finditer(pattern, prose)
    ]


def catalog(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, charset="utf-8")


def translation_of(page: str) -> Catalog:
    return catalog(CATALOGS / f"{page}.po")


def messages(of: Catalog) -> list[str]:
    return [str(message.id) for message in of if message.id]


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the messages of the English pages, as they are now."""
    folder = tmp_path_factory.mktemp("messages")
    TRANSLATIONS["extract"](folder)
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_every_message_of_a_page_has_a_translation(page: str, sources: Path) -> None:
    translated = {
        message.id for message in translation_of(page) if message.string and not message.fuzzy
    }
    missing = [
        message
        for message in messages(catalog(sources / f"{page}.pot"))
        if message not in translated and not MEASUREMENT.fullmatch(message)
    ]

    assert missing == [], (
        f"docs/{page}.md has messages without a translation, or with one that is out of date: "
        f"run `make translate`, then translate them in {CATALOGS / page}.po and remove `fuzzy`"
    )


@pytest.mark.parametrize("page", PAGES)
def test_no_translation_is_left_of_what_a_page_no_longer_says(page: str, sources: Path) -> None:
    source = set(messages(catalog(sources / f"{page}.pot")))
    po = translation_of(page)
    left = [message for message in messages(po) if message not in source]

    assert [*left, *po.obsolete] == [], f"docs/{page}.md no longer says this: run `make translate`"


def test_every_catalog_belongs_to_a_page() -> None:
    catalogs = (path.relative_to(CATALOGS).with_suffix("") for path in CATALOGS.rglob("*.po"))

    assert sorted(path.as_posix() for path in catalogs) == PAGES, "run `make translate`"


@pytest.mark.parametrize("page", PAGES)
def test_a_translation_keeps_code_links_placeholders_and_numbers(page: str) -> None:
    wrong = {
        str(message.id): found
        for message in translation_of(page)
        if message.id
        and message.string
        and (found := differences(str(message.id), str(message.string)))
    }

    assert wrong == {}, f"correct these in {CATALOGS / page}.po"


@pytest.mark.parametrize("page", PAGES)
def test_a_translation_is_one_paragraph(page: str) -> None:
    """Sphinx shows the English where the translation would be a list, for example ``1. …``."""
    structures = {
        str(message.string): [token.type for token in MarkdownIt().parse(str(message.string))]
        for message in translation_of(page)
        if message.id and message.string
    }
    paragraph = ["paragraph_open", "inline", "paragraph_close"]

    assert {text: parts for text, parts in structures.items() if parts != paragraph} == {}, (
        f"escape the mark that begins a list, a heading or a quotation in {CATALOGS / page}.po, "
        "for example 1\\. instead of 1."
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_translation_uses_the_terms_of_the_glossary(page: str) -> None:
    wrong = {
        str(message.string): found
        for message in translation_of(page)
        if message.id and (found := synonyms(str(message.string)))
    }

    assert wrong == {}, f"correct these in {CATALOGS / page}.po"


def test_the_terms_that_are_asked_for_are_in_the_glossary() -> None:
    pages = [*ROOT.glob("docs/glossary.md"), *ROOT.glob("docs/*/glossary.md")]
    glossary = pages[0].read_text("utf-8")
    terms = [term for terms in SYNONYMS.values() for term in terms.split("、")]

    assert [term for term in terms if term not in glossary] == []


@pytest.mark.parametrize(
    ("source", "translation", "found"),
    [
        ("0 to 8 retries", "重试 0 至 8 次", []),
        ("0 to 8 retries", "最多重试 8 次", ["lost 0"]),
        ("at most 604,800 seconds", "最长 604800 秒", []),
        ("archived in March 2026", "已于 2026 年 3 月归档", []),
        ("the header `x-fc-async-delay`", "请求头", ["lost x-fc-async-delay"]),
        ("a header", "请求头 `x-fc-delay`", ["added x-fc-delay"]),
        ("see [deploy](deploy.md)", "参见[部署](dev.md)", ["lost deploy.md", "added dev.md"]),
        ("see {doc}`runtime`", "参见 `runtime`", ["lost {doc}"]),
        ("A ${…} cannot be resolved", "无法解析", ["lost ${…}"]),
    ],
)
def test_what_a_translation_lost_or_added_is_found(
    source: str, translation: str, found: list[str]
) -> None:
    assert differences(source, translation) == found


@pytest.mark.parametrize(
    ("translation", "found"),
    [
        ("发起一次异步调用", []),
        ("异步执行函数", ["异步执行: write 异步调用"]),
        ("轻量消息队列(原 MNS)的队列", []),
        ("轻量消息队列的主题", ["轻量消息队列: write 轻量消息队列(原 MNS)"]),
        ("结果发往目的地", ["目的地: write 目标服务"]),
    ],
)
def test_a_synonym_of_a_term_is_found(translation: str, found: list[str]) -> None:
    assert synonyms(translation) == found


FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
DIGEST = re.compile(r"<!-- README\.md: (\w+) -->\n*")


def sections(text: str) -> list[str]:
    """Return the sections of a page, each from its heading on."""
    code = [range(*fence.span()) for fence in FENCE.finditer(text)]
    heads = [
        head.start()
        for head in re.finditer(r"^#+ ", text, re.MULTILINE)
        if not any(head.start() in span for span in code)
    ]
    ends = [*heads[1:], len(text)]
    return [text[start:end].strip() for start, end in zip(heads, ends, strict=True)]


def digest(section: str) -> str:
    return hashlib.sha256(section.encode()).hexdigest()[:12]


def commands(section: str) -> list[str]:
    """Return the code blocks of a section without their comments, which are translated."""
    return [re.sub(r" *#.*", "", fence[0]) for fence in FENCE.finditer(section)]


def test_the_chinese_readme_translates_each_section_as_it_is_now() -> None:
    wanted = [f"{part.splitlines()[0]}: {digest(part)}" for part in sections(README)]
    recorded = [
        f"{source.splitlines()[0]}: {''.join(DIGEST.findall(part))}"
        for source, part in zip(sections(README), sections(CHINESE_README), strict=True)
    ]

    assert recorded == wanted, (
        "README.md changed: bring the sections of README.zh-CN.md that differ up to date, then "
        "write the digests of README.md into their comments"
    )


def test_the_chinese_readme_keeps_code_links_and_numbers() -> None:
    for source, part in zip(sections(README), sections(CHINESE_README), strict=True):
        assert commands(part) == commands(source)
        assert part.split(" ")[0] == source.split(" ")[0], "the level of the heading"
        translation = FENCE.sub("", DIGEST.sub("", part)).replace("(README.md)", "")
        english = FENCE.sub("", source).replace("(README.zh-CN.md)", "")
        assert differences(english, translation) == [], part.splitlines()[0]


def test_the_chinese_readmes_use_the_terms_of_the_glossary() -> None:
    readmes = [ROOT / "README.zh-CN.md", *ROOT.glob("templates/*/*/README.zh-CN.md")]
    wrong = {readme: synonyms(readme.read_text("utf-8")) for readme in readmes}

    assert {readme: found for readme, found in wrong.items() if found} == {}


def test_the_readmes_link_to_each_other() -> None:
    assert "(README.zh-CN.md)" in README
    assert "(README.md)" in CHINESE_README
