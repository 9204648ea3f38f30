# SPDX-License-Identifier: MIT
"""What the SDK's pages say is what happens: their Python blocks run, in order."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import fc_async_sdk

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = DOCS / "how-to" / "sdk.md"
REFERENCE = sorted(path for path in DOCS.glob("reference/sdk/*.md") if path.stem != "index")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def run_blocks(
    fc_local: FcLocal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], int]:
    """Return what runs the blocks of a page, in order, and returns their number."""

    def resize(event: bytes, _) -> bytes:
        return event

    fc_local.deploy("resize", resize)
    fc_local.create_queue("failed")
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    monkeypatch.chdir(tmp_path)

    def run(path: Path) -> int:
        text = path.read_text("utf-8")
        blocks = list(BLOCK.finditer(text))
        # Annotations of a block are looked up in the module where it runs.
        page = types.ModuleType("page")
        monkeypatch.setitem(sys.modules, "page", page)
        names = vars(page)
        for block in blocks:
            line = text.count("\n", 0, block.start()) + 2
            code = compile("\n" * (line - 1) + block[1], str(path), "exec")
            exec(code, names)  # noqa: S102 -- running our own page is the test
        if "client" in names:
            names["client"].close()
        return len(blocks)

    return run


def test_every_code_block_of_the_sdk_page_runs(run_blocks: Callable[[Path], int]) -> None:
    assert run_blocks(GUIDE) > 12


@pytest.mark.parametrize("page", REFERENCE, ids=lambda page: page.stem)
def test_every_page_of_the_reference_has_an_example_that_runs(
    page: Path, run_blocks: Callable[[Path], int]
) -> None:
    assert run_blocks(page) > 0


def test_every_public_name_of_the_package_is_in_the_reference() -> None:
    text = "".join(page.read_text("utf-8") for page in REFERENCE)
    modules = set(re.findall(r"automodule:: fc_async_sdk\.(\w+)\n(?:   .*\n)*?   :members:", text))
    named = set(re.findall(r"auto(?:class|function):: fc_async_sdk\.(?:\w+\.)?(\w+)", text))
    missing = [
        name
        for name in fc_async_sdk.__all__
        if name not in named | modules | {"__version__"}
        and not isinstance(getattr(fc_async_sdk, name), types.ModuleType)
        and getattr(fc_async_sdk, name).__module__.split(".")[1] not in modules
    ]
    assert missing == []
