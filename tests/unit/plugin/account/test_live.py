# SPDX-License-Identifier: MIT
"""What is read of an account: every page, every function, and errors are never absence."""

from __future__ import annotations

import pytest

from fc_async_plugin.account import live
from fc_async_sdk.errors import AccessDenied, InvalidResponse, NotFound
from fc_async_sdk.models import (
    Alias,
    AliasPage,
    AsyncConfig,
    AsyncConfigPage,
    Function,
    FunctionPage,
    FunctionVersion,
    FunctionVersionPage,
    Trigger,
    TriggerPage,
)


class Service:
    """An account with two functions, one per page."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def list_functions(self, *, limit=None, next_token: str | None = None) -> FunctionPage:
        name = "b" if next_token else "a"
        functions = (Function(function_name=name),)
        return FunctionPage(functions=functions, next_token=None if next_token else "t")

    def list_async_invoke_configs(
        self, function: str | None = None, *, limit=None, next_token: str | None = None
    ) -> AsyncConfigPage:
        arn = "acs:fc:cn-hangzhou:123:functions/a/prod"
        return AsyncConfigPage(configs=(AsyncConfig(function_arn=arn, async_task=True),))

    def list_aliases(
        self, function: str, *, limit=None, next_token: str | None = None
    ) -> AliasPage:
        weights = {"2": 0.1, "3": 0.0}
        alias = Alias(alias_name="prod", version_id="1", additional_version_weight=weights)
        return AliasPage(aliases=(alias,) if function == "a" else ())

    def list_function_versions(
        self, function: str, *, limit=None, next_token: str | None = None
    ) -> FunctionVersionPage:
        return FunctionVersionPage(versions=(FunctionVersion(version_id="1"),))

    def list_triggers(
        self, function: str, *, limit=None, next_token: str | None = None
    ) -> TriggerPage:
        if self.error is not None:
            raise self.error
        return TriggerPage(triggers=(Trigger(trigger_name=f"of-{function}"),))


def test_functions_configurations_and_triggers_of_an_account_are_read() -> None:
    region = live.read_region(Service(), "cn-hangzhou", "123")
    a, b = region.functions["a"], region.functions["b"]
    assert a.configs["prod"].async_task is True
    assert a.aliases == {"prod": ("1", "2")}
    assert a.versions == {"1"}
    assert a.triggers[0].trigger_name == "of-a"
    assert b.configs == {}
    assert dict(region.aliases()) == {region.node("a", "prod"): ("1", "2")}


def test_an_endpoint_without_triggers_has_none() -> None:
    error = NotFound("NotFound", "no such path", http_status=404)
    assert live.read_region(Service(error), "r", "").functions["a"].triggers == ()


def test_a_refusal_is_not_taken_for_absence() -> None:
    error = AccessDenied("AccessDenied", "no", http_status=403)
    with pytest.raises(AccessDenied):
        live.read_region(Service(error), "r", "")


def test_an_endpoint_that_gives_one_page_for_ever_is_refused() -> None:
    class Endless(Service):
        def list_functions(self, **_) -> FunctionPage:
            return FunctionPage(next_token="again")

    with pytest.raises(InvalidResponse, match="'again'"):
        live.read_region(Endless(), "r", "")
