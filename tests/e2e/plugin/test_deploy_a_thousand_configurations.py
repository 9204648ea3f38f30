# SPDX-License-Identifier: MIT
"""A thousand configurations, fifty failures on the way, on the real API of the local runtime."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.account import Regions
from fc_async_plugin.account.remote import read
from fc_async_plugin.deploy.apply.executor import apply
from fc_async_plugin.deploy.apply.perform import Performer
from fc_async_plugin.deploy.plan import plan_changes
from fc_async_plugin.project.state import Place, WantedFunction
from fc_async_plugin.s_yaml.problems import Position
from fc_async_sdk import errors
from fc_async_sdk.models import AsyncConfig

if TYPE_CHECKING:
    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow

COUNT = 1000
FAILURES = 50


class Flaky:
    """A client that fails some of its calls, half of them after they were done."""

    def __init__(self, client, failures: list[Exception], seed: int) -> None:
        self._client = client
        self._failures = failures
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def _next(self) -> Exception | None:
        with self._lock:
            fails = self._failures and self._chance.random() < FAILURES / COUNT * 2
            return self._failures.pop() if fails else None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if not name.startswith(("put_", "delete_")):
            return method

        def call(*args, **kwargs) -> Any:
            failure = self._next()
            if failure is None:
                return method(*args, **kwargs)
            if isinstance(failure, (errors.TimedOut, errors.InvalidResponse)):
                method(*args, **kwargs)  # it was done, and the answer got lost
            raise failure

        return call


def transient(chance: random.Random) -> Exception:
    return chance.choice(
        [
            errors.Throttled("Throttled", "slow down", http_status=429),
            errors.ServerError("InternalServerError", "oh", http_status=500),
            errors.ConnectFailed("reset"),
            errors.TimedOut("no answer"),
        ]
    )


@pytest.mark.parametrize("fatal", [False, True], ids=["all done", "all undone"])
def test_a_thousand_configurations_are_all_deployed_or_all_rolled_back(
    fc_local: FcLocal, fatal: bool
) -> None:
    names = [f"f{number:04}" for number in range(COUNT)]
    for name in names:
        fc_local.deploy(name, lambda *_: None, async_config={"maxAsyncRetryAttempts": 1})
    wanted = {
        Place("cn-hangzhou", name): WantedFunction(
            configs={"LATEST": AsyncConfig(async_task=True, max_async_retry_attempts=5)},
            position=Position("s.yaml", 1, 1),
        )
        for name in names
    }
    chance = random.Random(7)
    failures = [transient(chance) for _ in range(FAILURES)]
    if fatal:
        failures[9] = errors.InvalidResponse("cut off")  # taken from the end: the 41st
    regions = Regions(lambda _: Flaky(fc_local.client, failures, 7))  # type: ignore[arg-type]
    plan = plan_changes(wanted, read(regions, wanted))
    assert len(plan.steps) == COUNT

    report = apply(plan, Performer(regions, sleep=lambda _: None))

    assert not failures
    assert report.outcome == ("undone" if fatal else "done")
    remote = read(Regions(lambda _: fc_local.client), wanted)
    retries = {one.configs["LATEST"].max_async_retry_attempts for one in remote.values()}
    assert retries == {1 if fatal else 5}
