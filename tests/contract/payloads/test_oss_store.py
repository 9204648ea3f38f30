# SPDX-License-Identifier: MIT
"""What OssStore does beside the contract: credentials, endpoints, errors of the service."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk import errors, payloads
from fc_async_sdk._payloads import claims
from fc_async_sdk.credentials import Credentials, Static
from fc_async_sdk.payloads import OssStore

if TYPE_CHECKING:
    from fc_async_tests.oss_stand_in import Objects

PAYLOAD = b"abc" * 1000


def context(**keys: str) -> Any:
    return SimpleNamespace(credentials=SimpleNamespace(**keys))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((403, "AccessDenied"), errors.PayloadStoreDenied),
        ((403, "InvalidAccessKeyId"), errors.PayloadStoreDenied),
        ((404, "NoSuchBucket"), errors.PayloadStoreFailed),
        ((400, "InvalidArgument"), errors.PayloadStoreFailed),
    ],
)
def test_an_error_of_the_service_is_named_with_its_code_and_request(
    oss: OssStore,
    served: tuple[str, Objects],
    answer: tuple[int, str],
    error: type[errors.LargePayloadError],
) -> None:
    claim = claims.write(oss, "f", PAYLOAD)
    served[1].fail = answer
    said = rf"{answer[1]}: said so \[request r-1\]"
    with pytest.raises(error, match=said):
        claims.write(oss, "f", PAYLOAD)
    with pytest.raises(error, match=said):
        payloads.fetch(claim.encode(), oss)


def test_a_service_that_is_away_is_named(served: tuple[str, Objects]) -> None:
    with pytest.raises(errors.PayloadStoreFailed, match="RequestError"):
        claims.write(OssStore("my-bucket", endpoint="http://127.0.0.1:9", timeout=1), "f", b"")


def test_a_large_payload_costs_one_request(oss: OssStore, served: tuple[str, Objects]) -> None:
    claim = claims.write(oss, "f", PAYLOAD)
    assert served[1].requests == [f"PUT /my-bucket/{claim.key}"]
    payloads.fetch(claim.encode(), oss)
    assert len(served[1].requests) == 2


def test_a_handler_signs_with_the_credentials_of_its_context(
    oss: OssStore, served: tuple[str, Objects]
) -> None:
    for name in ("first", "second"):
        keys = context(access_key_id=name, access_key_secret="s", security_token=f"token-{name}")
        claims.within(oss, keys).put("k", b"")
    claims.within(oss, context()).put("k", b"")
    assert [
        name in one
        for name, one in zip(("first", "second", "second"), served[1].authorizations, strict=True)
    ] == [True] * 3
    assert served[1].tokens == ["token-first", "token-second", "token-second"]


def test_credentials_that_were_given_are_used_in_a_handler_too(served: tuple[str, Objects]) -> None:
    own = Static(Credentials(access_key_id="own", access_key_secret="s"))
    store = OssStore("my-bucket", endpoint=served[0], provider=own)
    store.within(context(access_key_id="role", access_key_secret="s")).put("k", b"")
    assert "own" in served[1].authorizations[0]


def test_without_a_region_the_first_request_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FC_ASYNC_REGION", "FC_REGION", "FC_ASYNC_OSS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    own = Static(Credentials(access_key_id="own", access_key_secret="s"))
    with pytest.raises(errors.ConfigurationError, match="no region"):
        OssStore("my-bucket", provider=own).exists("k")


def test_importing_the_stores_does_not_import_the_client() -> None:
    code = (
        "import sys, fc_async_sdk.payloads as p; p.OssStore('b'); "
        "print('alibabacloud_oss_v2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "False"
