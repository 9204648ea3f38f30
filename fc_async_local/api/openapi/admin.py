# SPDX-License-Identifier: MIT
"""The description of the admin API, derived from its handlers: names, types and docstrings."""

from __future__ import annotations

import inspect
from typing import Any, Final, get_origin

import msgspec
from starlette.responses import PlainTextResponse, Response

from fc_async_local.api import admin, operation
from fc_async_local.api.functions import FunctionOperations
from fc_async_local.api.openapi.document import (
    ANY,
    OBJECT,
    TEXT,
    Operation,
    Schema,
    build,
    listed,
    parameters_of,
)
from fc_async_local.settings import GROUPS

_OWNERS: Final = (*(vars(admin)[name] for name in admin.__all__), FunctionOperations)

_SETTINGS: Final[Schema] = {
    "type": "object",
    "properties": {
        name: schema
        for group in GROUPS.values()
        for name, schema in msgspec.json.schema(group)["$defs"][group.__name__][
            "properties"
        ].items()
    }
    | {"access_keys": listed(TEXT)},
}
"""Each setting as its group has it, but of access keys only the ids are shown."""


def _row(one: operation.Operation) -> Operation:
    types = operation.types_of(one.handler)
    parameters = parameters_of(types.query)
    summary = (inspect.getdoc(one.handler) or "").partition("\n")[0].removesuffix(".")
    row = Operation(one.method, one.path, summary, parameters, _schema(types.body), types.answer)
    if types.body is bytes:
        row = row._replace(body=ANY, accepts=str(operation.Octets.media_type))
    if isinstance(types.answer, type) and issubclass(types.answer, Response):
        text = issubclass(types.answer, PlainTextResponse)
        row = row._replace(answer=TEXT if text else ANY, media=str(types.answer.media_type))
    return row._replace(answer=_schema(row.answer))


def _schema(kind: Any) -> Any:
    return OBJECT if get_origin(kind) is dict else None if kind is type(None) else kind


OPERATIONS: Final = tuple(
    _row(one)._replace(answer=_SETTINGS) if one.path.endswith("/settings") else _row(one)
    for owner in _OWNERS
    for one in operation.operations_of(owner)
    if not one.name
)


def document() -> dict[str, Any]:
    """Return the description of the admin API."""
    return build("fc-async: admin API of the local runtime", OPERATIONS)
