# SPDX-License-Identifier: MIT
"""The console's files: served as they are, with a policy, and with nothing from elsewhere."""

from __future__ import annotations

import asyncio
import re
from importlib import resources
from typing import NamedTuple

import pytest
from starlette.exceptions import HTTPException
from starlette.routing import Router

from fc_async_local import console

FILES = sorted(file.name for file in resources.files(console).joinpath("static").iterdir())


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def get(path: str):
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
def test_every_file_is_served_with_its_type_and_policy(name):
    answer = get(f"/console/{name}")
    assert answer.status == 200
    assert answer.body
    assert answer.headers["content-type"].startswith(("text/", "image/svg+xml"))
    assert answer.headers["content-security-policy"] == console.POLICY


@pytest.mark.parametrize(
    "path", ["/console/__init__.py", "/console/..%2f__init__.py", "/console/x"]
)
def test_a_path_that_names_no_console_file_is_refused(path):
    with pytest.raises(HTTPException):
        get(path)


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_another_place(name):
    text = get(f"/console/{name}").body.decode()
    addresses = set(re.findall(r"https?://[^\s\"'`<>)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".html", ".js"))])
def test_nothing_is_ever_parsed_as_html(name):
    text = get(f"/console/{name}").body.decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert not re.search(r"<script(?! type=\"module\" src=)|\son[a-z]+=\"|style=", text)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_scripts_import_only_files_that_are_there(name):
    text = get(f"/console/{name}").body.decode()
    imported = re.findall(r"from \"(\./)?([^\"]+)\"", text)
    assert all(dot and file in FILES for dot, file in imported)
