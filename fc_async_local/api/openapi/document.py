# SPDX-License-Identifier: MIT
"""Builds OpenAPI documents from tables of operations. Pure.

A row of a table is an :class:`Operation`; the helpers below write its schemas. The test of the
documents compares the tables with the routes, in both directions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_sdk._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fc_async_local.api.operation import Query

Schema = Mapping[str, Any]

VERSION: Final = "3.1.0"
_PATH_PARAMETER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")
_REFUSALS: Final = """\
400: the request is not valid.
401: the token of the runtime is missing.
403: the host, the origin or the signature of the request is not accepted.
404: the path names something that does not exist.
405: the path has another method.
409: the state does not allow it, or a thing of this name exists.
412: the task has already ended.
429: too many calls, instances or waiting invocations.
500: the system cannot run the function.
503: the store or the resources are unavailable; nothing was changed.
"""
_REFERENCE: Final = "#/components/schemas/{name}"

ANY: Final[Schema] = {}
TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
OBJECT: Final[Schema] = {"type": "object"}
ERROR: Final = "Error"


class Parameter(NamedTuple):
    """A parameter of the query or a header.

    Attributes:
        name: Its name.
        schema: Its values.
        location: ``query`` or ``header``.
    """

    name: str
    schema: Schema = TEXT
    location: str = "query"


class Operation(NamedTuple):
    """An operation of an API as its description shows it.

    Attributes:
        method: HTTP method.
        path: As in the route; parameters of the path are read from it.
        summary: One sentence.
        parameters: Of the query, and headers.
        body: Schema of the request's JSON body, or the struct that it is read into; None: it has
            none.
        answer: Schema of the JSON answer, or the struct that is answered; None: it has no body
            (204).
        media: Type of the answer.
        accepts: Type of the request's body.
        also: Further statuses of success, without a body.
    """

    method: str
    path: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    body: Schema | type[msgspec.Struct] | None = None
    answer: Schema | type[msgspec.Struct] | None = OBJECT
    media: str = "application/json"
    accepts: str = "application/json"
    also: tuple[int, ...] = ()


def words(*values: str) -> Schema:
    """Return the schema of some words."""
    return {"type": "string", "enum": list(values)}


def between(least: int, most: int) -> Schema:
    """Return the schema of a range of integers."""
    return {"type": "integer", "minimum": least, "maximum": most}


def listed(item: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": item}


def having(required: str = "", **properties: Schema) -> Schema:
    """Return the schema of an object.

    Args:
        required: Names that it always has, separated by spaces.
        properties: Schemas by name; others may have any value.
    """
    names = [*required.split(), *properties]
    return {
        "type": "object",
        "properties": {name: properties.get(name, ANY) for name in dict.fromkeys(names)},
        **({"required": required.split()} if required else {}),
    }


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": _REFERENCE.format(name=name)}


def parameters_of(query: type[Query] | None) -> tuple[Parameter, ...]:
    """Return the parameters of a query; None: it has none."""
    if query is None:
        return ()
    described = msgspec.json.schema(query)["$defs"][query.__name__]["properties"]
    return tuple(Parameter(name, _given(schema)) for name, schema in described.items())


def _given(schema: Schema) -> Schema:
    """Return the schema of a parameter that was given: without ``null`` and default."""
    chosen = schema.get("anyOf", [schema])[0]
    return {name: value for name, value in chosen.items() if name != "default"}


def build(
    title: str,
    operations: Sequence[Operation],
    models: Iterable[type] = (),
    schemes: Mapping[str, Schema] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return an OpenAPI document.

    Args:
        title: Its title.
        operations: What it describes.
        models: What :func:`ref` refers to, besides the bodies and answers of operations.
        schemes: Ways to be let in, by name: one of them is needed; none: no operation needs any.
    """
    types = [
        each
        for operation in operations
        for each in (operation.body, operation.answer)
        if isinstance(each, type)
    ]
    _, schemas = msgspec.json.schema_components([*models, *types], ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = _PATH_PARAMETER.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _described(operation)
    error = having(
        "Code Message RequestId",
        Code=TEXT,
        Message=TEXT,
        RequestId=TEXT,
    )
    return {
        "openapi": VERSION,
        "info": {"title": title, "version": __version__},
        "paths": paths,
        **({"security": [{name: []} for name in schemes]} if schemes else {}),
        "components": {
            **({"securitySchemes": schemes} if schemes else {}),
            "schemas": {ERROR: error, **schemas},
            "responses": {
                ERROR: {
                    "description": _REFUSALS,
                    "content": {"application/json": {"schema": ref(ERROR)}},
                }
            },
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    parameters = list(_PATH_PARAMETER.finditer(operation.path))
    described: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": [
            *(_of_path(match) for match in parameters),
            *map(_of_parameter, operation.parameters),
        ],
        "responses": {
            **_success(operation),
            "default": {"$ref": f"#/components/responses/{ERROR}"},
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "content": {operation.accepts: {"schema": _schema(operation.body)}}
        }
    return described


def _of_parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.location,
        "schema": parameter.schema,
    }


def _success(operation: Operation) -> dict[str, Any]:
    also = {str(status): {"description": "Accepted."} for status in operation.also}
    if operation.answer is None:
        return {"204": {"description": "Done."}, **also}
    content = {operation.media: {"schema": _schema(operation.answer)}}
    return {"200": {"description": "Done.", "content": content}, **also}


def _schema(described: Schema | type[msgspec.Struct]) -> Schema:
    return ref(described.__name__) if isinstance(described, type) else described


def _of_path(match: re.Match[str]) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 0} if match[2] else {"type": "string", "minLength": 1}
    return {
        "name": match[1],
        "in": "path",
        "required": True,
        "schema": schema,
    }
