# SPDX-License-Identifier: MIT
"""The translations in the catalogs say what their messages say, in the words of the service.

A message may be without a translation: then the Chinese site shows it in English
(tests/e2e/docs/test_untranslated.py). Only a release waits for it.
"""

from __future__ import annotations

import calendar
import re
import runpy
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from markdown_it import MarkdownIt

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

SEARCHED = {"rate limit": "限速"}
"""Entries of the index of a search, and words that readers type for them beside the term."""

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


def translations_of(page: str) -> dict[str, str]:
    """Return the messages of a page that are translated; a fuzzy one is shown in English."""
    return {
        str(message.id): str(message.string)
        for message in TRANSLATIONS["read_catalog"](CATALOGS / f"{page}.po")
        if message.id and message.string and not message.fuzzy
    }


def test_every_catalog_belongs_to_a_page() -> None:
    catalogs = (path.relative_to(CATALOGS).with_suffix("") for path in CATALOGS.rglob("*.po"))

    assert {path.as_posix() for path in catalogs} <= {*PAGES, "console"}, "run `make translate`"


@pytest.mark.parametrize("page", PAGES)
def test_a_translation_keeps_code_links_placeholders_and_numbers(page: str) -> None:
    wrong = {
        source: found
        for source, translation in translations_of(page).items()
        if (found := differences(source, translation))
    }

    assert wrong == {}, f"correct these in {CATALOGS / page}.po"


@pytest.mark.parametrize("page", PAGES)
def test_a_translation_is_one_paragraph(page: str) -> None:
    """Sphinx shows the English where the translation would be a list, for example ``1. …``."""
    structures = {
        translation: [token.type for token in MarkdownIt().parse(translation)]
        for translation in translations_of(page).values()
    }
    paragraph = ["paragraph_open", "inline", "paragraph_close"]

    assert {text: parts for text, parts in structures.items() if parts != paragraph} == {}, (
        f"escape the mark that begins a list, a heading or a quotation in {CATALOGS / page}.po, "
        "for example 1\\. instead of 1."
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_translation_uses_the_terms_of_the_glossary(page: str) -> None:
    wrong = {
        translation: found
        for source, translation in translations_of(page).items()
        if SEARCHED.get(source) != translation and (found := synonyms(translation))
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


PAGE = """\
msgid "Call a function"

msgid "0.5 s"

msgid "`delay`, `-a`"

msgid "code/index.py"
"""


@pytest.mark.parametrize(
    ("catalog", "found"),
    [
        ('msgid "Call a function"\nmsgstr "调用函数"\n', []),
        ('msgid "Call a function"\nmsgstr ""\n', ["not translated: Call a function"]),
        ('#, fuzzy\nmsgid "Call a function"\nmsgstr "调用"\n', ["not translated: Call a function"]),
        ("", ["not translated: Call a function"]),
        (
            'msgid "Call a function"\nmsgstr "调用函数"\n\nmsgid "Stop it"\nmsgstr "停止"\n',
            ["no longer on the page: Stop it"],
        ),
    ],
)
def test_a_release_waits_for_what_is_missing_fuzzy_or_gone(catalog: str, found: list[str]) -> None:
    page, translations = (read_po(text.splitlines(keepends=True)) for text in (PAGE, catalog))
    assert TRANSLATIONS["out_of_date"](page, translations) == found


def test_a_release_waits_for_a_section_of_the_readme_that_changed() -> None:
    same, changed = "# Name\n\nOne fact.", "## Install\n\nRun make."
    chinese = (
        f"# 名称\n\n<!-- README.md: {TRANSLATIONS['digest'](same)} -->\n一个事实。\n\n"
        "## 安装\n\n<!-- README.md: 000000000000 -->\n运行 make。\n"
    )
    done = TRANSLATIONS["translated_sections"](f"{same}\n\n{changed}\n", chinese)
    assert done == {same: "# 名称\n\n一个事实。"}


FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def commands(section: str) -> list[str]:
    """Return the code blocks of a section without their comments, which are translated."""
    return [re.sub(r" *#.*", "", fence[0]) for fence in FENCE.finditer(section)]


def test_the_chinese_readme_keeps_code_links_and_numbers() -> None:
    done = TRANSLATIONS["translated_sections"](README, CHINESE_README)
    assert done
    for source, part in done.items():
        assert commands(part) == commands(source)
        assert part.split(" ")[0] == source.split(" ")[0], "the level of the heading"
        translation = FENCE.sub("", part).replace("(README.md)", "").replace(".zh-CN.svg", ".svg")
        english = FENCE.sub("", source).replace("(README.zh-CN.md)", "")
        assert differences(english, translation) == [], part.splitlines()[0]


def test_the_chinese_readmes_use_the_terms_of_the_glossary() -> None:
    readmes = [ROOT / "README.zh-CN.md", *ROOT.glob("templates/*/*/README.zh-CN.md")]
    wrong = {readme: synonyms(readme.read_text("utf-8")) for readme in readmes}

    assert {readme: found for readme, found in wrong.items() if found} == {}


def test_the_readmes_link_to_each_other() -> None:
    assert "(README.zh-CN.md)" in README
    assert "(README.md)" in CHINESE_README
