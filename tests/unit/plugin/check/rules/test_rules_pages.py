# SPDX-License-Identifier: MIT
"""Every rule has a page whose examples are true, and the index lists what there is."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.check import rules
from fc_async_plugin.check.graph.build import LiveFunction, LiveRegion
from fc_async_plugin.check.rules import RULES, Finding, Rule
from fc_async_plugin.report.rules import to_markdown

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES = Path(__file__).parents[5] / "docs/rules"
ACCOUNT = {"FCA042", "FCA043", "FCA058"}
"""Rules that need to have read the account."""

PACED = """
from fc_async_sdk.pacing import Pace, paced

@paced(Pace("crm", "25/s", max_hops=30))
def handler(event, context): ...
"""
MAY_SEND = {"Statement": [{"Effect": "Allow", "Action": "mns:SendMessage", "Resource": "*"}]}
LIVE = LiveRegion(
    "cn-hangzhou",
    "",
    {name: LiveFunction(aliases={"prod": ("1",)}) for name in ("orders", "billing")},
    {"four-days": 345_600, "seven-days": 604_800},
)


@pytest.mark.parametrize("id_", RULES)
def test_a_page_has_an_example_that_is_found_and_one_that_is_not(
    check: Callable[..., list[Finding]], tmp_path: Path, id_: str
) -> None:
    rule = RULES[id_]
    if id_ == "FCA055":
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "index.py").write_text(PACED)
    if id_ == "FCA019":
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "start.sh").write_text("#!/bin/sh\n")
    if id_ == "FCA083":
        registry = "registry.cn-hangzhou.aliyuncs.com"
        build = f"docker buildx build --push -t {registry}/shop/orders:3f2a91c .\n"
        (tmp_path / "build.sh").write_text(build)
    page = (PAGES / f"{id_}.md").read_text("utf-8")
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "index.py").write_text(code)
    assert page.startswith(f"# {id_}: {rule.name}\n\nSeverity: {rule.severity}. {rule.summary}\n")
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[:2]
    live = (LIVE,) if id_ in ACCOUNT else ()
    roles = {"acs:ram::123:role/orders": MAY_SEND} if id_ in {"FCA061", "FCA062", "FCA068"} else {}
    found = [
        id_ in {one.rule for one in check(_whole(example), live=live, roles=roles, ignore=())}
        for example in examples
    ]
    assert found == [True, False]


def _whole(example: str) -> str:
    return example if example.startswith("edition") else f"edition: 3.0.0\nname: app\n{example}"


def test_the_index_is_generated_from_the_rules() -> None:
    index = (PAGES / "index.md").read_text("utf-8")
    assert index == to_markdown(RULES), "fc-async validate --explain -o markdown"


def test_every_rule_that_a_module_defines_is_listed() -> None:
    modules = [
        importlib.import_module(f"{rules.__name__}.{module.name}")
        for module in pkgutil.iter_modules(rules.__path__)
    ]
    defined = {
        value for module in modules for value in vars(module).values() if isinstance(value, Rule)
    }
    assert defined == set(RULES.values())


def test_rules_are_listed_in_the_order_of_their_ids() -> None:
    assert list(RULES) == sorted(RULES)


def test_every_page_of_a_rule_has_its_rule() -> None:
    assert {path.stem for path in PAGES.glob("FCA*.md")} == set(RULES)
