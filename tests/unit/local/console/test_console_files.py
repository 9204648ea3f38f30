# SPDX-License-Identifier: MIT
"""The console's files: served as they are, with a policy, and with nothing from elsewhere."""

from __future__ import annotations

import asyncio
import re
from importlib import resources

import pytest
from starlette.exceptions import HTTPException
from starlette.routing import Router

from fc_async_local import console

FILES = sorted(file.name for file in resources.files(console).joinpath("static").iterdir())


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
    return sent[0]["status"], headers, b"".join(m.get("body", b"") for m in sent[1:])


def test_the_root_leads_to_the_page():
    status, headers, _ = get("/")
    assert (status, headers["location"]) == (307, "/console")


def test_the_page_has_a_policy_that_lets_nothing_else_in():
    status, headers, body = get("/console")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert b"<html" in body


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_with_its_type_and_policy(name):
    status, headers, body = get(f"/console/{name}")
    assert (status, len(body) > 0) == (200, True)
    assert headers["content-type"].startswith(("text/", "image/svg+xml"))
    assert headers["content-security-policy"] == console.POLICY


@pytest.mark.parametrize(
    "path", ["/console/__init__.py", "/console/..%2f__init__.py", "/console/x"]
)
def test_a_path_that_names_no_console_file_is_refused(path):
    with pytest.raises(HTTPException):
        get(path)


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_another_place(name):
    text = get(f"/console/{name}")[2].decode()
    addresses = set(re.findall(r"https?://[^\s\"'`<>)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith((".html", ".js"))])
def test_nothing_is_ever_parsed_as_html(name):
    text = get(f"/console/{name}")[2].decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    assert not re.search(r"<script(?! type=\"module\" src=)|\son[a-z]+=\"|style=", text)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_scripts_import_only_files_that_are_there(name):
    text = get(f"/console/{name}")[2].decode()
    imported = re.findall(r"from \"(\./)?([^\"]+)\"", text)
    assert all(dot and file in FILES for dot, file in imported)
