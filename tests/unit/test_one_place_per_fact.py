# SPDX-License-Identifier: MIT
"""Facts of the service are spelled in ``fc_async_sdk/spec`` and nowhere else in the packages."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from fc_async_local.functions import fields
from fc_async_plugin.rules import json_schema
from fc_async_plugin.rules.context import QUALIFIER
from fc_async_sdk.models import FunctionSettings
from fc_async_sdk.operations.functions import FunctionOptions
from fc_async_sdk.spec import arn, async_config, ram

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[2]
PACKAGES = ("fc_async_sdk", "fc_async_local", "plugin/fc_async_plugin")
DESTINATIONS = (
    "acs:fc:r:1:functions/f",
    "acs:mns:r:1:/queues/q/messages",
    "acs:mns:r:1:/topics/t/messages",
    "acs:eventbridge:r:1:eventbus/b",
    "acs:mq:r:1:/instances/i/topic/t",
)
ACTIONS = [ram.checked_for(arn.parse(text)).action for text in DESTINATIONS]

SPEC = "fc_async_sdk/spec/"
SPELLED_ONCE = {
    "the default qualifier": r'"LATEST"',  # SQL has it in single quotes: an index needs a literal
    "the ARN of a queue": r"queues/\{\w+\}/messages",
    "the ARN of a bus": r"eventbus/\{",
    "the names of runtimes": r"\"(nodejs\d+|custom-container|custom\.debian\d+|php7\.2)\"",
    "a RAM action of a destination": "|".join(map(re.escape, ACTIONS)),
    "the parameters of an event source": r"source(MNS|RocketMQ)Parameters|eventSourceParameters",
    "the pattern of a bus or topic as event source": r":/\?topics/\(|:eventbus/\(",
    "the destination of an outcome": r"\"onSuccess\", \"success\"",
    "the check for RocketMQ 5": r"ROCKETMQ_5_PREFIX\}",
    "the fields of a configuration that have a range": r"\"maxAsync\w+\": limits\.",
    "the methods of HTTP triggers": r"\"HEAD\", \"PATCH\", \"OPTIONS\"",
    "the answer that hides an error of an HTTP function": r"b\"Internal Server Error\"",
    "the types of content that are text in an HTTP event": r"application/atom\+xml",
    "the search for strongly connected components": r"def \w*(components?|tarjan|reach(able)?)\b",
}


def spellings(pattern: str) -> list[str]:
    expression = re.compile(pattern)
    return [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if expression.search(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("fact", SPELLED_ONCE)
def test_a_fact_is_spelled_in_one_module(fact: str) -> None:
    [place] = spellings(SPELLED_ONCE[fact])
    assert place.startswith(SPEC), f"{fact} is spelled outside of the spec: {place}"


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_the_documentation_names_the_action_of_each_destination(destination: str) -> None:
    action = ram.checked_for(arn.parse(destination)).action
    page = (ROOT / "docs" / "reference" / "destinations.md").read_text(encoding="utf-8")
    assert f"`{action}`" in page


def test_the_prefix_of_rocketmq_5_is_spelled_among_the_limits_only() -> None:
    assert spellings('"rmq-') == ["fc_async_sdk/spec/limits.py"]


def test_settings_of_a_function_are_listed_by_the_model_only() -> None:
    """Only the typed dictionaries, which type checkers need written out, repeat the model."""
    places = spellings('"(instanceIsolationMode|ossMountConfig)",')
    assert places == []


def test_options_of_create_function_are_the_settings_of_the_model() -> None:
    settings = {*FunctionSettings.__struct_fields__, "layers"}
    assert FunctionOptions.__annotations__.keys() == settings - {"runtime", "handler"}


def test_the_local_runtime_takes_the_fields_of_the_models() -> None:
    settings = {field.encode_name for field in msgspec.structs.fields(FunctionSettings)}
    assert settings < set(fields.FunctionFields.__annotations__)
    assert set(fields.AsyncConfigFields.__annotations__) == set(async_config.FIELDS)
    outcomes = {name for name, _ in async_config.OUTCOMES}
    assert set(fields.DestinationConfigFields.__annotations__) == outcomes


def test_the_schema_of_templates_has_the_fields_of_a_configuration() -> None:
    block = json_schema.schema()["definitions"]["asyncInvokeConfig"]["properties"]
    assert block.keys() == {*async_config.FIELDS, QUALIFIER}
    outcomes = {name for name, _ in async_config.OUTCOMES}
    assert block["destinationConfig"]["properties"].keys() == outcomes
    for name, (low, high, default) in async_config.RANGES.items():
        assert (block[name]["minimum"], block[name]["maximum"]) == (low, high)
        assert block[name]["default"] == default


def test_the_name_of_the_project_folder_is_spelled_in_one_module() -> None:
    assert spellings(r"[\"']\.fc-async[/\"']") == ["fc_async_sdk/_project_folder.py"]


def test_ignore_rules_of_code_archives_are_spelled_in_one_module() -> None:
    assert spellings(r"\"\.(svn|fcignore)/?\"") == ["fc_async_sdk/packaging.py"]


def test_code_folders_are_zipped_in_one_module() -> None:
    assert spellings(r"ZIP_DEFLATED") == ["fc_async_sdk/packaging.py"]
