# SPDX-License-Identifier: MIT
"""Converts the ``asyncInvokeConfig`` of a resource into the object that the API takes.

Pure. Rules, plan and graph use the same function, so that they agree about what a template asks
for. Rules check the values; a value of a wrong type is an error here only because it cannot become
an API object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_plugin.template import nodes
from fc_async_plugin.template.problems import failure
from fc_async_plugin.template.reading import component_name, names_function
from fc_async_sdk._claims import VARIABLE
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import async_config, limits
from fc_async_sdk.spec.async_config import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.template.model import Resource
    from fc_async_plugin.template.problems import Path, TemplateError

BLOCK: Final = nodes.BLOCK


class Desired(NamedTuple):
    """One asynchronous configuration that a template asks for.

    Attributes:
        qualifier: Version or alias, ``LATEST`` if none is named.
        config: The settings of the template; settings that it does not have are None.
    """

    qualifier: str
    config: AsyncConfig


def is_function(resource: Resource) -> bool:
    """Return whether a resource describes a function: its component is fc3, fc-async or FC 2.0's.

    ``fc3@0.1.22`` and a path that ends in ``fc-async`` count too.
    """
    return names_function(resource.component)


def makes_function(resource: Resource) -> bool:
    """Return whether ``s`` creates the function of a resource: its component is fc3."""
    return component_name(resource.component) == "fc3"


def is_of_fc2(resource: Resource) -> bool:
    """Return whether a function was read from a template of edition 1.0.0."""
    return resource.component == nodes.FC2


def desired(resource: Resource) -> Desired | None:
    """Return the configuration that a resource asks for.

    Returns:
        None if there is no ``asyncInvokeConfig`` or it is empty, which asks for nothing.

    Raises:
        TemplateError: A value has a type that the API does not take.
    """
    block = resource.props.get(BLOCK)
    if not is_function(resource) or block is None or block == {}:
        return None
    if not isinstance(block, dict):
        raise _wrong_type(resource, (BLOCK,), block, "a mapping")
    config = {key: value for key, value in block.items() if key != "qualifier"}
    qualifier = block.get("qualifier")
    if qualifier is not None and not isinstance(qualifier, str):
        if type(qualifier) is not int:
            raise _wrong_type(resource, (BLOCK, "qualifier"), qualifier, "a string")
        qualifier = str(qualifier)  # an unquoted version number
    for one in async_config.check(config):
        if one.what == "wrong-type":
            raise _wrong_type(resource, (BLOCK, *one.path), one.value, one.expected)
    named = {
        outcome: {"destination": text}
        for outcome, _ in OUTCOMES
        if (text := resource.at(*destination_path(outcome)))
    }
    known = {key: config.get(key) for key in async_config.FIELDS}
    found = msgspec.convert(known | {"destinationConfig": named or None}, AsyncConfig)
    return Desired(qualifier or limits.DEFAULT_QUALIFIER, found)


def destination_path(outcome: str) -> Path:
    """Return the path of the destination of an outcome, from props down."""
    return (BLOCK, "destinationConfig", outcome, "destination")


def bucket_of_payloads(resource: Resource) -> str:
    """Return the bucket in which a function keeps large payloads, "" if none is named."""
    found = resource.at("environmentVariables", VARIABLE)
    bucket = found.removeprefix("oss://") if isinstance(found, str) else found
    return bucket if isinstance(bucket, str) and bucket != found and bucket.isascii() else ""


def is_unresolved(value: object) -> bool:
    """Return whether a value is a string with a ``${…}`` that only ``s deploy`` resolves."""
    return isinstance(value, str) and "${" in value


def unresolved_in(value: object, *path: str | int) -> Iterator[tuple[Path, str]]:
    """Yield the strings in a value, at any depth, that only ``s deploy`` resolves.

    Args:
        value: A value of a template.
        path: Where it is, from props down.

    Yields:
        The path of a string, and the string.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from unresolved_in(inner, *path, key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from unresolved_in(inner, *path, index)
    elif isinstance(value, str) and is_unresolved(value):
        yield path, value


def refuse_unresolved(resource: Resource, value: object, *path: str | int) -> None:
    """Refuse a value that is known only after ``s deploy`` has run.

    Raises:
        TemplateError: There is one, with its place.
    """
    for where, text in unresolved_in(value, *path):
        raise unresolved(resource, where, text)


def unresolved(resource: Resource, path: Path, value: object) -> TemplateError:
    """Return the error of a value that is needed now and known only later."""
    return failure(
        resource.where(*path),
        f"{value!r} is known only after s deploy has run",
        "write the value out",
        kind="variable",
    )


def _wrong_type(resource: Resource, path: Path, value: object, expected: str) -> TemplateError:
    if is_unresolved(value):
        return unresolved(resource, path, value)
    name = ".".join(str(key) for key in path)
    return failure(
        resource.where(*path), f"{name} of {resource.name!r} is {value!r}, expected {expected}"
    )
