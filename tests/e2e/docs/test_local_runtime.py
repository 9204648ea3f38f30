# SPDX-License-Identifier: MIT
"""The page about the local runtime shows how to embed it: that block runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "local-runtime.md"
BLOCK = re.compile(
    r"^```python\n(from fc_async_local\.embedded .*?)^```$", re.MULTILINE | re.DOTALL
)


def test_the_embedded_runtime_starts_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    found = BLOCK.search(PAGE.read_text("utf-8"))
    assert found is not None
    exec(compile(found[1], str(PAGE), "exec"), {})  # noqa: S102 -- running our own page is the test
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")
    assert (tmp_path / "data").is_dir()
