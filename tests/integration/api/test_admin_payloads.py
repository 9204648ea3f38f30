# SPDX-License-Identifier: MIT
"""Payloads in a folder, over the admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_sdk._payloads import claims
from fc_async_sdk.payloads import Claim, FolderStore, OssStore
from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

LARGE = b"\0large" * 100_000


def ask(fc_local: FcLocal, claim: bytes, method: str = "GET") -> requests.Response:
    url = f"{fc_local.endpoint}/_local/payloads"
    return requests.request(method, url, params={"claim": claim.decode()}, timeout=30)


def test_the_payload_of_a_claim_is_returned_until_it_is_gone(
    fc_local: FcLocal, tmp_path: Path
) -> None:
    claim = claims.write(FolderStore(tmp_path / "payloads"), "f", LARGE)
    assert ask(fc_local, claim.encode(), "HEAD").status_code == 200
    assert ask(fc_local, claim.encode()).content == LARGE

    (tmp_path / "payloads" / claim.key).write_bytes(b"changed")
    assert "not what was written" in ask(fc_local, claim.encode()).json()["Message"]
    (tmp_path / "payloads" / claim.key).unlink()
    for method in ("GET", "HEAD"):
        assert ask(fc_local, claim.encode(), method).status_code == 404
    assert ask(fc_local, claim.encode()).json()["Code"] == "PayloadNotFound"


def test_the_payload_in_a_bucket_here_is_returned_until_it_is_gone(fc_local: FcLocal) -> None:
    store = OssStore("my-bucket", endpoint=fc_local.oss_endpoint)
    fc_local.oss.create_bucket("my-bucket")
    claim = claims.write(store, "f", LARGE)
    assert ask(fc_local, claim.encode(), "HEAD").status_code == 200
    assert ask(fc_local, claim.encode()).content == LARGE
    store.put(claim.key, b"changed")
    assert "not what was written" in ask(fc_local, claim.encode()).json()["Message"]
    key = f"fc-async/v1/f/2026-11-28/{'0' * 64}"
    gone = Claim(store=claim.store, key=key, sha256="0" * 64, size=1)
    assert ask(fc_local, gone.encode()).json()["Code"] == "PayloadNotFound"


@pytest.mark.parametrize(
    ("store", "key"),
    [
        ("oss://bucket", f"fc-async/v1/f/2026-11-28/{'a' * 64}"),
        ("file:///", "etc/passwd"),
        ("file:///etc", "../etc/passwd"),
        ("file://host/etc", f"fc-async/v1/f/2026-11-28/{'a' * 64}"),
    ],
)
def test_nothing_else_is_read(fc_local: FcLocal, store: str, key: str) -> None:
    claim = Claim(store=store, key=key, sha256="a" * 64, size=1)
    for text in (claim.encode(), b"", b"{}"):
        assert ask(fc_local, text).status_code == 400
