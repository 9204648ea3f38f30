# SPDX-License-Identifier: MIT
"""The faults that tests set: whom they concern, how long they last, and which are refused."""

from __future__ import annotations

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.faults import DestinationFault, Fault, Faults, FunctionFault


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def faults(clock: VirtualClock) -> Faults:
    return Faults(clock.now)


def add(faults: Faults, kind: type[Fault], seconds: float | None = None, **fields: object) -> Fault:
    return faults.add(kind(**fields), seconds=seconds)


@pytest.mark.parametrize(
    ("name", "struck"), [("resize", True), ("res*", True), ("*", True), ("mail", False)]
)
def test_a_fault_concerns_the_functions_that_it_names(faults, name: str, struck: bool) -> None:
    faults.add(FunctionFault(function=name, error="throttled"))
    assert (faults.strike_function("resize") is not None) is struck


def test_a_fault_of_a_function_is_used_up_by_attempts_alone(faults) -> None:
    faults.add(FunctionFault(function="resize", times=2))
    assert faults.strike("function", "acs:fc:r:1:functions/resize") is None
    found = [faults.strike_function("resize") for _ in range(3)]
    assert [fault is not None for fault in found] == [True, True, False]
    assert faults.all() == []


def test_a_fault_of_a_function_is_over_after_its_time(faults, clock) -> None:
    faults.add(FunctionFault(function="resize"), seconds=60)
    clock.set(clock.now() + 59_999)
    assert faults.strike_function("resize") is not None
    clock.set(clock.now() + 1)
    assert faults.strike_function("resize") is None


def test_faults_of_one_kind_are_cleared_without_the_other(faults) -> None:
    faults.add(DestinationFault())
    faults.add(FunctionFault(function="*"))
    assert faults.clear(kind=FunctionFault)
    assert [type(fault) for fault in faults.all()] == [DestinationFault]


def test_each_fault_has_its_own_number(faults) -> None:
    first, second = faults.add(DestinationFault()), faults.add(FunctionFault(function="*"))
    assert first.id != second.id
    assert faults.clear(first.id)
    assert faults.all() == [second]


@pytest.mark.parametrize(
    "wrong",
    [
        {"destination": "mns"},
        {"status": 200},
        {"status": 600},
        {"times": 0},
        {"seconds": 0},
        {"seconds": 1e12},
    ],
)
def test_a_fault_of_a_destination_that_makes_no_sense_is_refused(faults, wrong) -> None:
    with pytest.raises(Rejected, match="400 InvalidArgument"):
        add(faults, DestinationFault, **wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"function": ""}, "function must be a name"),
        ({"function": "f", "error": "on fire"}, "throttled, no resources, system error, got"),
        ({"function": "f", "times": 0}, "times must be 1 or more"),
        ({"function": "f", "seconds": -1}, "seconds must be more than 0"),
    ],
)
def test_a_fault_of_a_function_that_makes_no_sense_is_refused(faults, wrong, message) -> None:
    with pytest.raises(Rejected, match=message):
        add(faults, FunctionFault, **wrong)
