# SPDX-License-Identifier: MIT
"""Checks a block against the published JSON Schema, which alone decides types, ranges and keys.

The check has two stages. The schema as a msgspec type accepts a valid block in microseconds. Only a
block that it refuses needs the import of ``jsonschema``, whose errors say what is wrong and where.
The result names the rule that words an error.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import msgspec

from fc_async_plugin.rules import json_schema
from fc_async_plugin.template.desired import BLOCK
from fc_async_sdk.decoding import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fc_async_plugin.template.model import Path

_BY_KEYWORD: Final = {
    "additionalProperties": "FCA010",
    "type": "FCA011",
    "pattern": "FCA011",  # a string that is not a ${…}, where a string is not allowed
    "required": "FCA024",
    "minLength": "FCA024",
}
_BY_KEY: Final = {
    **{("maxAsyncRetryAttempts", bound): "FCA012" for bound in ("minimum", "maximum")},
    **{("maxAsyncEventAgeInSeconds", bound): "FCA013" for bound in ("minimum", "maximum")},
    **{("qualifier", keyword): "FCA014" for keyword in ("minimum", "maximum", "pattern")},
    **{("destination", keyword): "FCA020" for keyword in ("maxLength", "pattern")},
}
"""Keywords whose rule depends on the key. FCA020 words the grammar of ARNs."""


class Violation(NamedTuple):
    """One error of the schema.

    Attributes:
        path: The place, from props down; for an unknown key, the key's.
        keyword: The keyword of JSON Schema, such as ``maximum``.
        value: The value at the place.
        schema: The part of the schema that refuses the value.
    """

    path: Path
    keyword: str
    value: Any
    schema: Mapping[str, Any]

    @property
    def rule(self) -> str:
        """The id of the rule that words the error."""
        found = _BY_KEY.get((str(self.path[-1]), self.keyword))
        return found or _BY_KEYWORD[self.keyword]


def violations(block: object) -> Iterator[Violation]:
    """Yield all errors of the value of ``asyncInvokeConfig``."""
    if conforms(block):
        return
    errors = list(_validator().iter_errors(block))
    mistyped = {tuple(error.absolute_path) for error in errors if error.validator == "type"}
    for error in errors:
        path = (BLOCK, *error.absolute_path)
        if error.validator == "additionalProperties":
            for key, value in error.instance.items():
                if key not in error.schema["properties"]:
                    yield Violation((*path, key), error.validator, value, error.schema)
        elif error.validator == "type" or path[1:] not in mistyped:
            # -2.5 is not a whole number; that it is below 0 as well does not matter.
            yield Violation(path, error.validator, error.instance, error.schema)


def conforms(block: object) -> bool:
    """Return whether a block is valid; a valid block may be refused, an invalid one is."""
    try:
        msgspec.convert(block, _compiled())
    except msgspec.ValidationError:
        return False
    return True


def _block_schema() -> dict[str, Any]:
    return {"$ref": f"#/$defs/{BLOCK}", "$defs": json_schema.schema()["$defs"]}


@functools.cache
def _validator() -> Any:
    import jsonschema  # noqa: PLC0415 -- 80 ms that a correct template doesn't pay

    return jsonschema.Draft202012Validator(_block_schema())


@functools.cache
def _compiled() -> Any:
    schema = _block_schema()
    compiled = _type(schema, schema["$defs"])
    prepare(compiled)
    return compiled


def _type(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:
    """Return the msgspec type of a schema, for the keywords that our schema uses."""
    if "$ref" in schema:
        return _type(defs[schema["$ref"].rpartition("/")[2]], defs)
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return functools.reduce(operator.or_, [_kind(kind, schema, defs) for kind in kinds])


def _kind(kind: str, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:
    if kind == "object":
        return _struct(schema, defs)
    if kind == "integer":
        return Annotated[int, msgspec.Meta(ge=schema.get("minimum"), le=schema.get("maximum"))]
    if kind == "string":
        length = {"min_length": schema.get("minLength"), "max_length": schema.get("maxLength")}
        return Annotated[str, msgspec.Meta(pattern=schema.get("pattern"), **length)]
    return {"boolean": bool, "null": type(None)}[kind]


def _struct(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:
    required = schema.get("required", ())
    fields: list[Any] = [
        (key, _type(value, defs)) if key in required else (key, _type(value, defs), None)
        for key, value in schema["properties"].items()
    ]
    return msgspec.defstruct("Table", fields, kw_only=True, forbid_unknown_fields=True)
