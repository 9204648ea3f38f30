# SPDX-License-Identifier: MIT
"""What a command says about a payload in a store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.account import stored_payloads
from fc_async_plugin.report import payloads as report
from fc_async_sdk._payloads import claims
from fc_async_sdk.payloads import Claim, FolderStore

if TYPE_CHECKING:
    from pathlib import Path

PAYLOAD = json.dumps({"lines": ["x" * 60] * 2000}).encode()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "payloads")


def test_a_payload_in_a_folder_is_shown_with_its_place_and_content(store: FolderStore) -> None:
    claim = claims.write(store, "f", PAYLOAD)

    first, *content = report.lines(claim.encode(), None)
    assert first == f"{len(PAYLOAD):,} bytes in {store.name}/{claim.key}"
    assert content == [PAYLOAD.decode()]


def test_a_very_large_payload_is_named_and_not_shown(store: FolderStore) -> None:
    claim = claims.write(store, "f", PAYLOAD * 3)
    assert report.lines(claim.encode(), 80) == [f"{claim.size:,} bytes in {store.name}/{claim.key}"]


def test_a_payload_that_is_gone_is_said_to_be(store: FolderStore, tmp_path: Path) -> None:
    claim = claims.write(store, "f", PAYLOAD)
    (tmp_path / "payloads" / claim.key).unlink()

    [line] = report.lines(claim.encode(), 80)
    assert line.endswith("(not found any more)")
    found = stored_payloads.look_up(claim.encode())
    assert found is not None
    assert found.gone


def test_a_bucket_is_asked_only_if_the_environment_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = f"fc-async/v1/f/2026-11-28/{'a' * 64}"
    claim = Claim(store="oss://other", key=key, sha256="a" * 64, size=200_000)
    for named in ("", "oss://mine", "s3://x"):
        monkeypatch.setenv("FCASYNC_PAYLOADS", named)
        [line] = report.lines(claim.encode(), 80)
        assert line.endswith("(not read: set FCASYNC_PAYLOADS=oss://other)")
    monkeypatch.setenv("FCASYNC_PAYLOADS", "oss://other")
    monkeypatch.setenv("FC_ASYNC_OSS_ENDPOINT", "http://127.0.0.1:9")
    [line] = report.lines(claim.encode(), 80)
    assert "(not read: RequestError" in line


def test_a_claim_of_another_version_is_shown_with_the_reason() -> None:
    key = f"fc-async/v9/f/2026-11-28/{'a' * 64}"
    claim = Claim(store="s", key=key, sha256="a" * 64, size=1)
    [line] = report.lines(claim.encode(), 80)
    assert "update fc-async" in line


def test_other_payloads_are_not_stored() -> None:
    assert stored_payloads.look_up(b'{"n": 1}') is None
