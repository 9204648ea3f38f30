# SPDX-License-Identifier: MIT
"""Which instance runs a call: limits, reuse, retirement."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.execution.instances.pool import InstancePools
from fc_async_local.execution.protocol import Deployment


class Fake:
    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.capacity = deployment.instance_concurrency
        self.dead = False


def deployment(function: str = "f", **settings) -> Deployment:
    defaults: dict[str, Any] = {
        "version_id": "",
        "revision": "1",
        "runtime": "python3.10",
        "handler": "index.handler",
        "code_checksum": "1",
        "timeout_ms": 1000,
        "memory_mb": 128,
    }
    return Deployment(function=function, **(defaults | settings))


@pytest.fixture
def pools() -> InstancePools[Fake]:
    return InstancePools(Fake, 3)


def acquired(pools: InstancePools[Fake], **settings) -> Fake:
    instance = pools.acquire(deployment(**settings)).instance
    assert instance is not None
    return instance


def test_a_released_instance_is_used_again(pools: InstancePools[Fake]) -> None:
    first = acquired(pools)
    assert pools.release(first, 1.0) is False
    assert acquired(pools) is first


def test_the_warmest_instance_is_used_first(pools: InstancePools[Fake]) -> None:
    cold, warm = acquired(pools), acquired(pools)
    pools.release(cold, 1.0)
    pools.release(warm, 2.0)
    assert acquired(pools) is warm


def test_a_busy_instance_is_not_shared(pools: InstancePools[Fake]) -> None:
    assert acquired(pools) is not acquired(pools)


def test_an_instance_takes_as_many_calls_as_its_concurrency(pools: InstancePools[Fake]) -> None:
    first, second, third = (acquired(pools, instance_concurrency=2) for _ in range(3))
    assert first is second
    assert third is not first
    pools.release(first, 1.0)
    assert acquired(pools, instance_concurrency=2) in (first, third)


def test_over_the_account_limit_a_call_is_refused(pools: InstancePools[Fake]) -> None:
    for name in "abc":
        acquired(pools, function=name)
    place = pools.acquire(deployment("d"))
    assert place.instance is None
    assert place.limit == "all 3 instances of the account are busy"
    assert place.of_account


def test_an_idle_instance_of_another_function_makes_room(pools: InstancePools[Fake]) -> None:
    cold, warm, _ = (acquired(pools, function=name) for name in "abc")
    pools.release(warm, 2.0)
    pools.release(cold, 1.0)
    place = pools.acquire(deployment("d"))
    assert place.instance not in {None, cold, warm}
    assert place.retired == (cold,)
    assert len(pools) == 3


def test_over_the_reserved_concurrency_a_call_is_refused(pools: InstancePools[Fake]) -> None:
    acquired(pools, max_instances=1)
    place = pools.acquire(deployment(max_instances=1))
    assert place.limit.startswith("all 1 instances reserved")
    assert not place.of_account


def test_reserved_concurrency_counts_all_versions(pools: InstancePools[Fake]) -> None:
    acquired(pools, version_id="1", max_instances=1)
    assert pools.acquire(deployment(version_id="2", max_instances=1)).instance is None


def test_warm_instances_obey_a_reserved_concurrency_that_was_lowered(
    pools: InstancePools[Fake],
) -> None:
    warm = [acquired(pools) for _ in range(3)]
    for number, instance in enumerate(warm):
        pools.release(instance, float(number))
    place = pools.acquire(deployment(max_instances=1))
    assert place.instance is warm[2]
    assert set(place.retired) == set(warm[:2])
    assert pools.acquire(deployment(max_instances=1)).instance is None


def test_a_warm_instance_obeys_a_reserved_concurrency_of_zero(pools: InstancePools[Fake]) -> None:
    instance = acquired(pools)
    pools.release(instance, 1.0)
    place = pools.acquire(deployment(max_instances=0))
    assert place.instance is None
    assert place.retired == (instance,)
    assert place.limit == "its reserved concurrency is 0"


def test_busy_instances_finish_when_the_reserved_concurrency_is_lowered(
    pools: InstancePools[Fake],
) -> None:
    first, second = acquired(pools), acquired(pools)
    assert pools.acquire(deployment(max_instances=1)).instance is None
    pools.release(first, 1.0)
    assert pools.acquire(deployment(max_instances=1)).instance is None
    pools.release(second, 2.0)
    assert acquired(pools, max_instances=1) is second


def test_a_place_in_a_busy_instance_is_within_the_reserved_concurrency(
    pools: InstancePools[Fake],
) -> None:
    settings = {"instance_concurrency": 2, "max_instances": 1}
    busy = acquired(pools, **settings)
    assert acquired(pools, **settings) is busy
    assert pools.acquire(deployment(**settings)).instance is None


def test_a_place_in_a_busy_instance_is_taken_when_no_further_one_may_run(
    pools: InstancePools[Fake],
) -> None:
    settings = {"instance_concurrency": 2}
    idle, _, busy = (acquired(pools, **settings) for _ in range(3))
    for _ in range(2):
        pools.release(idle, 1.0)
    place = pools.acquire(deployment(max_instances=1, **settings))
    assert place.instance is busy
    assert place.retired == (idle,)


def test_an_old_revision_that_still_runs_counts_as_reserved(pools: InstancePools[Fake]) -> None:
    old = acquired(pools, max_instances=1)
    assert pools.acquire(deployment(revision="2", max_instances=1)).instance is None
    pools.release(old, 1.0)
    assert acquired(pools, revision="2", max_instances=1) is not old


def test_an_idle_version_makes_room_for_another(pools: InstancePools[Fake]) -> None:
    old = acquired(pools, version_id="1", max_instances=1)
    pools.release(old, 1.0)
    assert pools.acquire(deployment(version_id="2", max_instances=1)).retired == (old,)


def test_a_new_revision_retires_idle_instances_at_once(pools: InstancePools[Fake]) -> None:
    old = acquired(pools)
    pools.release(old, 1.0)
    place = pools.acquire(deployment(revision="2"))
    assert place.retired == (old,)
    assert place.instance is not old


def test_a_new_revision_lets_busy_instances_finish(pools: InstancePools[Fake]) -> None:
    old = acquired(pools)
    place = pools.acquire(deployment(revision="2"))
    assert place.retired == ()
    assert pools.release(old, 1.0) is True
    assert list(pools) == [place.instance]


def test_another_version_retires_nothing(pools: InstancePools[Fake]) -> None:
    old = acquired(pools, version_id="1", revision="1")
    pools.release(old, 1.0)
    assert pools.acquire(deployment(version_id="2", revision="2")).retired == ()


def test_a_dead_instance_is_not_used_again(pools: InstancePools[Fake]) -> None:
    instance = acquired(pools)
    instance.dead = True
    assert pools.release(instance, 1.0) is True
    assert len(pools) == 0
    assert acquired(pools) is not instance


def test_a_place_in_a_dead_instance_is_not_given(pools: InstancePools[Fake]) -> None:
    instance = acquired(pools, instance_concurrency=2)
    instance.dead = True
    assert acquired(pools, instance_concurrency=2) is not instance
    assert pools.release(instance, 1.0) is True


def test_a_call_is_refused_beside_a_dead_instance_of_the_only_kind(
    pools: InstancePools[Fake],
) -> None:
    for name in "abc":
        acquired(pools, function=name)
    dead = next(iter(pools))
    dead.dead = True
    pools.release(dead, 1.0)
    assert acquired(pools, function="d") is not dead
    assert pools.acquire(deployment("a")).instance is None


def test_idle_instances_expire_and_busy_ones_do_not(pools: InstancePools[Fake]) -> None:
    old, young, busy = (acquired(pools) for _ in range(3))
    pools.release(old, 1.0)
    pools.release(young, 5.0)
    assert pools.expire(5.0) == [old]
    assert set(pools) == {young, busy}


def test_nothing_stays_of_functions_that_are_gone(pools: InstancePools[Fake]) -> None:
    for number in range(10):
        instance = acquired(pools, function=f"f{number}")
        pools.release(instance, 1.0)
        assert pools.expire(2.0) == [instance]
        assert pools.acquire(deployment(f"g{number}", max_instances=0)).instance is None
    assert len(pools) == 0


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.integers(0, 3), st.booleans()),
        max_size=60,
    ),
    st.integers(1, 2),
)
def test_limits_hold_whatever_happens(
    steps: list[tuple[str, int, int, bool]], concurrency: int
) -> None:
    pools = InstancePools(Fake, 4)
    running: list[Fake] = []
    for time, (function, revision, maximum, dies) in enumerate(steps):
        place = pools.acquire(
            deployment(
                function,
                revision=str(revision),
                max_instances=maximum,
                instance_concurrency=concurrency,
            )
        )
        if place.instance is not None:
            running.append(place.instance)
            busy = {id(one) for one in running if one.deployment.function == function}
            assert len(busy) <= maximum
            assert sum(one.deployment.function == function for one in pools) <= maximum
        elif running:
            instance = running.pop(0)
            instance.dead = dies
            pools.release(instance, float(time))
        assert len(pools) == len(list(pools)) <= 4
        assert not any(pools.retired(one) for one in pools)
        assert not any(pools.busy(one) for one in place.retired)
