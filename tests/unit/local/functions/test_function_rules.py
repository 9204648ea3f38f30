# SPDX-License-Identifier: MIT
"""Ranges and forms of a function's settings."""

from __future__ import annotations

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import function_rules

BASE = {"runtime": "python3.10", "handler": "index.handler"}


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 1},
        {"timeout": 86_400},
        {"memorySize": 128},
        {"memorySize": 32_768},
        {"diskSize": 512},
        {"diskSize": 10_240},
        {"cpu": 0.05, "memorySize": 128},
        {"cpu": 0.35, "memorySize": 512},
        {"cpu": 0.5, "memorySize": 2048},
        {"cpu": 1, "memorySize": 1024},
        {"instanceConcurrency": 1},
        {"instanceConcurrency": 200},
        {"description": "x" * 256},
        {"handler": "x" * 128},
        {"environmentVariables": {"A": "x" * 4095}},
        {"environmentVariables": {"A_1": "x", "FCX": "", "fc_x": "x"}},
        {"gpuConfig": {"gpuMemorySize": 49_152}, "memorySize": 65_536, "diskSize": 61_440},
        {"instanceLifecycleConfig": {"initializer": {"handler": "i.i", "timeout": 300}}},
        {"instanceLifecycleConfig": {"preStop": {"handler": "i.p", "timeout": 90}}},
        {"runtime": "custom.debian12", "handler": None},
        {"layers": ["acs:fc:cn-hangzhou:official:layers/Python3/versions/1"]},
    ],
)
def test_settings_that_the_service_accepts_are_accepted(settings):
    given = {k: v for k, v in settings.items() if v is not None}
    checked = function_rules.check_settings(BASE | given)
    assert given.items() <= checked.items()


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 0},
        {"timeout": 86_401},
        {"timeout": "3"},
        {"timeout": 3.5},
        {"memorySize": 64},
        {"memorySize": 129},
        {"memorySize": 32_832},
        {"diskSize": 513},
        {"cpu": 0.04},
        {"cpu": 0.07},
        {"cpu": 16.05},
        {"cpu": 1, "memorySize": 512},
        {"cpu": 0.1, "memorySize": 512},
        {"instanceConcurrency": 0},
        {"instanceConcurrency": 201},
        {"description": "x" * 257},
        {"handler": "x" * 129},
        {"handler": "index.handler\n"},
        {"handler": "index.hand\rler"},
        {"handler": "index\0.handler"},
        {"instanceLifecycleConfig": {"initializer": {"handler": "index.\ninit"}}},
        {"instanceLifecycleConfig": {"preStop": {"handler": "index.\nstop"}}},
        {"customRuntimeConfig": {"command": ["python3", "a\0b"]}},
        {"customRuntimeConfig": {"port": 65_536}},
        {"customRuntimeConfig": {"port": 0}},
        {"customRuntimeConfig": {"healthCheckConfig": {"httpGetUrl": "/\r\nX: y"}}},
        {"environmentVariables": {"A": "a\0b"}},
        {"role": "x" * 301},
        {"environmentVariables": {"A": "x" * 4096}},
        {"environmentVariables": {"1A": "x"}},
        {"environmentVariables": {"A=B": "x"}},
        {"environmentVariables": {"A-B": "x"}},
        {"environmentVariables": {"FC_SERVER_LOG_LEVEL": "DEBUG"}},
        {"customContainerConfig": {"port": 0}},
        {"logConfig": {"project": 1}},
        {"environmentVariables": {"A": 1}},
        {"instanceLifecycleConfig": {"initializer": {"timeout": 301}}},
        {"instanceLifecycleConfig": {"preStop": {"timeout": 91}}},
        {"runtime": "python2.7"},
        {"runtime": "custom-container"},
        {"handler": ""},
        {"layers": "one"},
        {"layers": [1]},
    ],
)
def test_settings_that_the_service_refuses_are_refused(settings):
    with pytest.raises(Rejected) as caught:
        function_rules.check_settings(BASE | settings)
    assert (caught.value.status, caught.value.code) == (400, "InvalidArgument")


@pytest.mark.parametrize("name", ["a", "_a", "A-b_1", "x" * 128])
def test_names_of_functions(name):
    assert function_rules.check_name(name) == name


@pytest.mark.parametrize("name", [None, 1, "", "1a", "-a", "a.b", "a b", "ä", "x" * 129])
def test_names_that_are_refused(name):
    with pytest.raises(Rejected, match="InvalidArgument"):
        function_rules.check_name(name)


@pytest.mark.parametrize(
    "code",
    [
        None,
        {},
        {"zipFile": "***"},
        {"zipFile": 1},
        {"ossBucketName": "bucket"},
        "code",
    ],
)
def test_code_that_is_none_is_refused(code):
    with pytest.raises(Rejected, match="InvalidArgument"):
        function_rules.check_code(BASE | {"code": code}, required=True)


@pytest.mark.parametrize("tags", ["x", [1], [{"Value": "v"}], {"Key": "k"}])
def test_tags_of_another_form_are_refused(tags):
    with pytest.raises(Rejected, match="InvalidArgument"):
        function_rules.check_tags(tags)
