# SPDX-License-Identifier: MIT
"""Every public module has a page of the reference; every name that is exported is on a page."""

from __future__ import annotations

import pkgutil
import re
import types
from pathlib import Path

import pytest

import fc_async_sdk
from fc_async_sdk import idempotency
from fc_async_sdk.idempotency import handler

pytestmark = pytest.mark.lint

DOCS = Path(__file__).parents[3] / "docs"
PAGES = [
    *(page for page in DOCS.glob("reference/*/*.md") if page.stem != "index"),
    DOCS / "reference" / "local-runtime.md",
]
TEXT = "".join(page.read_text("utf-8") for page in PAGES)
PUBLIC_LOCAL = {"embedded", "settings", "testing"}
"""What tests and programs may import of the local runtime (docs/reference/local-runtime.md)."""

PUBLIC = [
    *(f"fc_async_sdk.{module.name}" for module in pkgutil.iter_modules(fc_async_sdk.__path__)),
    *(f"fc_async_local.{name}" for name in sorted(PUBLIC_LOCAL)),
]


def documented() -> tuple[set[str], set[str]]:
    """Return the names that the reference has one by one, and the modules that it has whole."""
    names = set(
        re.findall(r"auto(?:class|function|exception)::[ ]fc_async_\w+\.(?:\w+\.)*(\w+)", TEXT)
    )
    whole = set()
    for module, options in re.findall(r"automodule:: (\S+)\n((?:   .*\n)*)", TEXT):
        members = re.search(r":members:(.*(?:\n {6,}.*)*)", options)
        if members and members[1].strip():
            names |= set(re.split(r"[,\s]+", members[1].strip()))
        elif members:
            whole.add(module)
    return names, whole


@pytest.mark.parametrize("module", [name for name in PUBLIC if "._" not in name])
def test_every_public_module_has_a_page(module: str) -> None:
    assert re.search(rf"auto\w+:: {re.escape(module)}\b", TEXT), module


@pytest.mark.parametrize("module", [fc_async_sdk, idempotency])
def test_every_name_that_a_package_exports_is_in_the_reference(module: types.ModuleType) -> None:
    names, whole = documented()
    missing = [
        name
        for name in module.__all__
        if name not in names | {"__version__"}
        and not isinstance(value := getattr(module, name), types.ModuleType)
        and not any(value.__module__.startswith(one) for one in whole)
    ]
    assert missing == []


def test_every_page_of_a_module_has_an_example() -> None:
    silent = [page.name for page in PAGES if "```python\n" not in page.read_text("utf-8")]
    assert silent == []


def test_every_option_of_idempotent_is_explained() -> None:
    page = (DOCS / "how-to" / "idempotency.md").read_text("utf-8")
    options = [*handler.RuleFields.__annotations__, "key", "compare", "scope"]
    assert [name for name in options if name not in page] == []


def test_the_page_lists_what_is_public_of_the_local_runtime() -> None:
    page = (DOCS / "reference" / "local-runtime.md").read_text("utf-8").partition("## In Python")[2]
    assert set(re.findall(r"^### (\w+): ", page, re.MULTILINE)) == PUBLIC_LOCAL
