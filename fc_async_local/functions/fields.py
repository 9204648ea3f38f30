# SPDX-License-Identifier: MIT
"""The fields of CreateFunction and PutAsyncInvokeConfig, for type checkers and at run time.

The service ignores names that it does not know; :func:`check_names` refuses them.
"""

from __future__ import annotations

import difflib
import typing
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypedDict

import msgspec

from fc_async_sdk.models import FunctionSettings
from fc_async_sdk.operations import FunctionOptions
from fc_async_sdk.operations.functions import wire_name


class DestinationFields(TypedDict, total=False):
    """A destination: its ARN."""

    destination: str


class DestinationConfigFields(TypedDict, total=False):
    """Destinations by outcome."""

    onSuccess: DestinationFields
    onFailure: DestinationFields


class AsyncConfigFields(TypedDict, total=False):
    """PutAsyncInvokeConfigInput."""

    asyncTask: bool
    destinationConfig: DestinationConfigFields
    maxAsyncEventAgeInSeconds: int
    maxAsyncRetryAttempts: int


class FunctionFields(FunctionSettings, frozen=True, kw_only=True):
    """CreateFunctionInput without ``functionName``, ``code`` and ``tags``.

    What the SDK's model does not have is kept and not read.
    """

    layers: tuple[str, ...] | None = None
    disable_inject_credentials: str | None = None
    session_affinity_config: str | None = None
    enable_long_living: bool | None = None
    resource_group_id: str | None = None
    juice_fs_config: dict[str, Any] | None = None
    polar_fs_config: dict[str, Any] | None = None
    micro_sandbox_config: dict[str, Any] | None = None


FUNCTION: Final = frozenset(FunctionFields.__struct_encode_fields__)


class DeployOptions(FunctionOptions, total=False):
    """Options of ``fc_local.deploy``: those of ``client.create_function``.

    ``extra`` has further fields, spelled as the service spells them; they win.
    """

    runtime: str
    handler: str
    extra: Mapping[str, Any]


def of_options(options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of CreateFunction that :class:`DeployOptions` set.

    Fields that are spelled as the service spells them are accepted with a DeprecationWarning.

    Args:
        options: The options.
        where: The name of the call, for the message.

    Raises:
        TypeError: A name is unknown, in nested objects too; the message suggests the nearest one.
    """
    option_names = DeployOptions.__annotations__
    body: dict[str, Any] = {}
    for name, value in options.items():
        if name in option_names:
            if name == "extra":
                body |= value
            else:
                body[wire_name(name)] = value
        elif name in FUNCTION:
            # The fixture took only this spelling, memorySize, before it took the SDK's options.
            options_by_field = {wire_name(option): option for option in option_names}
            option = options_by_field.get(name, "extra")
            warnings.warn(f"{where}: use {option}= for {name}", DeprecationWarning, stacklevel=3)
            body[name] = value
        else:
            raise _unknown(name, option_names, where)
    # The service ignores such names: a misspelled setting would have no effect, and no message.
    check_names(body, FunctionFields, where)
    document: dict[str, Any] = msgspec.to_builtins(body)
    return document


def check_names(
    body: Mapping[str, Any],
    fields: type,
    where: str,
) -> None:
    """Refuse names that the service would ignore, in nested objects too.

    Args:
        body: A request body, or a part of it.
        fields: One of the classes above.
        where: The name of the body, for the message.

    Raises:
        TypeError: A name is unknown; the message suggests the nearest one.
    """
    member_types = _members(fields) or {}
    for name, value in body.items():
        if name not in member_types:
            raise _unknown(name, member_types, where)
        if not isinstance(value, Mapping):
            continue
        # The object is the type itself, or a member of a union with None.
        member_type = member_types[name]
        for kind in (member_type, *typing.get_args(member_type)):
            if _members(kind) is not None:
                check_names(value, kind, f"{where}.{name}")


def _members(kind: Any) -> Mapping[str, Any] | None:
    """Return the names and types of an object, None for any other type."""
    if typing.is_typeddict(kind):
        return typing.get_type_hints(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    return None


def _unknown(
    name: object,
    names: Iterable[str],
    where: str,
) -> TypeError:
    # Compared without case and underscores: memory_size is how Python users write memorySize.
    names_by_letters = {_letters(field): field for field in names}
    near = difflib.get_close_matches(_letters(str(name)), names_by_letters, n=1)
    if near:
        hint = f"did you mean {names_by_letters[near[0]]!r}?"
    else:
        hint = f"known are {', '.join(sorted(names))}"
    return TypeError(f"{where} has an unknown name {name!r}: {hint}")


def _letters(name: str) -> str:
    return name.replace("_", "").lower()
