# SPDX-License-Identifier: MIT
"""``fc-async`` without arguments says what it sees and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import COMMANDS, run
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = template(take="functionName: shop-take", pack="functionName: shop-pack")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("FC_ASYNC_ENDPOINT", "ALIBABA_CLOUD_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]):
    def show() -> str:
        assert run([]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert max(map(len, out.splitlines())) <= 80
        return out

    return show


def tried(out: str) -> list[str]:
    """Return the commands that an overview names."""
    lines = out.partition("Try\n")[2].partition("\n\n")[0].splitlines()
    return [line.split("  ")[1].strip() for line in lines]


def test_a_folder_without_a_template_leads_to_init(shown) -> None:
    out = shown()
    assert "there is no s.yaml in this folder" in out
    assert tried(out)[0] == "fc-async init"


def test_a_project_is_told_with_its_functions_and_three_commands(here: Path, shown) -> None:
    (here / "s.yaml").write_text(TEMPLATE)
    out = shown()
    assert "shop (s.yaml)" in out
    assert "take, pack (cn-hangzhou)" in out
    assert tried(out) == ["fc-async dev", "fc-async graph", "fc-async validate"]


def test_with_keys_of_an_account_a_deployment_can_be_planned(
    here: Path, shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "s.yaml").write_text(TEMPLATE)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "any")
    assert tried(shown()) == ["fc-async dev", "fc-async graph", "fc-async plan"]


@pytest.mark.parametrize("text", [TEMPLATE.replace("shop-pack", "${vars.nope}"), "resources: ["])
def test_a_template_with_errors_leads_to_validate(text: str, here: Path, shown) -> None:
    (here / "s.yaml").write_text(text)
    out = shown()
    assert "1 error" in out
    assert tried(out)[0] == "fc-async validate"


def test_with_an_endpoint_a_function_can_be_called(
    here: Path, shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "s.yaml").write_text(TEMPLATE)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", "http://127.0.0.1:9")
    out = shown()
    assert "http://127.0.0.1:9" in out
    assert tried(out)[0] == "fc-async invoke take '{}'"


def test_all_commands_to_try_exist(here: Path, shown) -> None:
    for text in (None, TEMPLATE, "resources: ["):
        if text is not None:
            (here / "s.yaml").write_text(text)
        assert {command.split()[1] for command in tried(shown())} <= set(COMMANDS)
