# SPDX-License-Identifier: MIT
"""What the SDK's page says is what happens: its Python blocks run, in order."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from fc_async_local.testing import FcLocal

PAGE = Path(__file__).parents[3] / "docs" / "sdk.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_code_block_of_the_sdk_page_runs(
    fc_local: FcLocal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resize(event: bytes, _) -> bytes:
        return event

    fc_local.deploy("resize", resize)
    fc_local.create_queue("failed")
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text("utf-8")
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) > 12
    # Annotations of a block are looked up in the module where it runs.
    page = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", page)
    names = vars(page)
    for block in blocks:
        line = text.count("\n", 0, block.start()) + 2
        code = compile("\n" * (line - 1) + block[1], str(PAGE), "exec")
        exec(code, names)  # noqa: S102 -- running our own page is the test
    names["client"].close()
