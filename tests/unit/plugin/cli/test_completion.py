# SPDX-License-Identifier: MIT
"""Shell completion: commands, flags, and the resources of the template that stands here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_plugin.cli import group
from fc_async_tests.s_yaml import function, template

if TYPE_CHECKING:
    from pathlib import Path

EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
TEMPLATE = template(orders="", audit="") + function("order-mail")


def offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> list[str]:
    words = line.split(" ")
    monkeypatch.setenv("_FC_ASYNC_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit):
        group.run([])
    return [one.partition(",")[2] for one in capsys.readouterr().out.split()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fc-async depl", ["deploy"]),
        ("fc-async tasks re", ["replay"]),
        ("fc-async deploy --from", ["--from-plan"]),
        ("fc-async invoke ord", ["orders", "order-mail"]),
        ("fc-async tasks list a", ["audit"]),
        ("fc-async import o", ["orders", "order-mail"]),
        ("fc-async deploy --resource a", ["audit"]),
    ],
)
def test_completion_offers_commands_options_and_names(
    line: str,
    expected: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    monkeypatch.chdir(tmp_path)
    assert offered(monkeypatch, capsys, line) == expected


@pytest.mark.parametrize(
    ("arguments", "shell"),
    [(["bash"], ""), (["fish"], ""), ([], "/bin/zsh"), ([], "/usr/bin/fish")],
)
def test_the_script_of_a_shell_asks_this_command(
    arguments: list[str],
    shell: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SHELL", shell)
    assert group.run(["completion", *arguments]) == 0
    name = arguments[0] if arguments else shell.rpartition("/")[2]
    assert f"_FC_ASYNC_COMPLETE={name}_complete" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["", "/bin/dash"])
def test_a_shell_that_is_not_known_is_named(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHELL", shell)
    assert group.run(["completion"]) == 1
    assert "name bash, zsh or fish" in capsys.readouterr().err


def test_without_a_template_nothing_is_offered_and_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert offered(monkeypatch, capsys, "fc-async invoke ord") == []


def test_names_and_tasks_of_the_runtime_of_this_folder_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with LocalRuntime(data=tmp_path / ".fc-async" / "runtime", port=0) as runtime:
        client = fc_async_sdk.client(endpoint_url=runtime.addresses.fc)
        client.create_function(
            "orders", runtime="python3.10", handler="index.handler", code=EMPTY_ZIP
        )
        client.invoke_async("orders", b"{}", delay=600, task_id="order-7")
        client.close()

        assert offered(monkeypatch, capsys, "fc-async tasks list ord") == ["orders"]
        assert offered(monkeypatch, capsys, "fc-async tasks get orders order") == ["order-7"]
        assert offered(monkeypatch, capsys, "fc-async tasks stop orders x") == []
