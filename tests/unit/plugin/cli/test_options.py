# SPDX-License-Identifier: MIT
"""Options that a command would ignore are refused, before anything is read or sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["policy", "--deployer", "--caller"], "exclude each other"),
        (["policy", "--live", "--against", "FILE"], "exclude each other"),
        (["local", "start", "--access-keys", "FILE"], "goes with --strict-auth"),
        (["invoke", "f", "x", "--failed", "FILE"], "--failed goes with --batch"),
        (["invoke", "f", "x", "--max-hops", "2"], "--max-hops goes with --rate"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("{}")
    assert run(arguments) == 1
    assert message in capsys.readouterr().err
