# SPDX-License-Identifier: MIT
"""The JSON Schema of ``s.yaml`` for editors and ``s verify``, made from the service's limits.

Its dialect is draft-07, which editors support best
(https://github.com/SchemaStore/schemastore/blob/master/CONTRIBUTING.md#best-practices).

Invariants:

- ``docs/published/schemas/s-yaml.schema.json`` equals the result of :func:`schema` (tested).
- The schema checks asynchronous invocation only, and accepts a ``${…}`` for any value.
- Alternatives are lists in ``type``, not ``anyOf``. Bounds apply to numbers and patterns to strings
  only, so an editor shows each error in one place and with one keyword.
"""

from __future__ import annotations

from typing import Any, Final

from fc_async_plugin.s_yaml.model import BLOCK
from fc_async_plugin.s_yaml.nodes import EDITION
from fc_async_sdk.spec import arn, limits
from fc_async_sdk.spec.destinations import KINDS

ID: Final = "urn:fc-async:s-yaml"
STORE_ID: Final = "https://www.schemastore.org/fc-async-s-yaml.json"
"""Address at which SchemaStore would publish the schema."""

_MANUAL: Final = "https://help.aliyun.com/zh/functioncompute/fc/"
_VARIABLE: Final = r"\$\{"
"""A string that has it anywhere has a value that is known only after a deployment."""
_END: Final = r"(?![\s\S])"
"""The ``$`` of JavaScript: Python's ``$`` also matches before a line feed."""


def schema() -> dict[str, Any]:
    """Return the whole schema."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        "title": "s.yaml of Serverless Devs with asynchronous invocation of Function Compute 3.0",
        "description": "Functions of an application, and how they are invoked asynchronously.",
        "type": "object",
        "required": ["edition"],
        "properties": {
            "edition": _text(f"Edition of the format, always {EDITION}.", const=EDITION),
            "name": _text("Name of the application."),
            "access": _text("Alias of the credentials in ~/.s/access.yaml.", examples=["default"]),
            "vars": _object("Values for ${vars.NAME}."),
            "template": _object(
                "Props that resources extend, by name.", additionalProperties=_named("props")
            ),
            "resources": _object(
                "What is deployed, by name.", additionalProperties=_named("resource")
            ),
        },
        "definitions": {
            "resource": _object(
                "A function, or what another component deploys.",
                properties={
                    "component": _text("Component that deploys the resource.", examples=["fc3"]),
                    "props": _named("props"),
                },
            ),
            "props": {
                "description": "Input of the component.",
                "type": ["object", "null"],
                "properties": {
                    "region": _text("Region of the function.", examples=["cn-hangzhou"]),
                    "functionName": _text("Name of the function."),
                    BLOCK: _named(BLOCK),
                },
            },
            BLOCK: _block(),
            "destination": _destination(),
        },
    }


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, "type": "string", **more}


def _object(description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, "type": "object", **more}


def _named(definition: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{definition}"}


def props_schema() -> dict[str, Any]:
    """Return the schema of a resource's props as ``s verify`` reads it, without warnings.

    ``s`` leaves out null values before it compares.
    """
    whole = schema()
    props = {**whole["definitions"]["props"], "definitions": whole["definitions"]}
    one_type: dict[str, Any] = _with_one_type(props, nulls=False)
    return one_type


def store_schema() -> dict[str, Any]:
    """Return the whole schema as SchemaStore accepts it: Ajv in strict mode refuses no part."""
    one_type: dict[str, Any] = _with_one_type({**schema(), "$id": STORE_ID}, nulls=True)
    return one_type


def _with_one_type(node: Any, *, nulls: bool) -> Any:
    """Replace lists of types, which Ajv refuses in strict mode, by conditions.

    A value is null, a string with a variable, or of its one type
    (https://ajv.js.org/strict-mode.html#union-types).
    """
    if not isinstance(node, dict):
        return node
    node = {key: _with_one_type(value, nulls=nulls) for key, value in node.items()}
    kinds = node.get("type")
    if not isinstance(kinds, list):
        return node
    conditions = _conditions(node, [kind for kind in kinds if kind != "null"])
    return {"if": {"type": "null"}, "else": conditions} if nulls and "null" in kinds else conditions


def _conditions(node: dict[str, Any], kinds: list[str]) -> dict[str, Any]:
    types = [kind for kind in kinds if kind != "string"]
    without_pattern = {key: value for key, value in node.items() if key != "pattern"}
    with_one_type = without_pattern | {"type": types[0]}
    if "string" not in kinds:
        return with_one_type
    text = {"type": "string", "pattern": node["pattern"]}
    if text["pattern"] == _VARIABLE:
        return {"if": text, "else": with_one_type}
    return {"if": {"type": types[0]}, "then": with_one_type, "else": text}


def _block() -> dict[str, Any]:
    version = limits.VERSION_ID_PATTERN.pattern
    alias = limits.ALIAS_NAME_PATTERN.pattern
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
                },
                "Where results go.",
            ),
            "qualifier": {
                "description": "Version or alias this configuration is for; LATEST when left out.",
                "default": limits.DEFAULT_QUALIFIER,
                "type": ["string", "integer", "null"],
                "minimum": 0,
                "maximum": 9_999_999_999,
                "pattern": f"^(?:{version}|{alias})?{_END}|{_VARIABLE}",
            },
        },
        f"How the function is invoked asynchronously.\n{_MANUAL}",
    )


def _table(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "description": description,
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
    # Keywords beside $ref are ignored in draft-07.
    return {
        "description": f"Where the result goes {when}.",
        "allOf": [_named("destination")],
    }


def _destination() -> dict[str, Any]:
    labels = [kind.label for kind in KINDS.values()]
    services = "|".join(arn.services())
    destination = {
        "description": (
            f"ARN of a {', '.join(labels[:-1])} or {labels[-1]}; an empty region or account means"
            " the function's."
        ),
        "type": "string",
        "minLength": 1,
        "maxLength": limits.DESTINATION_LENGTH,
        "pattern": f"^acs:(?:{services}):[a-z0-9-]*:[0-9]*:.+|{_VARIABLE}",
        "examples": [kind.example("cn-hangzhou") for kind in KINDS.values()],
    }
    table = _table({"destination": destination}, "Destination of a result.")
    return {**table, "required": ["destination"]}
