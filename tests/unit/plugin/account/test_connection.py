# SPDX-License-Identifier: MIT
"""Whose keys are used: those of s, in its order, and never those of another account by accident."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.account import connection
from fc_async_plugin.account.connection import Account, Where
from fc_async_plugin.deploy.apply.perform import Performer
from fc_async_sdk.errors import ConfigurationError, CredentialsError, ServerError
from fc_async_sdk.models import AsyncConfig
from fc_async_tests.s_yaml import template
from fc_async_tests.steps import put

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_httpserver import HTTPServer

    from fc_async_plugin.s_yaml import Project

ACCESS = """\
prod: {AccountID: "111", AccessKeyID: prodkey, AccessKeySecret: s}
other: {AccountID: "222", AccessKeyID: otherkey, AccessKeySecret: s}
"""
TRIPLE = {"AccountID": "333", "AccessKeyID": "triplekey", "AccessKeySecret": "s"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (*TRIPLE, "FC_ASYNC_ENDPOINT", "FC_ASYNC_REGION", "FC_ASYNC_ACCOUNT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("serverless_devs_config_home", raising=False)
    monkeypatch.delenv("serverless_devs_access_cicd_alias_name", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".s").mkdir()
    (tmp_path / ".s" / "access.yaml").write_text(ACCESS)
    return tmp_path


def project(home: Path, access: str) -> Project:
    (home / "s.yaml").write_text(template(f"access: {access}", a=""))
    return s_yaml.load(home)


def account_reached(account: Account, of: Project | None) -> str:
    with connection.client(account, "cn-hangzhou", of) as client:
        return client.account_id


def test_the_templates_alias(home: Path) -> None:
    assert account_reached(Account(), project(home, "prod")) == "111"


def test_the_template_and_the_keys_look_into_the_same_folder_of_s(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.setenv("serverless_devs_config_home", str(home))
    of = project(home, "prod")
    assert of.resources[0].account_id == account_reached(Account(), of) == "111"
    assert connection.credentials(Account(access="other")).access_key_id == "otherkey"


def test_an_alias_on_the_command_line_wins(home: Path) -> None:
    assert account_reached(Account(access="other"), None) == "222"


def test_the_variables_of_s_win_over_the_templates_alias(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in TRIPLE.items():
        monkeypatch.setenv(name, value)
    assert account_reached(Account(), project(home, "prod")) == "333"
    assert account_reached(Account(access="other"), None) == "222"


def test_an_alias_that_is_not_there_is_an_error_and_no_other_key_is_taken(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")
    with pytest.raises(CredentialsError, match="nosuch"):
        account_reached(Account(), project(home, "nosuch"))


def test_on_this_machine_no_key_is_looked_for_unless_an_alias_is_named(home: Path) -> None:
    local = Account(endpoint="http://127.0.0.1:9900")
    assert connection.credentials(local).access_key_id == "local"
    (home / "s.yaml").write_text(template("access: prod"))
    project = connection.load(None, Account(account_id="111"))
    with connection.client(
        local, "cn-hangzhou", msgspec.structs.replace(project, access="nosuch")
    ) as client:
        assert client.endpoint_url == "http://127.0.0.1:9900"
    with pytest.raises(CredentialsError, match="nosuch"):
        connection.credentials(local._replace(access="nosuch"))


def test_a_function_on_this_machine_is_found_though_variables_have_no_value(home: Path) -> None:
    (home / "s.yaml").write_text(
        template(
            a="""
                functionName: shop
                region: ${env('SHOP_REGION')}
                environmentVariables: {KEY: "${env('SHOP_KEY')}"}
            """
        )
    )
    here = Account(endpoint="http://127.0.0.1:9900", account_id="111")
    target = connection.NamedFunction("a", Where(account=here))
    assert target.function == "shop"
    target.client.close()
    with pytest.raises(s_yaml.TemplateError, match="SHOP_REGION"):
        connection.NamedFunction("a", Where(account=Account(account_id="111")))


def test_a_function_in_no_template_takes_a_region(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="Use --region ID"):
        connection.NamedFunction("f", Where())


def test_the_target_of_a_deployment_is_described(home: Path) -> None:
    assert connection.target_of(Account(endpoint="http://127.0.0.1:1")) == "http://127.0.0.1:1"
    assert connection.target_of(Account(), project(home, "prod")) == "account 111"
    assert connection.target_of(Account()) == "the account of the default keys"


def test_a_step_is_sent_five_times_and_not_three_times_as_often(httpserver: HTTPServer) -> None:
    httpserver.expect_request(re.compile(".*")).respond_with_data("down", status=503)
    account = Account(endpoint=httpserver.url_for(""))
    with connection.regions(account) as regions, pytest.raises(ServerError):
        Performer(regions, sleep=lambda _: None)(put("async config", AsyncConfig()))
    assert len(httpserver.log) == 5
