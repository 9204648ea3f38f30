# SPDX-License-Identifier: MIT
"""Runs every test of this folder on every store of payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.payloads import FolderStore, PayloadStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "payloads")


@pytest.fixture(params=["folder"])
def store(request: pytest.FixtureRequest) -> PayloadStore:
    found: PayloadStore = request.getfixturevalue(request.param)
    return found
