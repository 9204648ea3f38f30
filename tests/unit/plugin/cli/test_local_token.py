# SPDX-License-Identifier: MIT
"""``fc-async local console`` and ``env``: what lets a browser and programs elsewhere in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_tests.commands import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path / "data"


@pytest.fixture
def runtime(data: Path) -> Iterator[LocalRuntime]:
    with LocalRuntime(data=data, port=0, store="memory") as one:
        yield one


def test_the_address_of_the_console_is_printed_again(runtime: LocalRuntime, data: Path) -> None:
    done = run("local", "console", "--data", str(data))
    assert done.code == 0
    answer = requests.get(done.out.strip(), timeout=30)
    assert answer.status_code == 200
    assert answer.url == runtime.addresses.console


def test_a_script_gets_the_variables_of_the_runtime(runtime: LocalRuntime, data: Path) -> None:
    done = run("local", "env", "--data", str(data))
    assert done.out.splitlines() == [
        f"export FC_ASYNC_ENDPOINT={runtime.endpoint}",
        f"export FC_ASYNC_TOKEN={runtime.token}",
    ]


def test_clients_of_a_strict_runtime_get_a_key(data: Path) -> None:
    settings = Settings.of(strict_auth=True)
    with LocalRuntime(data=data, port=0, store="memory", settings=settings) as runtime:
        shown = json.loads(run("local", "env", "--data", str(data), "-o", "json").out)
        assert shown["FC_ASYNC_ENDPOINT"] == runtime.endpoint
        assert shown["ALIBABA_CLOUD_ACCESS_KEY_ID"] == "fc-async-local"
        assert shown["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] not in {"", runtime.token}


def test_without_a_runtime_the_way_to_start_one_is_named(data: Path) -> None:
    for name in ("console", "env"):
        done = run("local", name, "--data", str(data))
        assert done.code == 1
        assert "fc-async local start" in done.err


def test_a_command_that_knows_only_the_address_works(runtime: LocalRuntime) -> None:
    done = run("triggers", "list", "--endpoint", runtime.endpoint)
    assert done.code == 0, done.err


def test_the_doctor_says_what_is_open_to_other_users(runtime: LocalRuntime, data: Path) -> None:
    said = run("doctor", "--endpoint", runtime.endpoint)
    words = " ".join(said.out.split())
    assert "every program of every user of this machine; --strict-auth" in words


def test_the_doctor_does_not_say_so_of_a_strict_runtime(data: Path) -> None:
    settings = Settings.of(strict_auth=True)
    with LocalRuntime(data=data, port=0, store="memory", settings=settings) as runtime:
        said = run("doctor", "--endpoint", runtime.endpoint)
    words = " ".join(said.out.split())
    assert "programs that sign with one of its keys" in words
    assert "every program of every user" not in words
