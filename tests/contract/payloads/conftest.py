# SPDX-License-Identifier: MIT
"""Runs every test of this folder on every store of payloads.

OSS is the official client against OSS of the local runtime, and for its errors against a stand-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.payloads import FolderStore, OssStore, PayloadStore
from fc_async_tests import oss_stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_tests.oss_stand_in import Objects


@pytest.fixture
def served() -> Iterator[tuple[str, Objects]]:
    with oss_stand_in.serve() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "payloads")


@pytest.fixture
def oss(served: tuple[str, Objects]) -> OssStore:
    return OssStore("my-bucket", endpoint=served[0])


@pytest.fixture
def local_oss(fc_local: FcLocal) -> OssStore:
    fc_local.oss.create_bucket("my-bucket")
    return OssStore("my-bucket", endpoint=fc_local.oss_endpoint)


@pytest.fixture(params=["folder", "local_oss"])
def store(request: pytest.FixtureRequest) -> PayloadStore:
    found: PayloadStore = request.getfixturevalue(request.param)
    return found
