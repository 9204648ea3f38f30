# SPDX-License-Identifier: MIT
"""A message that names a missing extra says how to add it to this installation."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk._installation import how_to_install
from fc_async_tests import installation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes the metadata of fc-async those of an installation from ``origin``."""

    return functools.partial(installation.install, monkeypatch, tmp_path / "site")


def test_an_extra_is_added_from_the_wheel_that_was_installed(installed, tmp_path: Path) -> None:
    wheel = tmp_path / "a folder" / "fc_async-0.2.0-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.touch()
    installed({"url": wheel.as_uri(), "archive_info": {}})
    assert how_to_install("aio") == f"pip install '{wheel}[aio]'"


def test_an_extra_is_added_to_a_checkout(installed, tmp_path: Path) -> None:
    installed({"url": tmp_path.as_uri(), "dir_info": {"editable": True}})
    assert how_to_install("cli") == f"pip install --editable '{tmp_path}[cli]'"


@pytest.mark.parametrize(
    "origin",
    [None, {"url": "file:///gone/fc_async-0.2.0-py3-none-any.whl", "archive_info": {}}],
    ids=["from an index", "from a file that is gone"],
)
def test_without_a_place_that_exists_no_command_is_invented(installed, origin) -> None:
    installed(origin)
    assert how_to_install("cli") == "install fc-async[cli] from where fc-async was installed"


def test_a_copy_without_metadata_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    assert "fc-async[cli]" in how_to_install("cli")
