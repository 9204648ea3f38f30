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
from fc_async_sdk._runtimes import KEY_ID

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


def _row(described: operation.Operation) -> Operation:
    types = operation.types_of(described.handler)
    parameters = parameters_of(types.query)
    summary = (inspect.getdoc(described.handler) or "").partition("\n")[0].removesuffix(".")
    row = Operation(
        described.method, described.path, summary, parameters, _schema(types.body), types.answer
    )
    if types.body is bytes:
        row = row._replace(body=ANY, accepts=str(operation.Octets.media_type))
    if isinstance(types.answer, type) and issubclass(types.answer, Response):
        text = issubclass(types.answer, PlainTextResponse)
        row = row._replace(answer=TEXT if text else ANY, media=str(types.answer.media_type))
    return row._replace(answer=_schema(row.answer))


def _schema(kind: Any) -> Any:
    return OBJECT if get_origin(kind) is dict else None if kind is type(None) else kind


_SCHEMES: Final[dict[str, Schema]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of the runtime; fc-async local env prints it.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": f"ACS3-HMAC-SHA256 with the access key id {KEY_ID} and the token as secret.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "fc-async-PORT",
        "description": "Of browsers that opened the console by its address with the token.",
    },
}
"""Ways to be let in: one of them is needed, but for the path of the health check, which answers
without one that the store answers, and no more."""

OPERATIONS: Final = tuple(
    _row(described)._replace(answer=_SETTINGS)
    if described.path.endswith("/settings")
    else _row(described)
    for owner in _OWNERS
    for described in operation.operations_of(owner)
    if not described.name
)


def document() -> dict[str, Any]:
    """Return the description of the admin API."""
    return build("fc-async: admin API of the local runtime", OPERATIONS, schemes=_SCHEMES)
