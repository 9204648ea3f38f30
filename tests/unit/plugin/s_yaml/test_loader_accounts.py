# SPDX-License-Identifier: MIT
"""Where the account of a template comes from, in the order of `s`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules

if TYPE_CHECKING:
    from pathlib import Path

ALIASES = """\
default: {AccountID: '111', AccessKeyID: id-1, AccessKeySecret: secret-1}
other: {AccountID: '222', AccessKeyID: id-2, AccessKeySecret: secret-2}
"""
TRIPLE = {"AccountID": "333", "AccessKeyID": "id-3", "AccessKeySecret": "secret-3"}
TEMPLATE = """\
edition: 3.0.0
access: other
resources: {r: {component: fc3, props: {arn: "acs:fc::${config('AccountID')}:functions/a"}}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".s").mkdir()
    (tmp_path / ".s" / "access.yaml").write_text(ALIASES)
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    return tmp_path


@pytest.mark.parametrize(
    ("environ", "access", "account"),
    [
        ({}, None, "222"),
        ({}, "default", "111"),
        (TRIPLE, None, "333"),
        (TRIPLE, "default", "111"),
        (
            {
                "other_serverless_devs_key": '{"AccountID": "444", "AccessKeyID": "a",'
                ' "AccessKeySecret": "b"}'
            },
            None,
            "444",
        ),
    ],
)
def test_the_account_is_the_one_that_s_would_use(
    home: Path, environ: dict[str, str], access: str | None, account: str
) -> None:
    project = s_yaml.load(home, environ={"HOME": str(home), **environ}, access=access)
    (resource,) = project.resources
    assert resource.account_id == account
    assert resource.props["arn"] == f"acs:fc::{account}:functions/a"


def test_accesses_are_read_from_serverless_devs_config_home(home: Path, tmp_path: Path) -> None:
    environ = {"HOME": "/nowhere", "serverless_devs_config_home": str(home)}
    assert s_yaml.load(home, environ=environ).resources[0].account_id == "222"


@pytest.mark.parametrize("environ", [{}, {"HOME": "/nowhere"}])
def test_an_unknown_account_is_no_error(home: Path, environ: dict[str, str]) -> None:
    (resource,) = s_yaml.load(home, environ=environ).resources
    assert resource.account_id == ""
    assert resource.props["arn"] == "acs:fc::${config('AccountID')}:functions/a"


SECRET = """\
edition: 3.0.0
access: other
resources:
  r:
    component: fc3
    props:
      asyncInvokeConfig:
        destinationConfig: {onFailure: {destination: "${config('AccessKeySecret')}"}}
"""


@pytest.mark.parametrize("reveal", [True, False])
def test_a_secret_is_shown_by_no_finding(home: Path, reveal: bool) -> None:
    (home / "s.yaml").write_text(SECRET)
    project = s_yaml.load(home, environ={"HOME": str(home)}, reveal=reveal)
    found = rules.check(rules.Context([project]))
    assert ("secret-2" in str(project.resources[0].props)) == reveal
    assert not any("secret-2" in f"{one.message}{one.fix}" for one in found)
    assert any("${config('AccessKeySecret')}" in one.message for one in found) == reveal


def test_an_account_on_the_command_line_wins(home: Path) -> None:
    for environ in ({"HOME": str(home)}, {}):
        (resource,) = s_yaml.load(home, environ=environ, account_id="999").resources
        assert resource.account_id == "999"
        assert resource.props["arn"] == "acs:fc::999:functions/a"


def test_the_account_of_one_role_is_that_of_all_functions(home: Path) -> None:
    role = 'b: {component: fc3, props: {role: "acs:ram::777:role/x"}}'
    (home / "s.yaml").write_text(TEMPLATE.replace("resources: {", f"resources: {{{role}, "))
    resources = s_yaml.load(home, environ={}).resources
    assert [one.account_id for one in resources] == ["777", "777"]
