# SPDX-License-Identifier: MIT
"""Whether tasks keep what they returned is a setting, as it is a switch of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_local.settings import Settings
from fc_async_sdk import errors

if TYPE_CHECKING:
    from fc_async_local.testing import FcLocal


@pytest.fixture
def fc_local_settings(request: pytest.FixtureRequest) -> Settings:
    return Settings.of(keep_results=request.param)


@pytest.mark.parametrize("fc_local_settings", [True], indirect=True)
def test_the_result_of_a_task_is_kept_by_default(fc_local: FcLocal) -> None:
    assert Settings() == Settings.of(keep_results=True)
    fc_local.deploy("double", lambda event, _: 2 * int(event))
    task = fc_local.client.function("double", payload=int, result=int).spawn(21)
    assert task.result() == 42


@pytest.mark.parametrize("fc_local_settings", [False], indirect=True)
def test_without_kept_results_a_task_succeeds_and_its_result_goes_to_the_destination_only(
    fc_local: FcLocal,
) -> None:
    queue = fc_local.create_queue("results")
    fc_local.deploy(
        "double",
        lambda event, _: 2 * int(event),
        async_config={
            "asyncTask": True,
            "destinationConfig": {"onSuccess": {"destination": queue}},
        },
    )
    task = fc_local.client.function("double", payload=int, result=int).spawn(21)
    with pytest.raises(errors.ResultNotKept):
        task.result()
    assert task.status() == "Succeeded"
    event = fc_local.receive("results")
    assert event is not None
    assert event.response.json() == 42
