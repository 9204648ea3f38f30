# SPDX-License-Identifier: MIT
"""A function with an HTTP trigger as destination: accepted, or refused by a setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_local.settings import Settings
from fc_async_sdk.errors import InvalidDestinationResources
from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from fc_async_local.testing import FcLocal

WEB = {"destinationConfig": {"onSuccess": {"destination": "acs:fc:::functions/web"}}}


def deploy_web(fc_local: FcLocal, seen: list[bytes]) -> None:
    fc_local.deploy("web", lambda event, _: seen.append(event))
    config = {"authType": "anonymous", "methods": ["POST"]}
    fc_local.client.create_trigger("web", "http", trigger_type="http", trigger_config=config)


def test_a_function_with_an_http_trigger_gets_the_event_of_a_result(fc_local: FcLocal) -> None:
    seen: list[bytes] = []
    deploy_web(fc_local, seen)
    fc_local.deploy("orders", lambda *_: "done", async_config=WEB)
    fc_local.client.invoke_async("orders", b"{}")
    fc_local.run_until_idle()
    assert len(seen) == 1


class TestRefused:
    @pytest.fixture
    def fc_local_settings(self) -> Settings:
        return Settings.of(http_destinations="refuse")

    @pytest.mark.parametrize("name", ["acs:fc:cn-hangzhou:1234567890123456", "acs:fc::"])
    @pytest.mark.parametrize("suffix", ["", "/LATEST"])
    def test_a_configuration_that_names_a_function_with_an_http_trigger_is_refused(
        self, fc_local: FcLocal, name: str, suffix: str
    ) -> None:
        deploy_web(fc_local, [])
        fc_local.deploy("orders", print)
        with pytest.raises(InvalidDestinationResources, match="'web' has an HTTP trigger"):
            fc_local.client.put_async_invoke_config(
                "orders", on_failure=f"{name}:functions/web{suffix}"
            )

    def test_an_event_for_a_function_that_got_an_http_trigger_later_is_a_dead_event(
        self, fc_local: FcLocal
    ) -> None:
        fc_local.deploy("web", print)
        fc_local.deploy("orders", lambda *_: "done", async_config=WEB)
        seen: list[bytes] = []
        deploy_web(fc_local, seen)
        fc_local.client.invoke_async("orders", b"{}")
        fc_local.run_until_idle()
        url = f"{fc_local.endpoint}/_local/deliveries/dead"
        (dead,) = requests.get(url, timeout=5).json()["deliveries"]
        assert "has an HTTP trigger" in dead["error"]
        assert seen == []
