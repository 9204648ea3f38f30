# SPDX-License-Identifier: MIT
"""What a target gets of an event."""

from __future__ import annotations

import json

import pytest

from fc_async_local.services.eventbridge.model import EventBridgeError, Parameter
from fc_async_local.services.eventbridge.targets import check_parameter, input_for

EVENT = {"id": "1", "data": {"name": "中", "n": 5, "list": [1, 2], "object": {"a": 'q"'}}}


def parameter(form, value="", template=""):
    made = Parameter(resource_key="Body", form=form, value=value, template=template)
    check_parameter(made)
    return made


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("$.data.name", "中"),
        ("$.data.n", "5"),
        ("$.data.object", '{"a":"q\\""}'),
        ("$.data.list[*]", "[1,2]"),
        ("$.data.list[1]", "2"),
        ("$.data.missing", ""),
        ("$.data.missing[*]", "[]"),
    ],
)
def test_a_jsonpath_finds_its_place(value, expected):
    assert input_for(parameter("JSONPATH", value), EVENT) == expected


def test_original_is_the_whole_event():
    assert json.loads(input_for(parameter("ORIGINAL"), EVENT)) == EVENT


def test_a_constant_is_itself():
    assert input_for(parameter("CONSTANT", "$.data"), EVENT) == "$.data"


def test_a_template_is_filled_with_what_its_variables_find():
    variables = json.dumps({"who": "$.data.name", "all": "$.data.object", "no": "$.x"})
    made = parameter("TEMPLATE", variables, 'hello ${who}, ${all}, "${no}", $who')
    assert input_for(made, EVENT) == 'hello 中, {"a":"q\\""}, "", $who'


@pytest.mark.parametrize(
    ("form", "value", "template", "reason"),
    [
        ("JSONPATH", "data.name", "", "begin with"),
        ("JSONPATH", "$.data[", "", "is not a JSONPath"),
        ("TEMPLATE", "[]", "x", "must be a JSON object"),
        ("TEMPLATE", "{", "x", "must be a JSON object"),
        ("TEMPLATE", '{"a": 5}', "x", "must be a JSON object"),
        ("TEMPLATE", '{"a": "$["}', "x", "is not a JSONPath"),
        ("TEMPLATE", "{}", "${who}", "Template uses who"),
        ("CONSTANT", "x" * 10_241, "", "longer than 10240"),
    ],
)
def test_an_invalid_transform_is_refused_with_the_reason(form, value, template, reason):
    with pytest.raises(EventBridgeError, match=reason):
        parameter(form, value, template)
