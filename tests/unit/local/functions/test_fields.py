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
    ],
)
def test_names_are_those_of_the_model(typed, model: type[msgspec.Struct]) -> None:
    assert set(typing.get_type_hints(typed)) == names(model) - SET_BY_THE_SERVICE


def test_all_settings_of_a_function_are_known() -> None:
    assert names(models.FunctionSettings) <= fields.FUNCTION


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"memorySise": 512}, "an unknown name 'memorySise': did you mean 'memorySize'"),
        ({"customRuntimeConfig": {"comand": []}}, "customRuntimeConfig has an unknown .*'command'"),
        (
            {"customRuntimeConfig": {"healthCheckConfig": {"httpUrl": "/"}}},
            "healthCheckConfig has an unknown .*'httpGetUrl'",
        ),
        ({"instanceLifecycleConfig": {"preStop": {"handle": "a.b"}}}, "preStop has an unknown"),
    ],
)
def test_a_name_that_no_model_has_is_refused_in_nested_objects_too(given, message) -> None:
    with pytest.raises(TypeError, match=message):
        fields.check_names(given, fields.FunctionFields, "body")


def test_a_part_that_is_passed_through_may_have_any_names() -> None:
    fields.check_names({"vpcConfig": {"any": 1}}, fields.FunctionFields, "body")
