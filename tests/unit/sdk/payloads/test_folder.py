# SPDX-License-Identifier: MIT
"""Payloads in a folder: what is not a file there is not read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk import payloads
from fc_async_sdk._payloads.claims import Claim
from fc_async_sdk.errors import PayloadStoreFailed
from fc_async_sdk.payloads import FolderStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = f"fc-async/v1/f/2026-01-01/{'0' * 64}"


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, os.mkdir],
    ids=["pipe", "folder"],
)
def test_a_claim_of_a_pipe_or_a_folder_fails_and_does_not_block_the_handler(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    path = tmp_path / KEY
    path.parent.mkdir(parents=True)
    make(path)
    claim = Claim(store=FolderStore(tmp_path).name, key=KEY, sha256="0" * 64, size=1)
    with pytest.raises(PayloadStoreFailed, match="is not a regular file"):
        payloads.fetch(claim.encode(), FolderStore(tmp_path))
