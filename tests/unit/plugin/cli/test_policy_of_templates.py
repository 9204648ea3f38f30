# SPDX-License-Identifier: MIT
"""No policy has an expression of a template: RAM takes it for a name, and grants nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import scaffold
from fc_async_plugin.cli.group import run
from fc_async_tests import installation
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "1234567890123456"
FORMATS = [
    [],
    ["--format", "json"],
    ["--caller"],
    *(
        ["--deployer", *functions, *missing]
        for functions in ([], ["--with-functions"])
        for missing in ([], ["--create-missing"])
    ),
]
KNOWN_BY = {
    "nothing": ([], {}),
    "option": (["--account-id", ACCOUNT], {}),
    "variable": ([], {"FC_ASYNC_ACCOUNT_ID": ACCOUNT}),
    "alias": (
        ["-a", "shop"],
        {
            "shop_serverless_devs_key": json.dumps(
                {"AccountID": ACCOUNT, "AccessKeyID": "k", "AccessKeySecret": "s"}
            )
        },
    ),
}
CASES = [("nothing", form) for form in FORMATS]
CASES += [(known_by, FORMATS[-1]) for known_by in KNOWN_BY if known_by != "nothing"]
RESOURCE = re.compile(
    r"acs:ram::(?:\d+|\*):role/[\w*-]+"
    r"|acs:(?:fc|mns|log|eventbridge):[\w*-]+:(?:\d+|\*):[\w:/*-]+"
    r"|acs:(?:oss|ons|mq|rocketmq):[\w*-]*:[\d*]*:\S+"
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    # From an index: a project of a checkout would get a wheel, which is built.
    installation.install(monkeypatch, tmp_path / "site")
    for name in ("FC_ASYNC_ACCOUNT_ID", "AccountID", "AccessKeyID", "AccessKeySecret"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("template", scaffold.names())
def test_a_policy_has_no_expression_in_any_format(
    template: str, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["init", template, "--no-input", "project_name=shop"]) == 0
    monkeypatch.chdir("shop")
    for known_by, form in CASES:
        options, environment = KNOWN_BY[known_by]
        monkeypatch.delenv("FC_ASYNC_ACCOUNT_ID", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        assert run(["policy", *form, *options]) == 0
        out, err = capsys.readouterr()
        assert "${" not in out, (known_by, form)
        resources = re.findall(r'"(acs:[^"]*)"', out)
        assert resources
        assert [text for text in resources if not RESOURCE.fullmatch(text)] == []
        roles = {text for text in resources if ":role/" in text}
        account = "*" if known_by == "nothing" else ACCOUNT
        assert all(text.startswith(f"acs:ram::{account}:role/") for text in roles)
        assert ("* stands for it" in err) == (known_by == "nothing")


def test_a_role_that_another_resource_makes_is_a_pattern_that_is_told(
    tmp_path: Path, capsys
) -> None:
    (tmp_path / "s.yaml").write_text(
        template(a="role: ${resources.role.output.arn}")
        + "  role: {component: ram, props: {name: r}}\n"
    )
    assert run(["policy", "--deployer", "--with-functions", "--account-id", "123"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["Statement"][-1]["Resource"] == ["acs:ram::123:role/*"]
    assert err == "Not known here, * stands for it: ${resources.role.output.arn}\n"


def test_a_role_that_is_given_by_its_name_is_passed_by_its_arn(tmp_path: Path, capsys) -> None:
    (tmp_path / "s.yaml").write_text(template(a="role: worker"))
    run(["policy", "--deployer", "--with-functions", "--account-id", "123"])
    statements = json.loads(capsys.readouterr().out)["Statement"]
    assert statements[-1]["Resource"] == ["acs:ram::123:role/worker"]
