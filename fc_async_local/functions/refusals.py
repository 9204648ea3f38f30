# SPDX-License-Identifier: MIT
"""The errors of the service about functions and their configuration.

Codes and messages are those of the API's error pages; where only a code is known, the message is
that of this project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fc_async_local.domain import json_input
from fc_async_local.domain.errors import Rejected
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def invalid_argument(message: str) -> Rejected:
    """Return a 400: an argument is outside of its range or of the wrong type."""
    return Rejected(400, "InvalidArgument", message)


def convert(value: object, kind: type[T], prefix: str = "") -> T:
    """Return the JSON values of a request as a type.

    Args:
        value: Objects, lists, texts and numbers.
        kind: The type.
        prefix: Precedes the message.

    Raises:
        Rejected: 400 InvalidArgument, naming the place.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise invalid_argument(f"{prefix}{error}") from None


def without_nulls(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request that are set; null means that a field is left out."""
    return {name: value for name, value in body.items() if value is not None}


def json_of(text: str, name: str) -> Any:
    """Return the JSON value of a parameter, None if it is absent ("").

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if not text:
        return None
    try:
        return json_input.read(text)
    except json_input.InvalidJson as error:
        message = f"{name} {shorten(text)} cannot be read as JSON: {error}"
        raise invalid_argument(message) from None


def required(name: str) -> Rejected:
    """Return a 400: an argument is missing."""
    return invalid_argument(f"{name} is required")


def invalid_destination(message: str) -> Rejected:
    """Return a 400: a destination is empty, not an ARN, or of an unsupported kind."""
    return Rejected(400, "InvalidDestinationResources", message)


def function_not_found(name: str) -> Rejected:
    """Return a 404."""
    return Rejected(404, "FunctionNotFound", f"function '{name}' does not exist")


def invocation_disabled(name: str, reason: str) -> Rejected:
    """Return a 403. The code is that of this project: the API reference has none."""
    why = f" ({reason})" if reason else ""
    return Rejected(
        403,
        "FunctionInvocationDisabled",
        f"invocation of function '{name}' is disabled{why}; call EnableFunctionInvocation first",
    )


def not_found(kind: str, function: str, name: str) -> Rejected:
    """Return a 404: a function has no such version, alias or trigger."""
    text = f"{kind} '{name}' of function '{function}' does not exist"
    return Rejected(404, f"{kind.capitalize()}NotFound", text)


def exists(kind: str, function: str, name: str) -> Rejected:
    """Return a 409: a function already has such an alias or trigger."""
    text = f"{kind} '{name}' of function '{function}' already exists"
    return Rejected(409, f"{kind.capitalize()}AlreadyExists", text)


def concurrency_not_found(name: str) -> Rejected:
    """Return a 404. Code: the Terraform provider (alicloud_fcv3_concurrency_config) expects it."""
    return Rejected(404, "OnDemandConfigNotFound", f"function '{name}' has no reserved concurrency")


def async_config_not_exists(name: str, qualifier: str) -> Rejected:
    """Return a 404."""
    return Rejected(
        404, "AsyncConfigNotExists", f"AsyncConfig for {name}:{qualifier} does not exist"
    )


def function_exists(name: str) -> Rejected:
    """Return a 409."""
    return Rejected(409, "FunctionAlreadyExists", f"function '{name}' already exists")


def concurrent_update(subject: str) -> Rejected:
    """Return a 409: another request changed it between the read and the write."""
    return Rejected(
        409,
        "ConcurrentUpdateError",
        f"{subject} was changed by another request meanwhile; try again",
    )
