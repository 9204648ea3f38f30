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

SOURCES = Path(__file__).parents[4] / "console"
SCRIPTS = sorted((SOURCES / "src").rglob("*.ts*"))
SHOWN = ("index.html", "theme.js", "console.js", "console.css", "icon.svg")
FILES = (*SHOWN, "licences.txt", "zh-CN.json")


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def get(path: str) -> Answered:
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
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "app": object(),
    }
    asyncio.run(Router(console.routes())(scope, receive, send))
    headers = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answered(sent[0]["status"], headers, body)


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


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_with_its_type_and_policy(name: str, built: None):
    answer = get(f"/console/{name}")
    assert answer.status == 200
    assert answer.body
    assert answer.headers["content-type"].startswith(("text/", "image/svg+xml", "application/json"))
    assert answer.headers["content-security-policy"] == console.POLICY


def test_nothing_but_these_files_is_built(built: None):
    folder = resources.files(console).joinpath("static")
    assert {entry.name for entry in folder.iterdir()} == set(FILES)


@pytest.mark.parametrize(
    "path", ["/console/__init__.py", "/console/..%2f__init__.py", "/console/x"]
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
    text = get(f"/console/{name}").body.decode()
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
