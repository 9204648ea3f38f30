# SPDX-License-Identifier: MIT
"""The shipped templates are deployed as a whole: triggers, concurrency and queues included."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fc_async_tests import runtime_requests as requests
from fc_async_tests import templates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.e2e.plugin.conftest import Ran

DEPLOY = ("deploy", "--with-functions", "--create-missing", "-y")


@pytest.fixture
def deployed(
    fc_async: Callable[..., Ran],
    fc_local: FcLocal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], str]:
    """Deploys a template and returns the slug of the project."""

    def deploy(name: str) -> str:
        folder = templates.start(name, tmp_path)
        monkeypatch.chdir(folder)
        done = fc_async(*DEPLOY)
        assert done.code == 0, done.said
        planned = fc_async("plan", "--with-functions", "--create-missing")
        assert (planned.code, planned.out) == (
            0,
            f"Nothing to do: the runtime at {fc_local.endpoint} has what the template says.\n",
        )
        return folder.name

    return deploy


def test_web_background_has_its_form_url_its_limit_and_its_queue(
    deployed: Callable[[str], str], fc_local: FcLocal
) -> None:
    slug = deployed("web-background")
    [trigger] = fc_local.client.list_triggers(f"{slug}-web").triggers
    assert trigger.http_trigger is not None
    assert json.loads(trigger.trigger_config or "")["authType"] == "anonymous"
    [config] = fc_local.client.list_concurrency_configs(f"{slug}-summarize").configs
    assert config.reserved_concurrency == 25
    answer = requests.get(f"{fc_local.endpoint}/_local/channels", timeout=10).json()
    assert [one["kind"] for one in answer["channels"]] == ["queue"]


def test_the_nightly_timer_of_data_etl_fires(
    deployed: Callable[[str], str], fc_local: FcLocal
) -> None:
    slug = deployed("data-etl")
    fc_local.advance(24 * 3_600)
    assert fc_local.client.list_async_tasks(f"{slug}-extract").tasks


def test_the_topic_of_rocketmq_in_destination_consumer_is_named_as_not_created(
    fc_async: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(templates.start("destination-consumer", tmp_path))
    planned = fc_async("plan", "--with-functions", "--create-missing")
    assert planned.code == 2
    assert "not created by fc-async: topic " in planned.out
