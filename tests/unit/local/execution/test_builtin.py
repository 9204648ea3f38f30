# SPDX-License-Identifier: MIT
"""Which Python runs a function of another version, and what is said of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_local.execution.instances import builtin

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(sys.version_info[:2] == (3, 10), reason="this is the nearest version")
def test_a_function_of_a_python_that_fc_async_has_not_names_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(builtin, "warn_once", lambda _, text: said.append(text))
    assert builtin.python_of("orders", "python3.9", [tmp_path], debugged=False) == sys.executable
    here = ".".join(map(str, sys.version_info[:2]))
    [text] = said
    assert text == (
        f"python3.9 functions run on Python {here}, the interpreter of this runtime; for the "
        "nearest one, install fc-async into an environment of Python 3.10"
    )
