# SPDX-License-Identifier: MIT
"""Checks payloads against a JSON Schema that the user gives.

Invariants:

- ``jsonschema`` is imported when the first payload is checked, not before.
- Nothing is fetched: a ``$ref`` leads into the schema itself or is an error.
- No error holds a value of a payload: it may hold secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fc_async_sdk._decoding import JSON_ERRORS
from fc_async_sdk._installation import needed_for
from fc_async_sdk.errors import InvalidParameter, shorten

Schema = Mapping[str, Any] | bool
"""A JSON Schema as Python data."""
_ABOUT_KEYS: Final = frozenset({"additionalProperties", "dependentRequired", "required"})
"""Keywords whose message names keys only."""


class PayloadSchema:
    """A JSON Schema, in the dialect that its ``$schema`` names; without one in 2020-12.

    Args:
        document: The schema.

    Raises:
        InvalidParameter: It is not a mapping or a boolean.
    """

    def __init__(self, document: object) -> None:
        if not isinstance(document, Mapping | bool):
            raise InvalidParameter(
                "schema", type(document).__name__, "must be a JSON Schema: a dict, or a bool"
            )
        self._document = document if isinstance(document, bool) else dict(document)
        self._validator: Any = None

    def check(self, name: str, payload: bytes) -> None:
        """Check one payload.

        Args:
            name: What the payload is, for the error.
            payload: JSON.

        Raises:
            InvalidParameter: The payload is not JSON or does not fit, or the schema is not valid.
            ConfigurationError: ``jsonschema`` is not installed.
        """
        if self._validator is None:
            self._validator = _validator(self._document)
        from jsonschema.exceptions import best_match  # noqa: PLC0415 -- few payloads have a schema
        from referencing.exceptions import Unresolvable  # noqa: PLC0415 -- as above

        try:
            value = msgspec.json.decode(payload)
        except JSON_ERRORS as error:
            reason = str(error) if payload else "it is empty"
            raise InvalidParameter(name, "bytes", f"is not JSON: {reason}") from None
        try:
            violation = best_match(self._validator.iter_errors(value))
        except Unresolvable as unknown:
            raise InvalidParameter("schema", unknown.ref, "is not in the schema itself") from None
        except RecursionError:
            raise InvalidParameter("schema", "$ref", "refers to itself without end") from None
        if violation is not None:
            kind = type(value).__name__
            raise InvalidParameter(name, kind, f"does not fit the schema: {_reason(violation)}")


def _validator(document: Any) -> Any:
    with needed_for("checking a payload with a schema", "cli"):
        from jsonschema import Draft202012Validator  # noqa: PLC0415 -- as above
        from jsonschema.exceptions import SchemaError  # noqa: PLC0415 -- as above
        from jsonschema.validators import validator_for  # noqa: PLC0415 -- as above
        from jsonschema_specifications import REGISTRY  # noqa: PLC0415 -- as above
    kind = validator_for(document, default=Draft202012Validator)
    try:
        kind.check_schema(document)
    except SchemaError as error:
        raise InvalidParameter(
            "schema", error.json_path, f"is not valid JSON Schema: {error.message}"
        ) from None
    return kind(document, registry=REGISTRY)


def _reason(error: Any) -> str:
    """Return place and reason; the message of the library would quote the value."""
    if error.validator in _ABOUT_KEYS:
        return f"{error.message} (at {error.json_path})"
    asked = shorten(error.validator_value)
    return f"{error.json_path} does not have {error.validator}: {asked}"
