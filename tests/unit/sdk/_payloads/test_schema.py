# SPDX-License-Identifier: MIT
"""A payload that does not fit the schema is refused, with the place and without the value."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

import fc_async_sdk
from fc_async_sdk import errors
from fc_async_sdk._payloads.schema import PayloadSchema
from fc_async_sdk.operations import AcceptedInvocation
from fc_async_sdk.testing import Stubber

ENDPOINT = "http://127.0.0.1:9"
SCHEMA = {
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
    },
    "$defs": {"line": {"type": "object", "properties": {"sku": {"type": "string"}}}},
}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, r"'id' is a required property \(at \$\)"),
        ({"id": "4711"}, r"\$\.id does not have type: 'integer'"),
        ({"id": -4711}, r"\$\.id does not have minimum: 1"),
        ({"id": 1, "lines": [{}, {"sku": 4711}]}, r"\$\.lines\[1\]\.sku does not have type"),
        ({"id": 1, "idd": 4711}, r"\('idd' was unexpected\) \(at \$\)"),
        ([4711], r"\$ does not have type: 'object'"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_without_its_value(
    payload: Any, reason: str
) -> None:
    with pytest.raises(errors.InvalidParameter, match=reason) as caught:
        PayloadSchema(SCHEMA).check("payload", json.dumps(payload).encode())
    assert "4711" not in str(caught.value)


def test_a_payload_that_fits_passes() -> None:
    PayloadSchema(SCHEMA).check("payload", b'{"id": 7, "lines": [{"sku": "a"}]}')
    PayloadSchema(True).check("payload", b"1")


@pytest.mark.parametrize(("payload", "reason"), [(b"", "it is empty"), (b"\xff{", "is not JSON")])
def test_a_payload_that_is_not_json_is_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(errors.InvalidParameter, match=reason):
        PayloadSchema(SCHEMA).check("payload", payload)


def test_the_dialect_is_the_one_that_the_schema_names() -> None:
    tuples = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}
    with pytest.raises(errors.InvalidParameter, match=r"\$\[0\] does not have type"):
        PayloadSchema(tuples).check("payload", b"[1]")


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "integr"}, r"schema='\$.type': is not valid JSON Schema"),
        ({"$ref": "http://127.0.0.1:1/schema.json"}, "is not in the schema itself"),
        ({"$ref": "#/$defs/x"}, "is not in the schema itself"),
        ({"$ref": "#"}, "refers to itself without end"),
        ({"pattern": "("}, r"schema='\$.pattern': is not valid JSON Schema"),
        (5, "must be a JSON Schema"),
        ("schema.json", "must be a JSON Schema"),
    ],
)
def test_a_schema_that_is_wrong_is_refused(schema: Any, reason: str) -> None:
    with pytest.raises(errors.InvalidParameter, match=reason):
        PayloadSchema(schema).check("payload", b'"x"')


@dataclass
class Order:
    id: int


def test_a_handle_checks_the_schema_beside_the_type() -> None:
    with fc_async_sdk.client(endpoint_url=ENDPOINT) as client, Stubber(client) as stub:
        function = client.function("f", payload=Order, schema=SCHEMA)
        with pytest.raises(errors.InvalidParameter, match=r"\$\.id does not have minimum"):
            function.spawn(Order(0))
        with pytest.raises(errors.InvalidParameter, match=r"payloads\[0\].*minimum"):
            function.map([Order(0)])
        stub.add_response("invoke_async", AcceptedInvocation(request_id="r", task_id="t"))
        function.spawn(Order(1))


def test_a_handle_of_asyncio_checks_the_schema() -> None:
    async def call() -> None:
        async with fc_async_sdk.async_client(endpoint_url=ENDPOINT) as client:
            await client.function("f", schema=SCHEMA).call({"id": 0})

    with pytest.raises(errors.InvalidParameter, match=r"\$\.id does not have minimum"):
        asyncio.run(call())


def test_a_schema_that_is_no_schema_is_refused_when_the_handle_is_made() -> None:
    wrong: Any = "order.schema.json"
    with (
        fc_async_sdk.client(endpoint_url=ENDPOINT) as client,
        pytest.raises(errors.InvalidParameter, match="must be a JSON Schema"),
    ):
        client.function("f", schema=wrong)


def test_jsonschema_is_imported_at_the_first_check() -> None:
    program = (
        "import sys; from fc_async_sdk._payloads.schema import PayloadSchema;"
        "schema = PayloadSchema({}); print('jsonschema' in sys.modules);"
        "schema.check('payload', b'1'); print('jsonschema' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]
