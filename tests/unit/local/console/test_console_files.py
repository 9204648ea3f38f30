# SPDX-License-Identifier: MIT
"""The console's files: served as they are, with a policy, and with nothing from elsewhere."""

from __future__ import annotations

import asyncio
import json
import re
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.exceptions import HTTPException
from starlette.routing import Router

from fc_async_local import console
from fc_async_local.http.access import Access

SOURCES = Path(__file__).parents[4] / "console"
SCRIPTS = sorted((SOURCES / "src").rglob("*.ts*"))
SHOWN = ("index.html", "theme.js", "console.js", "console.css", "icon.svg")
FILES = (*SHOWN, "licences.txt", "zh-CN.json")


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


ACCESS = Access("token-of-this-runtime", 9900, lambda: 0.0)
COOKIE = ACCESS.cookie.partition(";")[0]


def get(target: str, *headers: tuple[str, str], cookie: str = COOKIE) -> Answered:
    path, _, query = target.partition("?")
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": "",
        "query_string": query.encode(),
        "headers": [
            (name.encode(), value.encode())
            for name, value in (("host", "127.0.0.1"), ("cookie", cookie), *headers)
        ],
        "app": object(),
    }
    asyncio.run(Router(console.routes(ACCESS))(scope, receive, send))
    headers = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answered(sent[0]["status"], headers, body)


def address(name: str) -> str:
    return "/console" if name == "index.html" else f"/console/{name}"


@pytest.fixture
def built(cannot_run) -> None:
    """The console was built, as by ``make setup``."""
    if not resources.files(console).joinpath("static", "index.html").is_file():
        cannot_run("the console is not built: make console")


def test_the_root_leads_to_the_page():
    answer = get("/")
    assert (answer.status, answer.headers["location"]) == (307, "/console")


def test_the_page_has_a_policy_that_lets_nothing_else_in():
    answer = get("/console")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"<html" in answer.body


def test_the_page_of_another_user_is_not_shown_and_says_how_to_get_in():
    for cookie in ("", "fc-async-9900=guessed", f"fc-async-9901={COOKIE.partition('=')[2]}"):
        answer = get("/console", cookie=cookie)
        assert answer.status == 401
        assert b"fc-async local console" in answer.body
        assert b"script" not in answer.body


def test_the_address_with_the_token_lets_a_browser_in_and_the_token_leaves_it():
    answer = get("/console?token=token-of-this-runtime", cookie="")
    assert (answer.status, answer.headers["location"]) == (303, "/console")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    cookie = answer.headers["set-cookie"]
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert "token-of-this-runtime" not in cookie
    assert get("/console", cookie=cookie.partition(";")[0]).status == 200


def test_a_wrong_token_lets_no_browser_in():
    answer = get("/console?token=guessed", cookie="")
    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert b"guessed" not in answer.body


def test_the_page_asks_again_if_a_link_of_another_site_kept_the_cookie_back():
    linked = get("/console", ("sec-fetch-site", "cross-site"), cookie="")
    assert b'http-equiv="refresh"' in linked.body
    again = get("/console", ("sec-fetch-site", "same-origin"), cookie="")
    assert b"refresh" not in again.body


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_with_its_type_and_policy(name: str, built: None):
    answer = get(address(name))
    assert answer.status == 200
    assert answer.body
    assert answer.headers["content-type"].startswith(("text/", "image/svg+xml", "application/json"))
    assert answer.headers["content-security-policy"] == console.POLICY


def test_nothing_but_these_files_is_built(built: None):
    folder = resources.files(console).joinpath("static")
    assert {entry.name for entry in folder.iterdir()} == set(FILES)


@pytest.mark.parametrize(
    "path",
    ["/console/__init__.py", "/console/..%2f__init__.py", "/console/x", "/console/index.html"],
)
def test_a_path_that_names_no_console_file_is_refused(path: str):
    with pytest.raises(HTTPException):
        get(path)


def test_without_a_build_the_page_says_how_to_build_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    answer = get("/console")
    assert answer.status == 200
    assert b"make setup" in answer.body


@pytest.mark.parametrize("name", SHOWN)
def test_no_file_names_another_place(name: str, built: None):
    text = get(address(name)).body.decode()
    addresses = set(re.findall(r"https?://[^\s\"'`<>)]+", text))
    assert {a for a in addresses if not a.startswith("http://www.w3.org/")} <= set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_nothing_is_ever_parsed_as_html(script: Path):
    text = script.read_text(encoding="utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySet|document\.write|eval\(", text
    )


def test_the_page_has_no_inline_script_and_no_inline_style():
    text = (SOURCES / "src" / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?! (type=\"module\" )?src=)|\son[a-z]+=\"|style=|<style", text)


def test_the_lock_file_names_no_address():
    lock = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
