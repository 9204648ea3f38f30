# SPDX-License-Identifier: MIT
"""Who may use the admin API: the user of the runtime, by the token or by what is made with it."""

from __future__ import annotations

from typing import Any

import pytest

from fc_async_local.api import admin
from fc_async_local.api.functions import FunctionOperations
from fc_async_local.api.operation import operations_of
from fc_async_local.api.service import GUARDED
from fc_async_local.http.access import Access
from fc_async_sdk import _runtimes, _signing
from fc_async_sdk.credentials import LOCAL, Credentials

NOW = 1_700_000_000
TOKEN = "token-of-this-runtime"
COOKIE = Access(TOKEN, 9900, lambda: 0.0).cookie.partition(";")[0]
OPERATIONS = [
    operation
    for owner in (*(vars(admin)[name] for name in admin.__all__), FunctionOperations)
    for operation in operations_of(owner)
    if not operation.name
]


def signed(keys: Credentials, host: str = "127.0.0.1:9900", nonce: str = "n1") -> dict[str, str]:
    headers = {"host": host, "x-acs-version": "2023-03-30", "x-acs-action": "GetStats"}
    unsigned = _signing.Unsigned("GET", "/_local/stats", "", headers, b"")
    return _signing.sign(unsigned, keys, now=NOW, nonce=nonce)


def own(token: str = TOKEN) -> Credentials:
    return Credentials(access_key_id=_runtimes.KEY_ID, access_key_secret=token)


@pytest.fixture
def here(make_world: Any) -> Any:
    from fc_async_local.settings import Settings

    return make_world(Settings(), now=NOW)


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row.method} {row.path}")
def test_another_user_of_the_machine_can_do_nothing_of_the_admin_api(world: Any, row: Any) -> None:
    assert row.path.startswith(GUARDED)
    path = row.path.replace("{fault_id:number}", "1").replace("{", "").replace("}", "")
    answer = world.call(row.method, path, token="")
    if path == "/_local/health":
        assert (answer.status, answer.json) == (200, {"status": "ok"})
    else:
        assert (answer.status, answer.json["Code"]) == (401, "RuntimeTokenRequired")
        assert "fc-async local env" in answer.json["Message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer guessed"},
        {"authorization": "Bearer "},
        {"authorization": TOKEN},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer \xff"},
        {"cookie": "fc-async-9900=guessed"},
        {"cookie": f"fc-async-9900={TOKEN}"},
        {"cookie": COOKIE.replace("9900", "9901")},
        signed(LOCAL),
        signed(own("of another runtime")),
    ],
    ids=str,
)
def test_a_guess_reads_no_state(here: Any, headers: dict[str, str]) -> None:
    answer = here.call("GET", "/_local/stats", headers=headers, token="")
    assert answer.status == 401
    assert TOKEN not in answer.body.decode()


@pytest.mark.parametrize(
    "headers",
    [{"authorization": f"Bearer {TOKEN}"}, {"cookie": f"a=b; {COOKIE}"}, signed(own())],
    ids=["token", "cookie", "signature"],
)
def test_the_user_of_the_runtime_is_let_in(here: Any, headers: dict[str, str]) -> None:
    assert here.call("GET", "/_local/stats", headers=headers, token="").status == 200


def test_a_signed_request_is_taken_once(here: Any) -> None:
    headers = signed(own())
    assert here.call("GET", "/_local/stats", headers=headers, token="").status == 200
    again = here.call("GET", "/_local/stats", headers=headers, token="")
    assert again.status == 401
    assert "used already" in again.json["Message"]


def test_a_server_on_another_port_cannot_pass_a_signed_request_on(here: Any) -> None:
    headers = signed(own(), host="127.0.0.1:9950")
    answer = here.call("GET", "/_local/stats", headers=headers, token="")
    assert answer.status == 401
    assert "signed for port 9950, this runtime listens on 9900" in answer.json["Message"]


def test_an_official_client_downloads_code_by_the_link_it_was_given(world: Any) -> None:
    world.create("orders")
    link = world.call("GET", "/2023-03-30/functions/orders/code").json["url"]
    path = link.removeprefix("http://127.0.0.1:9900")
    assert world.call("GET", path, token="").status == 200
    assert world.call("GET", path.partition("?")[0], token="").status == 401
    other = path.replace("/orders/", "/others/")
    assert world.call("GET", other, token="").status == 401
    assert world.call("DELETE", path, token="").status == 401


def test_no_secret_is_in_a_repr() -> None:
    assert repr(Access(TOKEN, 9900, lambda: 0.0)) == "Access(port=9900)"
