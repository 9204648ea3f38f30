# SPDX-License-Identifier: MIT
"""An installation without extras can be looked at, and says what is missing when it is used."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk._installation import how_to_install

if TYPE_CHECKING:
    from pathlib import Path

ONLY_THE_BASE = """
import importlib.abc, sys

INSTALLED = {"requests", "msgspec", "typing_extensions", "urllib3", "certifi", "idna",
             "charset_normalizer", "fc_async_sdk", "fc_async_local", "fc_async_plugin"}

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in INSTALLED and top not in sys.stdlib_module_names and "__" not in top:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""
PACKAGES = ["fc_async_sdk", "fc_async_local", "fc_async_plugin"]


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ONLY_THE_BASE + code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_help_shows_the_package(package: str) -> None:
    assert f"package {package}" in run(f"import {package}; help({package})")


def test_help_shows_the_asyncio_client() -> None:
    assert "class AsyncClient" in run("import fc_async_sdk; help(fc_async_sdk.AsyncClient)")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_can_be_imported(package: str) -> None:
    assert run(f"from {package} import *\nprint('fine')") == "fine\n"


@pytest.mark.parametrize("package", PACKAGES)
def test_members_can_be_listed(package: str) -> None:
    code = f"import inspect, {package} as it\nprint(len(inspect.getmembers(it)) >= len(dir(it)))"
    assert run(code) == "True\n"


def test_the_asyncio_client_says_which_extra_it_needs() -> None:
    code = """
import fc_async_sdk
try:
    fc_async_sdk.async_client(endpoint_url="http://127.0.0.1:9")
except fc_async_sdk.errors.ConfigurationError as error:
    print(error)
"""
    assert how_to_install("aio") in run(code)


def test_an_ignore_file_without_pathspec_is_an_error_and_not_disregarded(tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text("")
    (tmp_path / "secret.txt").write_text("")
    (tmp_path / ".fcignore").write_text("secret.txt\n")
    code = f"""
from fc_async_sdk import errors, packaging
try:
    packaging.load({str(tmp_path)!r})
except errors.ConfigurationError as error:
    print(error)
"""
    assert f"needs pathspec: {how_to_install('cli')}" in run(code)


def test_a_progress_bar_without_rich_is_refused_before_anything_is_sent() -> None:
    code = """
import fc_async_sdk
def payloads():
    print("a payload was taken")
    yield 1
client = fc_async_sdk.client(endpoint_url="http://127.0.0.1:9")
try:
    client.fan_out("f", payloads(), progress=True)
except fc_async_sdk.errors.ConfigurationError as error:
    print(error)
"""
    assert run(code) == (
        f"a progress bar needs rich: {how_to_install('cli')}, or give a callable\n"
    )


def test_the_first_payload_with_a_schema_says_what_to_install() -> None:
    said = run(
        "from fc_async_sdk._payloads.schema import PayloadSchema\n"
        "from fc_async_sdk.errors import ConfigurationError\n"
        "try:\n    PayloadSchema({}).check('payload', b'1')\n"
        "except ConfigurationError as error:\n    print(error)\n"
    )
    assert "needs jsonschema" in said
    assert "[cli]" in said
