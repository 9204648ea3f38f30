# SPDX-License-Identifier: MIT
"""The JSON Schema of ``s.yaml`` for editors and ``s verify``, made from the service's limits.

Invariants:


- ``docs/published/schemas/s-yaml.schema.json`` equals the result of :func:`schema` (tested).
- The schema checks asynchronous invocation only, and accepts a ``${…}`` for any value.
- Alternatives are lists in ``type``, not ``anyOf``. Bounds apply to numbers and patterns to strings
  only, so an editor shows each error in one place and with one keyword.
"""

from __future__ import annotations

from typing import Any, Final

from fc_async_plugin.template.desired import BLOCK
from fc_async_plugin.template.document import EDITION
from fc_async_sdk.spec import arn, limits

ID: Final = "urn:fc-async:s-yaml"

_ARN_HELP: Final = (
    "ARN of a function, queue, topic, custom event bus or RocketMQ topic; an empty region or"
    " account means the function's."
)
_VARIABLE: Final = r"\$\{"
"""A string that has it anywhere has a value that is known only after a deployment."""
_END: Final = r"(?![\s\S])"
"""The ``$`` of JavaScript: Python's ``$`` also matches before a line feed."""


def schema() -> dict[str, Any]:
    """Return the whole schema, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "s.yaml of Serverless Devs, with asynchronous invocation of Function Compute 3.0",
        "type": "object",
        "required": ["edition"],
        "properties": {
            "edition": {"const": EDITION, "description": f"Always {EDITION}."},
            "name": {"type": "string"},
            "access": {"type": "string", "description": "Alias in ~/.s/access.yaml."},
            "vars": {"type": "object"},
            "template": {"type": "object", "additionalProperties": {"$ref": "#/$defs/props"}},
            "resources": {"type": "object", "additionalProperties": {"$ref": "#/$defs/resource"}},
        },
        "$defs": {
            "resource": {
                "type": "object",
                "properties": {
                    "component": {"type": "string"},
                    "props": {"$ref": "#/$defs/props"},
                },
            },
            "props": {
                "type": ["object", "null"],
                "properties": {
                    "region": {"type": "string"},
                    "functionName": {"type": "string"},
                    BLOCK: {"$ref": f"#/$defs/{BLOCK}"},
                },
            },
            BLOCK: _block(),
            "destination": _destination(),
        },
    }


def props_schema() -> dict[str, Any]:
    """Return the schema of a resource's props as ``s verify`` reads it, without warnings.

    ``s`` compiles it with Ajv in strict mode, which warns of every list of types
    (https://ajv.js.org/strict-mode.html#union-types). A value is either a string with a variable,
    or of its one type.
    """
    whole = schema()
    props = {**whole["$defs"]["props"], "$defs": whole["$defs"]}
    one_type: dict[str, Any] = _with_one_type(props)
    return one_type


def _with_one_type(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    node = {key: _with_one_type(value) for key, value in node.items()}
    kinds = node.get("type")
    if not isinstance(kinds, list):
        return node
    kinds = [kind for kind in kinds if kind != "null"]  # s leaves out null values
    text = {"type": "string", "pattern": node["pattern"]} if "string" in kinds else {}
    others = [kind for kind in kinds if kind != "string"]
    one = {key: value for key, value in node.items() if key != "pattern"} | {"type": others[0]}
    if not text:
        return one
    if text["pattern"] == _VARIABLE:
        return {"if": text, "else": one}
    return {"if": {"type": others[0]}, "then": one, "else": text}


def _block() -> dict[str, Any]:
    version, alias = limits.VERSION_ID_PATTERN.pattern, limits.ALIAS_NAME_PATTERN.pattern
    return _table(
        {
            "asyncTask": {
                "description": "Task mode: every step is recorded and can be queried.",
                "type": ["boolean", "string", "null"],
                "pattern": _VARIABLE,
            },
            "maxAsyncRetryAttempts": _number(
                limits.RETRY_ATTEMPTS, "Retries after function errors; 0: none."
            ),
            "maxAsyncEventAgeInSeconds": _number(
                limits.EVENT_AGE_SECONDS, "Seconds from the trigger on after which it is dropped."
            ),
            "destinationConfig": _table(
                {
                    "onSuccess": _outcome("when the function returned"),
                    "onFailure": _outcome("when it failed for good"),
                }
            ),
            "qualifier": {
                "description": "Version or alias this configuration is for; LATEST when left out.",
                "default": limits.DEFAULT_QUALIFIER,
                "type": ["string", "integer", "null"],
                "minimum": 0,
                "maximum": 9_999_999_999,
                "pattern": f"^(?:{version}|{alias})?{_END}|{_VARIABLE}",
            },
        }
    )


def _table(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": ["object", "string", "null"],
        "additionalProperties": False,
        "properties": properties,
        "pattern": _VARIABLE,
    }


def _number(allowed: limits.Range, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "default": allowed.default,
        "type": ["integer", "string", "null"],
        "minimum": allowed.low,
        "maximum": allowed.high,
        "pattern": _VARIABLE,
    }


def _outcome(when: str) -> dict[str, Any]:
    return {"description": f"Where the result goes {when}.", "$ref": "#/$defs/destination"}


def _destination() -> dict[str, Any]:
    services = "|".join(sorted(arn.SERVICES))
    destination = {
        "description": _ARN_HELP,
        "type": "string",
        "minLength": 1,
        "maxLength": limits.DESTINATION_LENGTH,
        "pattern": f"^acs:(?:{services}):[a-z0-9-]*:[0-9]*:.+|{_VARIABLE}",
        "examples": [
            "acs:fc:cn-hangzhou::functions/NAME",
            "acs:mns:cn-hangzhou::/queues/NAME/messages",
        ],
    }
    return {**_table({"destination": destination}), "required": ["destination"]}
