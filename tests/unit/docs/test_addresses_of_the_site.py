# SPDX-License-Identifier: MIT
"""A published page names its own address and that of the other language."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.append(str(Path(__file__).parents[3] / "docs"))

import chinese_site

pytestmark = pytest.mark.lint


def context_of(language: str | None, base: str) -> dict[str, str]:
    app = SimpleNamespace(config=SimpleNamespace(html_baseurl=base))
    context = {"language": language, "metatags": ""}
    chinese_site.name_both_sites(app, "how-to/sdk", "page.html", context, None)
    return context


@pytest.mark.parametrize(("language", "folder"), [("en", ""), ("zh-CN", "zh-cn/"), (None, "")])
def test_a_page_has_its_canonical_address_and_both_languages(
    language: str | None, folder: str
) -> None:
    found = context_of(language, "https://example.org/fc-async/")
    assert found["pageurl"] == f"https://example.org/fc-async/{folder}how-to/sdk.html"
    for code, place in (("en", ""), ("zh-CN", "zh-cn/")):
        url = f"https://example.org/fc-async/{place}how-to/sdk.html"
        assert f'<link rel="alternate" hreflang="{code}" href="{url}">' in found["metatags"]


def test_a_build_at_home_names_no_address() -> None:
    assert context_of("en", "") == {"language": "en", "metatags": ""}
