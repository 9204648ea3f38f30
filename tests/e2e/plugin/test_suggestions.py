# SPDX-License-Identifier: MIT
"""A mistyped name of a function or a task gets the nearest one that exists."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import run
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

TEMPLATE = template(extract="functionName: shop-extract")


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fc_local: FcLocal) -> None:
    """A function with a task, and a template that names another resource for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    fc_local.deploy("shop-extract", lambda *_: "done")
    fc_local.deploy("billing", lambda *_: "done")
    fc_local.client.invoke_async("shop-extract", b"", task_id="order-2026-0001")
    fc_local.run_until_idle()


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["invoke", "extarct", "x"], "extract"),
        (["invoke", "shop-extarct", "x"], "shop-extract"),
        (["tasks", "list", "biling"], "billing"),
        (["tasks", "get", "extract", "order-2026-001"], "order-2026-0001"),
        (["tasks", "get", "extract", "order"], "order-2026-0001"),
        (["tasks", "stop", "extract", "order-2026-0002"], "order-2026-0001"),
        (["tasks", "logs", "extract", "order-2026-0002"], "order-2026-0001"),
        (["plan", "--resource", "extarct"], "extract"),
    ],
)
def test_a_mistyped_name_gets_the_nearest_one(
    arguments: list[str], nearest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 1
    said = capsys.readouterr().err
    assert f"id you mean {nearest}?" in said
    assert "Traceback" not in said


def test_a_name_that_is_like_no_other_gets_no_suggestion(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["invoke", "qqqq", "x"]) == 1
    said = capsys.readouterr().err
    assert "FunctionNotFound" in said
    assert "id you mean" not in said


def test_a_suggestion_never_repeats_what_was_typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = TEMPLATE.replace("extract", "process")
    (tmp_path / "s.yaml").write_text(template)
    assert run(["tasks", "list", "shop-process"]) == 1  # in the template, and not deployed
    said = capsys.readouterr().err
    assert "FunctionNotFound" in said
    assert "id you mean shop-process" not in said


def test_a_mistyped_region_is_a_warning_that_names_the_nearest_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FC_ASYNC_ENDPOINT")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # no request leaves this machine
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
    for region, warned in (("cn-hangzou", True), ("cn-hangzhou", False)):
        place = ["--region", region, "--account-id", "1"]
        done = subprocess.run(
            [sys.executable, "-m", "fc_async_plugin", "tasks", "list", "billing", *place],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "no connection to the proxy" in done.stderr
        assert ("'cn-hangzou' is not known" in done.stderr) == warned
        assert ("did you mean cn-hangzhou?" in done.stderr) == warned


def test_missing_credentials_are_explained_in_three_lines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FC_ASYNC_ENDPOINT")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)
    assert run(["invoke", "extract", "{}"]) == 1
    where, said = capsys.readouterr().err.split("\n", 1)
    assert where == "Using your account in cn-hangzhou"
    assert said.startswith("Error: no credentials found\n")
    assert "fc-async dev, or --endpoint http://127.0.0.1:9900" in said
    assert len(said.splitlines()) == 3
    assert max(map(len, said.splitlines())) < 100


@pytest.mark.parametrize("how", ["option", "variable"])
@pytest.mark.parametrize("typed", ["http://127.0.0.1:1", "127.0.0.1:1"])
def test_a_runtime_that_does_not_run_is_told_with_how_to_start_it(
    how: str, typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "http://127.0.0.1:1"
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", typed)
    option = ["--endpoint", typed] if how == "option" else []
    if option:
        monkeypatch.delenv("FC_ASYNC_ENDPOINT")
    assert run(["invoke", "extract", "x", *option]) == 1
    assert f"Start a runtime at {nowhere}: fc-async dev, or" in capsys.readouterr().err
