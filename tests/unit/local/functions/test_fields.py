# SPDX-License-Identifier: MIT
"""The names of request bodies agree with the models that read them."""

from __future__ import annotations

import typing

import msgspec
import pytest

from fc_async_local.functions import fields
from fc_async_sdk import models

SET_BY_THE_SERVICE = {"functionArn", "createdTime", "lastModifiedTime"}


def names(model: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(model)}


@pytest.mark.parametrize(
    ("typed", "model"),
    [
        (fields.AsyncConfigFields, models.AsyncConfig),
        (fields.DestinationConfigFields, models.DestinationConfig),
        (fields.DestinationFields, models.Destination),
        (fields.CustomRuntimeFields, models.CustomRuntimeConfig),
        (fields.HealthCheckFields, models.HealthCheckConfig),
        (fields.LifecycleFields, models.InstanceLifecycleConfig),
        (fields.HookFields, models.LifecycleHook),
    ],
)
def test_names_are_those_of_the_model(typed, model: type[msgspec.Struct]) -> None:
    assert set(typing.get_type_hints(typed)) == names(model) - SET_BY_THE_SERVICE


def test_all_settings_of_a_function_are_known() -> None:
    assert names(models.FunctionSettings) <= fields.FUNCTION
