# SPDX-License-Identifier: MIT
"""Tokens of local runtimes: for the user who started one, and for its address."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk import _endpoint, _project_folder, _runtimes, _user_key

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1:9900"
HERE = _endpoint.parse(URL)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a runtime, and a state of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv(_runtimes.VARIABLE, raising=False)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def started(data: Path, url: str = URL, *, strict: bool = False) -> str:
    """Write what a runtime writes at its start, and return its token."""
    data.mkdir(exist_ok=True)
    token = _runtimes.new_token()
    _runtimes.keep(data, token, strict=strict)
    _runtimes.announce(data, url)
    (data / _project_folder.ADDRESSES).write_text(json.dumps({"fc": url}))
    return token


def test_a_command_that_knows_only_the_address_finds_the_token(tmp_path: Path) -> None:
    token = started(tmp_path / "data")
    for url in (URL, "http://localhost:9900", "https://127.0.0.1:9900"):
        assert _runtimes.token_at(_endpoint.parse(url)) == token


def test_a_command_in_the_folder_finds_the_token_of_a_runtime_that_is_not_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _project_folder.make_private(_project_folder.RUNTIME)
    token = started(_project_folder.RUNTIME)
    shutil.rmtree(_user_key.user_state() / "runtimes")
    assert _runtimes.token_at(HERE) == token


def test_a_token_is_not_used_for_another_address(tmp_path: Path) -> None:
    started(tmp_path / "data")
    for url in ("http://127.0.0.1:9901", "https://example.com:9900"):
        assert _runtimes.token_at(_endpoint.parse(url)) == ""


def test_a_token_is_not_used_where_a_killed_runtime_listened_before(tmp_path: Path) -> None:
    started(tmp_path / "data", "http://127.0.0.1:9900")
    # It was killed, so its entry stayed; the next start on the data got another port.
    token = started(tmp_path / "data", "http://127.0.0.1:9950")
    assert _runtimes.token_at(HERE) == ""
    assert _runtimes.token_at(_endpoint.parse("http://127.0.0.1:9950")) == token


def test_the_token_of_the_environment_is_for_runtimes_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_runtimes.VARIABLE, "theirs")
    token = started(tmp_path / "data")
    assert _runtimes.token_at(HERE) == token
    assert _runtimes.token_at(_endpoint.parse("http://127.0.0.1:9950")) == "theirs"


@pytest.mark.skipif(os.name == "nt", reason="processes are not looked at there")
def test_the_token_that_the_user_has_set_is_used_where_a_killed_runtime_listened_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runtime of a container has the port now: with the old token it refused each command."""
    token = started(tmp_path / "data")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    addresses = tmp_path / "data" / _project_folder.ADDRESSES
    addresses.write_text(json.dumps({"fc": URL, "pid": ended.pid}))
    # It may run in a container, whose processes have other numbers.
    assert _runtimes.token_at(HERE) == token
    monkeypatch.setenv(_runtimes.VARIABLE, "theirs")
    assert _runtimes.token_at(HERE) == "theirs"
    addresses.write_text(json.dumps({"fc": URL, "pid": os.getpid()}))
    assert _runtimes.token_at(HERE) == token


def test_only_the_owner_can_read_a_token(tmp_path: Path) -> None:
    started(tmp_path / "data", strict=True)
    secrets = [tmp_path / "data" / "token", tmp_path / "data" / "access-key"]
    known = [*(tmp_path / "state" / "fc-async" / "runtimes").iterdir()]
    assert [path.stat().st_mode & 0o777 for path in (*secrets, *known)] == [0o600] * 3
    assert (tmp_path / "state" / "fc-async" / "runtimes").stat().st_mode & 0o777 == 0o700


def test_a_token_behind_a_link_is_not_read(tmp_path: Path) -> None:
    token = started(tmp_path / "data")
    (tmp_path / "secret").write_text(token)
    (tmp_path / "data" / "token").unlink()
    (tmp_path / "data" / "token").symlink_to(tmp_path / "secret")
    assert _runtimes.token_at(HERE) == ""


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="needs another user's file")
def test_a_token_that_another_user_wrote_is_not_read(tmp_path: Path) -> None:
    started(tmp_path / "data")
    os.chown(tmp_path / "data" / "token", 65534, 65534)
    assert _runtimes.token_at(HERE) == ""


@pytest.mark.parametrize("text", ["", "[]", "{", '{"fc": 1}', '{"fc": "http://[::"}', "[" * 5_000])
def test_files_that_are_damaged_give_no_token(tmp_path: Path, text: str) -> None:
    started(tmp_path / "data")
    (tmp_path / "data" / _project_folder.ADDRESSES).write_text(text)
    assert _runtimes.token_at(HERE) == ""


def test_nothing_is_left_after_an_orderly_end(tmp_path: Path) -> None:
    started(tmp_path / "data", strict=True)
    _runtimes.withdraw(tmp_path / "data", URL)
    assert [path.name for path in (tmp_path / "data").iterdir()] == [_project_folder.ADDRESSES]
    assert [*(tmp_path / "state" / "fc-async" / "runtimes").iterdir()] == []


def test_an_end_leaves_what_belongs_to_the_next_runtime_on_the_port(tmp_path: Path) -> None:
    started(tmp_path / "first")
    token = started(tmp_path / "second")
    _runtimes.withdraw(tmp_path / "first", URL)
    assert _runtimes.token_at(HERE) == token


def test_keys_of_an_account_are_not_sent_to_a_runtime(tmp_path: Path) -> None:
    account = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}
    assert _runtimes.credentials(HERE, account).access_key_id == "local"
    token = started(tmp_path / "data", strict=True)
    found = _runtimes.credentials(HERE, account)
    assert (found.access_key_id, found.access_key_secret) == _runtimes.access_key(token)


def test_no_token_is_in_a_repr(tmp_path: Path) -> None:
    token = started(tmp_path / "data")
    assert token not in repr(_runtimes.own_credentials(HERE))
