# SPDX-License-Identifier: MIT
"""Makes a target's inputs from an event: ORIGINAL, CONSTANT, JSONPATH, TEMPLATE (pure)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from fc_async_local.domain import json_input
from fc_async_local.services.eventbridge.errors import EventBridgeError
from fc_async_local.services.eventbridge.model import VALUE_CHARACTERS, Parameter
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    import jsonpath

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z0-9_.-]+)\}")


def check(parameter: Parameter) -> None:
    """Check that a parameter can be made from events.

    Raises:
        EventBridgeError: InvalidArgument.
    """
    for name, text in (("Value", parameter.value), ("Template", parameter.template)):
        if len(text) > VALUE_CHARACTERS:
            raise _wrong(parameter, f"{name} is longer than {VALUE_CHARACTERS} characters")
    if parameter.form == "JSONPATH":
        _compile(parameter, parameter.value)
    if parameter.form == "TEMPLATE":
        variables = _variables(parameter)
        for path in variables.values():
            _compile(parameter, path)
        unknown = set(_VARIABLE.findall(parameter.template)) - variables.keys()
        if unknown:
            raise _wrong(
                parameter,
                f"Template uses {', '.join(sorted(unknown))}, which Value does not define",
            )


def make(parameter: Parameter, event: Any) -> str:
    """Return the input of a target for a parameter.

    Args:
        parameter: A parameter that passed :func:`check`.
        event: The CloudEvent, parsed.

    Returns:
        Strings as they are, other values as JSON; "" for values that the event does not have.
    """
    if parameter.form == "ORIGINAL":
        return _as_text(event)
    if parameter.form == "CONSTANT":
        return parameter.value
    if parameter.form == "JSONPATH":
        return _find(parameter, parameter.value, event)
    found = {name: _find(parameter, path, event) for name, path in _variables(parameter).items()}
    return _VARIABLE.sub(lambda match: found.get(match[1], match[0]), parameter.template)


def _variables(parameter: Parameter) -> dict[str, str]:
    try:
        variables = json_input.read(parameter.value or "{}")
    except json_input.InvalidJson:
        variables = None
    if not isinstance(variables, dict) or not all(isinstance(p, str) for p in variables.values()):
        raise _wrong(parameter, "Value must be a JSON object of names and JSONPath strings")
    return variables


def _compile(parameter: Parameter, path: str) -> jsonpath.JSONPath | jsonpath.CompoundJSONPath:
    if not path.startswith("$"):
        raise _wrong(parameter, f"{shorten(path)} is not a JSONPath: it must begin with $")
    import jsonpath  # noqa: PLC0415 -- a fifth of the start of a runtime, which may have no target

    try:
        return jsonpath.compile(path)
    except jsonpath.JSONPathError as error:
        reason = str(error).partition("\n")[0]
        raise _wrong(parameter, f"{shorten(path)} is not a JSONPath: {reason}") from error
    except RecursionError as error:
        raise _wrong(parameter, f"{shorten(path)} is nested too deeply") from error


def _find(parameter: Parameter, path: str, event: Any) -> str:
    import jsonpath  # noqa: PLC0415 -- as above

    compiled = _compile(parameter, path)
    found = compiled.findall(event)
    if isinstance(compiled, jsonpath.JSONPath) and compiled.singular_query():
        return _as_text(found[0]) if found else ""
    return _as_text(found)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _wrong(parameter: Parameter, reason: str) -> EventBridgeError:
    return EventBridgeError("InvalidArgument", f"parameter {parameter.resource_key!r}: {reason}")
