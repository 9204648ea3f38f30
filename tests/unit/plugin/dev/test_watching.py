# SPDX-License-Identifier: MIT
"""Only what can be part of a function is watched."""

from __future__ import annotations

from pathlib import Path

import pytest

from fc_async_plugin.dev.watching import is_code


@pytest.mark.parametrize("name", ["index.py", "data.json", "node_modules/left-pad/index.js", "lib"])
def test_code_and_what_it_reads_is_watched(name: str):
    assert is_code(Path("/project/code") / name)


@pytest.mark.parametrize(
    "name",
    [
        "__pycache__/index.cpython-311.pyc",
        ".git/index",
        ".venv/lib/x.py",
        ".fc-async/runtime/fc-async.db",
        "index.py~",
        ".index.py.swp",
        "4913",
    ],
)
def test_caches_drafts_of_editors_and_our_own_files_are_not(name: str):
    assert not is_code(Path("/project/code") / name)
