# SPDX-License-Identifier: MIT
"""The published JSON Schema is the generated one and accepts what the rules accept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from fc_async_plugin.check import rules
from fc_async_plugin.check.rules import json_schema
from fc_async_plugin.check.rules.context import violations
from fc_async_plugin.s_yaml import Position, Project, Resource
from fc_async_sdk.spec import arn

ROOT = Path(__file__).parents[5]
SCHEMA = json_schema.schema()
VALIDATOR = Draft7Validator(SCHEMA)
STORE_VALIDATOR = Draft7Validator(json_schema.store_schema())
BLOCK_VALIDATOR = Draft7Validator(
    {"$ref": "#/definitions/asyncInvokeConfig", "definitions": SCHEMA["definitions"]}
)
ABOUT = ("FCA010", "FCA011", "FCA012", "FCA013", "FCA014", "FCA020", "FCA024")

ARNS = ["acs:fc:::functions/b", "acs:mns:::/queues/q/messages", "hello", "", 3, None, "${vars.a}"]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([604_800, 604_801, 2_592_000, 86_400, 2.5, 10**400]),
    st.sampled_from(["3", "yes", "LATEST", "prod", "a b", "-x", "${vars.n}", "9" * 20]),
    st.just([1]),
    st.just({"a": 1}),
)
DESTINATIONS = st.one_of(
    VALUES,
    st.fixed_dictionaries({}, optional={"destination": st.sampled_from(ARNS), "other": VALUES}),
)
BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "asyncTask": VALUES,
        "maxAsyncRetryAttempts": VALUES,
        "maxAsyncEventAgeInSeconds": VALUES,
        "qualifier": VALUES,
        "maxRetries": VALUES,
        "destinationConfig": st.one_of(
            VALUES,
            st.fixed_dictionaries(
                {}, optional={"onSuccess": DESTINATIONS, "onFailure": DESTINATIONS, "on": VALUES}
            ),
        ),
    },
)


def context(block) -> rules.Context:
    place = Position("s.yaml", 1, 1)
    resource = Resource(
        name="a",
        component="fc3",
        region="cn-hangzhou",
        account_id="",
        function_name="a",
        props={"asyncInvokeConfig": block},
        places=lambda _: [],
        position=place,
    )
    return rules.Context([Project(file="s.yaml", name="", access="", resources=(resource,))])


def conforms(block) -> bool:
    return not list(violations(block))


def document(block) -> dict[str, Any]:
    resources = {"a": {"component": "fc3", "props": {"asyncInvokeConfig": block}}}
    return {"edition": "3.0.0", "resources": resources}


def test_the_json_schema_is_a_valid_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_what_is_published_is_what_is_generated() -> None:
    published = json.loads((ROOT / "docs/published/schemas/s-yaml.schema.json").read_text("utf-8"))
    assert published == SCHEMA, (
        "fc-async validate --schema > docs/published/schemas/s-yaml.schema.json"
    )


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(BLOCKS, VALUES))
def test_schema_and_rules_agree_on_every_block(block) -> None:
    errors = list(VALIDATOR.iter_errors(document(block)))
    found = rules.check(context(block), select=ABOUT)
    assert bool(errors) == bool(found), (errors, found)
    assert STORE_VALIDATOR.is_valid(document(block)) == (not errors)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        JSON,
        st.dictionaries(
            st.sampled_from(list(SCHEMA["definitions"]["asyncInvokeConfig"]["properties"])), JSON
        ),
    )
)
def test_the_check_accepts_nothing_that_the_schema_refuses(block) -> None:
    assert rules.check(context(block), select=ABOUT) or BLOCK_VALIDATOR.is_valid(block)


@pytest.mark.parametrize("text", ["prod\n", "9" * 11, "a" * 129, "", "LATEST", "a" * 128, "x ${y}"])
def test_the_check_and_the_schema_read_patterns_alike(text: str) -> None:
    block = {"qualifier": text}
    assert conforms(block) == BLOCK_VALIDATOR.is_valid(block)


@pytest.mark.parametrize(
    "text",
    [
        "acs:fc:cn-hangzhou:123:functions/b/prod",
        "acs:mns:::/topics/t/messages",
        "acs:eventbridge:::eventbus/mine",
        "acs:mq:::/instances/MQ_INST_1_x/topic/t",
        "acs:fc:::functions/" + "b" * 128,
    ],
)
def test_the_schema_refuses_no_arn_that_the_grammar_knows(text: str) -> None:
    assert str(arn.parse(text))
    block = {"destinationConfig": {"onSuccess": {"destination": text}}}
    assert BLOCK_VALIDATOR.is_valid(block)


@settings(max_examples=200, deadline=None)
@given(JSON, JSON)
def test_no_value_at_all_makes_a_rule_fail(block, triggers) -> None:
    made = context(block)
    made.projects[0].resources[0].props["triggers"] = triggers
    made.projects[0].resources[0].props["role"] = triggers
    rules.check(made)


EXPRESSIONS = [
    "${vars.async}",
    *({key: "${vars.x}"} for key in SCHEMA["definitions"]["asyncInvokeConfig"]["properties"]),
    *({"destinationConfig": {outcome: "${vars.x}"}} for outcome in ("onSuccess", "onFailure")),
    {"destinationConfig": {"onSuccess": {"destination": "${vars.x}"}}},
]


@pytest.mark.parametrize("block", EXPRESSIONS, ids=str)
def test_an_expression_may_stand_for_any_value(block) -> None:
    assert VALIDATOR.is_valid(document(block))
    assert conforms(block)
    assert [finding for finding in rules.check(context(block)) if finding.severity == "error"] == []


@pytest.mark.parametrize("block", EXPRESSIONS, ids=str)
def test_any_other_text_than_an_expression_does_not(block) -> None:
    wrong = json.loads(json.dumps(block).replace("${vars.x}", "a b").replace("${vars.async}", "x"))
    assert not VALIDATOR.is_valid(document(wrong))
    assert rules.check(context(wrong), select=ABOUT)


@pytest.mark.parametrize(
    ("part", "value", "valid"),
    [
        ("edition", "3.0.0", True),
        ("edition", "3", False),
        ("services", {}, True),
        ("resources", {"a": {"component": "oss", "props": {"anything": 1}}}, True),
    ],
)
def test_the_json_schema_ignores_other_components(part: str, value, valid: bool) -> None:
    assert VALIDATOR.is_valid({"edition": "3.0.0", part: value}) == valid
