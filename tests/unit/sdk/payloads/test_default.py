# SPDX-License-Identifier: MIT
"""Names of stores, and the one that the environment names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.errors import ConfigurationError
from fc_async_sdk.payloads import DefaultStore, FolderStore, OssStore, store_at

if TYPE_CHECKING:
    from pathlib import Path


def test_a_store_is_found_by_its_name(tmp_path: Path) -> None:
    for store in (FolderStore(tmp_path / "a%20 b"), OssStore("my-bucket")):
        found = store_at(store.name)
        assert (type(found), found.name) == (type(store), store.name)
    assert store_at(str(tmp_path)).name == FolderStore(tmp_path).name


@pytest.mark.parametrize(
    "url", ["s3://bucket", "oss://", "oss:bucket", "oss://b/key", "file://host/folder"]
)
def test_another_url_is_not_a_store(url: str) -> None:
    with pytest.raises(ConfigurationError, match="oss://BUCKET"):
        store_at(url)


def test_the_environment_is_read_at_each_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = DefaultStore()
    for name in ("one", "two"):
        monkeypatch.setenv("FCASYNC_PAYLOADS", str(tmp_path / name))
        store.put("k", name.encode())
        assert store.name.endswith(name)
    assert (tmp_path / "one" / "k").read_text() == "one"


@pytest.mark.parametrize("endpoint", ["", "https://123.cn-hangzhou.fc.aliyuncs.com"])
def test_without_a_name_and_a_runtime_here_the_error_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.delenv("FCASYNC_PAYLOADS", raising=False)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", endpoint)
    with pytest.raises(ConfigurationError, match="set FCASYNC_PAYLOADS to oss://BUCKET"):
        DefaultStore().exists("k")
