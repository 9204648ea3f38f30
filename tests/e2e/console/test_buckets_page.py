# SPDX-License-Identifier: MIT
"""Buckets of OSS: their objects a folder at a time, pages, and an object that is saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow


def test_an_object_is_found_in_its_folder_and_saved(page: Page, fc_local: FcLocal) -> None:
    key = "in/<b>&ü 1.txt"
    fc_local.oss.put("videos", key, b"content", x_oss_meta_k="v")
    fc_local.oss.put("videos", "top.txt", b"")
    page.goto("/console#/buckets")
    page.get_by_role("link", name="videos").click()
    page.get_by_role("cell", name="top.txt", exact=True).wait_for()
    page.get_by_role("link", name="in/").click()
    page.get_by_role("button", name=f"Details of {key}").click()
    page.get_by_text("x-oss-meta-k").wait_for()
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save").click()
    assert Path(saving.value.path()).read_bytes() == b"content"
    page.get_by_role("link", name="Folder above").click()
    page.get_by_role("cell", name="top.txt", exact=True).wait_for()


def test_a_large_bucket_is_shown_in_pages(page: Page, fc_local: FcLocal) -> None:
    for number in range(101):
        fc_local.oss.put("videos", f"{number:03}", b"")
    page.goto("/console#/buckets/videos")
    page.get_by_role("cell", name="099", exact=True).wait_for()
    expect(page.get_by_role("cell", name="100", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("cell", name="100", exact=True).wait_for()
    page.get_by_role("link", name="First page").click()
    page.get_by_role("cell", name="099", exact=True).wait_for()


def test_content_is_never_shown_as_a_page(fc_local: FcLocal) -> None:
    fc_local.oss.put("videos", "a/x.html", b"<script>alert(1)</script>", content_type="text/html")
    where = f"{fc_local.endpoint}/_local/buckets/videos/content"
    answer = requests.get(where, params={"key": "a/x.html"}, timeout=5)
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''x.html"
    assert requests.get(where, params={"key": "none"}, timeout=5).status_code == 404
