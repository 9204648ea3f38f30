# SPDX-License-Identifier: MIT
"""The tests of the page about triggers pass, and its commands show what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.cli.group import run

if TYPE_CHECKING:
    from fc_async_local.testing import FcLocal

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "triggers.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks("python"))
def test_the_tests_of_the_page_pass(fc_local: FcLocal, block: str) -> None:
    names: dict[str, Any] = {}
    exec(compile(block, "triggers.md", "exec"), names)  # noqa: S102 -- running our own page is the test
    [test] = [value for name, value in names.items() if name.startswith("test_")]
    test(fc_local)


def test_the_commands_of_the_page_work(
    fc_local: FcLocal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    fc_local.deploy("report", lambda event, _: event)
    fc_local.deploy("unzip", lambda event, _: event)
    schedule = {"cronExpression": "CRON_TZ=Asia/Shanghai 0 0 4 * * *", "enable": True}
    fc_local.client.create_trigger(
        "report", "nightly", trigger_type="timer", trigger_config=schedule
    )
    fc_local.client.create_trigger(
        "unzip",
        "upload",
        trigger_type="oss",
        source_arn="acs:oss:cn-hangzhou:1:uploads",
        trigger_config={
            "events": ["oss:ObjectCreated:*"],
            "filter": {"key": {"prefix": "in/", "suffix": ".zip"}},
        },
    )
    [session] = blocks("console")
    shown = [line for line in session.splitlines() if not line.startswith("$")]
    for line in session.splitlines():
        if line.startswith("$ fc-async "):
            assert run(line.removeprefix("$ fc-async ").split()) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == shown[0].split()
    assert [line.split()[0] for line in printed[1:4]] == ["report", "unzip", "fired"]
    assert printed[1].endswith(shown[1].rpartition("active")[2])
