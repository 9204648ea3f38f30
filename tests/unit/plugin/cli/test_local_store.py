# SPDX-License-Identifier: MIT
"""How ``local start`` gets the URL of its store, which may have a password."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from fc_async_local import embedded
from fc_async_plugin.cli.local import command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

URL = "postgresql://team:hunter2@db.example/fc"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, list[str]]]:
    """Start a runtime that only says which store it has."""
    stores: list[str] = []
    monkeypatch.setattr(embedded, "run", lambda options, **_: stores.append(options.store))

    def run(*arguments: str) -> tuple[Any, list[str]]:
        return CliRunner().invoke(command, ["start", *arguments]), stores

    return run


def test_the_password_comes_from_a_file_that_only_the_user_can_read(
    start: Callable[..., tuple[Any, list[str]]], tmp_path: Path
) -> None:
    file = tmp_path / "store.url"
    file.write_text(f"{URL}\n")
    file.chmod(0o600)
    done, stores = start("--store-file", str(file))
    assert (done.exit_code, stores) == (0, [URL])
    file.chmod(0o640)
    done, _ = start("--store-file", str(file))
    assert done.exit_code != 0
    assert f"others can read {file}: chmod 600 {file}" in done.output
    assert "hunter2" not in done.output


def test_the_password_comes_from_a_variable_that_no_child_gets(
    start: Callable[..., tuple[Any, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FC_ASYNC_STORE", URL)
    done, stores = start()
    assert (done.exit_code, stores) == (0, [URL])
    assert "FC_ASYNC_STORE" not in os.environ
    assert "list of processes" not in done.output


def test_a_password_on_the_command_line_is_named_as_seen_by_others(
    start: Callable[..., tuple[Any, list[str]]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FC_ASYNC_STORE", "memory")
    done, stores = start("--store", URL)
    assert stores == [URL]
    assert "other users can see the password of --store in the list of processes" in done.output
    assert "hunter2" not in done.output
    (tmp_path / "f").write_text(URL)
    done, _ = start("--store", URL, "--store-file", str(tmp_path / "f"))
    assert "exclude each other" in done.output
