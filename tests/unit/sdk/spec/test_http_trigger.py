# SPDX-License-Identifier: MIT
"""The configuration of HTTP triggers, and the types of content that are text."""

from __future__ import annotations

import pytest

from fc_async_sdk.spec import http_trigger
from fc_async_sdk.spec.triggers import UnreadableTrigger


def test_a_configuration_is_read_from_json_text_and_from_a_mapping() -> None:
    given = {"authType": "anonymous", "methods": ["GET", "POST"], "disableURLInternet": True}
    text = '{"authType": "anonymous", "methods": ["GET", "POST"], "disableURLInternet": true}'
    found = http_trigger.read_config(given)
    assert found == http_trigger.read_config(text)
    assert (found.auth_type, found.methods) == ("anonymous", ("GET", "POST"))
    assert found.disable_url_internet


def test_callers_must_sign_unless_the_trigger_is_anonymous() -> None:
    assert http_trigger.read_config({"methods": ["GET"]}).auth_type == "function"


def test_further_keys_are_ignored() -> None:
    config = {"methods": ["GET"], "authConfig": {"jwks": {}}, "corsConfig": {"maxAge": 1}}
    assert http_trigger.read_config(config).methods == ("GET",)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (None, "methods"),
        ("{", "triggerConfig"),
        ({}, "methods"),
        ({"methods": []}, "methods must list some of GET, POST"),
        ({"methods": ["CONNECT"]}, "CONNECT"),
        ({"methods": "GET"}, "array"),
        ({"methods": ["GET"], "authType": "open"}, "anonymous"),
        ({"methods": ["GET"], "disableURLInternet": "yes"}, "disableURLInternet"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_with_the_place(config, named) -> None:
    with pytest.raises(UnreadableTrigger, match=named):
        http_trigger.read_config(config)


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("text/plain", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("application/json;charset=utf-8", True),
        ("application/atom+xml", True),
        ("application/x-www-form-urlencoded", False),
        ("application/octet-stream", False),
        ("image/svg+xml", False),
        ("", False),
    ],
)
def test_only_the_listed_types_are_text(content_type: str, text: bool) -> None:
    assert http_trigger.is_text(content_type) is text


@pytest.mark.parametrize(
    ("function", "short"),
    [
        ("orders", "orders"),
        ("Order_Service", "order-service"),
        ("a-function-with-a-rather-long-name", "a-function-with-a-ra"),
        ("___", "f"),
    ],
)
def test_a_host_name_begins_with_the_function_and_ends_in_ten_letters(
    function: str, short: str
) -> None:
    prefix = http_trigger.domain_prefix(function, "id-1")
    assert prefix[:-11] == short
    assert prefix[-10:].isalpha()
    assert prefix[-10:].islower()


def test_the_host_name_belongs_to_one_trigger_and_stays() -> None:
    assert http_trigger.domain_prefix("f", "1") == http_trigger.domain_prefix("f", "1")
    assert http_trigger.domain_prefix("f", "1") != http_trigger.domain_prefix("f", "2")
