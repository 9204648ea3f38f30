# SPDX-License-Identifier: MIT
"""Facts of the service are spelled in ``fc_async_sdk/spec`` and nowhere else in the packages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from fc_async_local.bootstrap import services
from fc_async_local.destinations.function import FunctionDestination
from fc_async_local.domain.faults import DestinationFault, Faults
from fc_async_local.functions import fields
from fc_async_local.settings import DestinationSettings
from fc_async_plugin.check.rules import json_schema
from fc_async_plugin.check.rules.context import QUALIFIER
from fc_async_sdk.models import FunctionSettings
from fc_async_sdk.operations.functions import FunctionOptions
from fc_async_sdk.spec import arn, async_config, ram
from fc_async_sdk.spec.destinations import KINDS
from fc_async_sdk.spec.graph import Node

if TYPE_CHECKING:
    from fc_async_sdk.spec.destinations import Kind

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[2]
PACKAGES = ("fc_async_sdk", "fc_async_local", "plugin/fc_async_plugin")
SPEC = "fc_async_sdk/spec/"
SPELLED_ONCE = {
    "the default qualifier": r'"LATEST"',  # SQL has it in single quotes: an index needs a literal
    "the names of runtimes": r"\"(nodejs\d+|custom-container|custom\.debian\d+|php7\.2)\"",
    "the parameters of an event source": r"source(MNS|RocketMQ)Parameters|eventSourceParameters",
    "the pattern of a topic or bus": r"/\?topics/\(|eventbus/\(",
    "the destination of an outcome": r"\"onSuccess\", \"success\"",
    "the fields of a configuration that have a range": r"\"maxAsync\w+\": limits\.",
    "the methods of HTTP triggers": r"\"PATCH\"",
    "the strategies of retries": r"\"BACKOFF_RETRY\", \"EXPONENTIAL_DECAY_RETRY\"",
    "the formats of a message for a trigger": r"(\"STREAM\", \"JSON\"|\"JSON\", \"STREAM\")",
    "the sizes of a disk": r"\b512, 10_?240\b",
    "the range of cpu": r"\(0\.05, 16\)|\bge=0\.05",
    "the longest delay": r"\b3_599\b",
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


@pytest.mark.parametrize("kind", KINDS)
def test_every_face_knows_every_kind_of_destination(kind: Kind) -> None:
    record, faults = KINDS[kind], Faults(lambda: 0)
    example = record.example("cn-hangzhou")
    named = arn.parse(example).resolve(region="cn-hangzhou", account_id="1")
    needed = ram.checked_for(named)
    destination = json_schema.schema()["definitions"]["destination"]["properties"]["destination"]
    page = (ROOT / "docs/reference/destinations.md").read_text(encoding="utf-8")

    assert named.kind == kind
    assert arn.parse(str(named)) == named
    assert named.payload_limit == record.payload_bytes
    assert needed.action == record.action
    assert needed.resource.startswith(f"acs:{record.service}:cn-hangzhou:1:")
    assert Node.of(named).label.startswith("my-" if kind == "function" else f"{record.label} my-")
    assert faults.add(DestinationFault(destination=kind)).destination == kind
    assert example in destination["examples"]
    assert re.search(destination["pattern"], str(named))
    assert record.label in destination["description"]
    assert f"`{record.action}`" in page
    assert f"`acs:{record.service}:{{region}}:{{account}}:" in page
    for rule in record.names.values():
        assert rule.of == "qualifier" or rule.allowed in page.replace("`", "'")


def test_the_local_runtime_has_an_adapter_for_every_kind_of_destination() -> None:
    protocols = services.Protocols(*[None] * 4)  # type: ignore[arg-type]
    channels = services.channels_of(protocols, DestinationSettings())
    kinds = [FunctionDestination.kind, *(channel.kind for channel in channels)]
    assert sorted(kinds) == sorted(KINDS)


def test_settings_of_a_function_are_listed_by_the_model_and_the_table_only() -> None:
    """Only the typed dictionaries, which type checkers need written out, repeat the model.

    A path into a setting is not a list of settings.
    """
    places = spellings('"(instanceIsolationMode|ossMountConfig)",(?! "mountPoints")')
    assert places == ["fc_async_sdk/spec/function_settings.py"]


def test_lengths_and_steps_of_settings_are_spelled_in_the_spec_only() -> None:
    places = spellings("MEMORY_STEP|DESCRIPTION_LENGTH|HANDLER_LENGTH|ROLE_LENGTH|CPU_STEP")
    assert [place for place in places if not place.startswith(SPEC)] == []


def test_options_of_create_function_are_the_settings_of_the_model() -> None:
    settings = {*FunctionSettings.__struct_fields__, "layers"}
    assert FunctionOptions.__annotations__.keys() == settings - {"runtime", "handler"}


def test_the_local_runtime_takes_the_fields_of_the_models() -> None:
    settings = {field.encode_name for field in msgspec.structs.fields(FunctionSettings)}
    assert settings < fields.FUNCTION
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


def test_the_statuses_of_failed_tasks_are_spelled_in_one_module() -> None:
    assert spellings(r"\"Failed\", \"Expired\", \"Invalid\"\)") == ["fc_async_sdk/models.py"]


def test_the_name_of_the_project_folder_is_spelled_in_one_module() -> None:
    assert spellings(r"[\"']\.fc-async[/\"']") == ["fc_async_sdk/_project_folder.py"]


def test_ignore_rules_of_code_archives_are_spelled_in_one_module() -> None:
    assert spellings(r"\"\.(svn|fcignore)/?\"") == ["fc_async_sdk/packaging.py"]


def test_code_folders_are_zipped_in_one_module() -> None:
    assert spellings(r"ZIP_DEFLATED") == ["fc_async_sdk/packaging.py"]
