# SPDX-License-Identifier: MIT
"""``fc-async alarms``: a table with reasons, files for other tools, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import run
from fc_async_tests.s_yaml import function, template

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = template(web="") + function(
    "order-worker",
    """
        functionName: orders
        timeout: 60
        asyncInvokeConfig: {maxAsyncEventAgeInSeconds: 3600, maxAsyncRetryAttempts: 2}
    """,
)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "s.yaml"
    path.write_text(TEMPLATE)
    return path


def test_a_table_says_each_threshold_and_why(capsys) -> None:
    assert run(["alarms"]) == 0
    out = capsys.readouterr().out
    assert "backlog" in out
    assert "1,800,000 ms" in out
    assert "1 attempt and 2 retries" in out
    assert "web" not in out


@pytest.mark.parametrize(("output", "member"), [("json", "requests"), ("ros", "Resources")])
def test_other_formats_need_a_contact_group(capsys, output: str, member: str) -> None:
    assert run(["alarms", "-o", output]) == 1
    assert "--contact-group" in capsys.readouterr().err
    assert run(["alarms", "-o", output, "--contact-group", "oncall"]) == 0
    assert member in json.loads(capsys.readouterr().out)


def test_a_function_is_named_by_its_resource_too(capsys) -> None:
    assert run(["alarms", "order-worker"]) == 0
    assert "orders" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alarms", "nosuch"], "has no function nosuch"),
        (["alarms", "web"], "asyncInvokeConfig: nothing to watch"),
    ],
)
def test_what_has_no_conditions_is_refused(capsys, arguments: list[str], said: str) -> None:
    assert run(arguments) == 1
    assert said in capsys.readouterr().err


def test_a_function_without_a_region_needs_the_option(file: Path, capsys) -> None:
    file.write_text(TEMPLATE.replace("region: cn-hangzhou", "description: x"))
    assert run(["alarms"]) == 1
    assert "no template here names the region of orders" in capsys.readouterr().err
    assert run(["alarms", "--region", "cn-shanghai"]) == 0
