# SPDX-License-Identifier: MIT
"""Where a command goes, over all combinations of what is typed, set and running."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.account.target import DecidedBy, Decision, TargetConflict, Typed, decide
from fc_async_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = "http://127.0.0.1:9900"
OTHER = "http://127.0.0.1:9911"
FOLDER = "http://127.0.0.1:9922"
VPC = "https://111.cn-hangzhou-internal.fc.aliyuncs.com"
KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "k", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"}
PLACES = {"FC_ASYNC_REGION": "cn-beijing", "FC_ASYNC_ACCOUNT_ID": "222"}


def decided(typed: Typed, environ: Mapping[str, str], running: str | None) -> Decision | str:
    """Return the decision, or the message of the error."""
    try:
        return decide(typed, environ, lambda: running)
    except TargetConflict as error:
        return str(error)


ALIASES = (None, "orders")
REGIONS = (None, "cn-hangzhou")
ACCOUNTS = (None, "111")
TYPED_ENDPOINTS = (None, OTHER, VPC)
VARIABLES = (None, HERE, VPC)
RUNNING = (None, FOLDER)
FURTHER = ({}, KEYS, PLACES, {**KEYS, **PLACES})


@pytest.mark.parametrize("endpoint", TYPED_ENDPOINTS)
@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("running", RUNNING)
def test_each_combination_goes_to_what_was_typed_or_names_both(
    endpoint: str | None, variable: str | None, running: str | None
) -> None:
    for access, region, account_id, further in product(ALIASES, REGIONS, ACCOUNTS, FURTHER):
        typed = Typed(endpoint, region, account_id, access)
        environ = {**further, **({"FC_ASYNC_ENDPOINT": variable} if variable else {})}
        names_account = bool(access or region or account_id)
        found = decided(typed, environ, running)
        if endpoint:
            expected = Decision(endpoint, DecidedBy.OPTION)
        elif variable == HERE and names_account:
            assert isinstance(found, str)
            assert found.startswith(f"FC_ASYNC_ENDPOINT={HERE} is set, and {typed.of_account} ")
            continue
        elif variable:
            expected = Decision(variable, DecidedBy.VARIABLE)
        elif names_account:
            expected = Decision(None, DecidedBy.ACCOUNT)
        elif running:
            expected = Decision(running, DecidedBy.FOLDER)
        else:
            expected = Decision(None, DecidedBy.ACCOUNT)
        assert found == expected, (typed, environ, running)


def test_the_folder_is_not_looked_at_if_something_else_decides() -> None:
    def fails() -> str:
        raise AssertionError

    decide(Typed(endpoint=HERE), {}, fails)
    decide(Typed(access="orders"), {}, fails)
    decide(Typed(), {"FC_ASYNC_ENDPOINT": HERE}, fails)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (Typed(access="orders"), "-a orders"),
        (Typed(region="cn-beijing"), "--region cn-beijing"),
        (Typed(account_id="222"), "--account-id 222"),
        (Typed(region="cn-beijing", access="orders"), "-a orders"),
    ],
)
def test_an_error_names_the_variable_the_option_and_both_ways_out(typed: Typed, said: str) -> None:
    message = str(decided(typed, {"FC_ASYNC_ENDPOINT": HERE}, None))
    first, second = message.splitlines()
    assert first == f"FC_ASYNC_ENDPOINT={HERE} is set, and {said} names an account"
    assert "unset FC_ASYNC_ENDPOINT" in second
    assert f"leave out {said.split(maxsplit=1)[0]}, or name it with --endpoint" in second


@pytest.mark.parametrize("by", ["option", "variable"])
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (Typed(region="cn-beijing"), "cn-hangzhou, not of --region cn-beijing"),
        (Typed(account_id="222"), "account 111, not of --account-id 222"),
    ],
)
def test_an_endpoint_of_another_region_or_account_is_refused(
    by: str, typed: Typed, said: str
) -> None:
    """The host alone decides whom the service asks: the option would be ignored."""
    typed = typed._replace(endpoint=VPC if by == "option" else None)
    environ = {"FC_ASYNC_ENDPOINT": VPC} if by == "variable" else {}
    assert said in str(decided(typed, environ, None))


def test_an_endpoint_that_names_no_region_is_taken_with_any() -> None:
    proxy = "https://fc.example.com"
    found = decided(Typed(region="cn-beijing"), {"FC_ASYNC_ENDPOINT": proxy}, None)
    assert found == Decision(proxy, DecidedBy.VARIABLE)


def test_the_alias_of_a_pipeline_is_not_used_in_the_place_of_the_one_that_was_typed() -> None:
    environ = {"serverless_devs_access_cicd_alias_name": "staging"}
    message = str(decided(Typed(access="prod"), environ, None))
    assert message.startswith("serverless_devs_access_cicd_alias_name=staging is set, and -a ")
    assert decided(Typed(access="staging"), environ, None) == Decision(None, DecidedBy.ACCOUNT)


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_is_not_set(empty: str) -> None:
    found = decided(Typed(access="orders"), {"FC_ASYNC_ENDPOINT": empty}, None)
    assert found == Decision(None, DecidedBy.ACCOUNT)


def test_an_endpoint_that_is_not_a_url_is_an_error() -> None:
    with pytest.raises(ConfigurationError):
        decide(Typed(region="cn-hangzhou"), {"FC_ASYNC_ENDPOINT": "http://[::1"}, lambda: None)
