# SPDX-License-Identifier: MIT
"""Converts a template into the state that it asks for: configuration, and functions on request.

``props`` describes a function with the names of fc3. :mod:`.attached` knows which of them are names
of the API, and converts triggers and concurrency; ``s deploy`` does the rest (domains, ``auto``
parts). Reads code folders for their checksum, and sends no request.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.project import attached, layers
from fc_async_plugin.project.archive import code_of
from fc_async_plugin.project.state import Place, WantedFunction
from fc_async_plugin.s_yaml import javascript
from fc_async_plugin.s_yaml.model import (
    BLOCK,
    desired,
    refuse_unresolved,
)
from fc_async_plugin.s_yaml.problems import TemplateError, failure
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from fc_async_plugin.project.attached import Refuse
    from fc_async_plugin.project.state import Wanted
    from fc_async_plugin.s_yaml.model import Project, Resource
    from fc_async_sdk.models import AsyncConfig


def wanted(
    project: Project,
    *,
    functions: bool = False,
    only: Collection[str] = (),
    local: bool = False,
    refuse: Refuse | None = None,
) -> Wanted:
    """Return the state that a template asks for.

    Args:
        project: The template.
        functions: Include the functions themselves, with their code.
        only: Names of resources; empty: all of them.
        local: Whether the functions run on this machine, where layers can be folders and zips, and
            functions run without what only ``s deploy`` makes or knows.
        refuse: Called with a resource that cannot be sent, or has a trigger that cannot be sent,
            which is then left out; None: it is an error.

    Raises:
        TemplateError: A value cannot be sent, or two resources contradict each other.
        PluginError: A name in ``only`` is not a resource that is a function.
    """
    state: Wanted = {}
    check_names([project], only)
    for resource in project.functions:
        if only and resource.name not in only:
            continue
        try:
            address = _place(resource)
            function = _wanted(project, resource, functions=functions, local=local, refuse=refuse)
            if local:
                _refuse_second_region(resource, address, state)
            if address in state:
                function = _merged(resource, state[address], function)
            state[address] = function
        except TemplateError as error:
            if refuse is None:
                raise
            refuse(resource, error)
    return state


def check_names(projects: Sequence[Project], only: Iterable[str]) -> None:
    """Check that resources of some templates have these names.

    Raises:
        PluginError: No resource that is a function has one of the names.
    """
    functions = chain.from_iterable(project.functions for project in projects)
    names = [resource.name for resource in functions]
    # A mistyped name would deploy nothing, and say that nothing is to do.
    for name in only:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names) or 'none'}"
            files = ", ".join(project.file for project in projects)
            raise PluginError(f"{files} has no function under resources: {name}; {hint}")


def _place(resource: Resource) -> Place:
    if not resource.region:
        raise failure(
            resource.position,
            f"resource {resource.name!r} has no region",
            "add region: under props, or pass --region",
        )
    return Place(resource.region, resource.function_name)


def _refuse_second_region(resource: Resource, address: Place, state: Wanted) -> None:
    """Refuse a function whose name is taken: the local runtime is one region."""
    for other, first in state.items():
        if other.function == address.function and other.region != address.region:
            raise failure(
                resource.position,
                f"resource {resource.name!r} is {address.function} in {address.region}; here runs "
                f"that of {other.region} (first: {first.position})",
                "give it another functionName, or choose it with --resource",
            )


def _wanted(
    project: Project,
    resource: Resource,
    *,
    functions: bool,
    local: bool,
    refuse: Refuse | None,
) -> WantedFunction:
    resource = attached.here(resource) if local else resource
    names = (BLOCK, *attached.SETTINGS, attached.CONCURRENCY) if functions else (BLOCK,)
    for name in names:
        refuse_unresolved(resource, resource.props.get(name), name)
    block = desired(resource)
    configs: dict[str, AsyncConfig] = {}
    if block is not None:
        configs[block.qualifier] = block.config
    if not functions:
        return WantedFunction(configs=configs, position=resource.position)
    return WantedFunction(
        configs=configs,
        position=resource.position,
        settings=_settings(resource) | layers.with_references(project, resource, local=local),
        code=code_of(project, resource, local=local),
        triggers=attached.triggers(resource, local=local, refuse=refuse),
        concurrency=attached.concurrency(resource),
    )


_SHARED: Final = ("settings", "code", "concurrency")
"""Settings that two resources of one function must agree on."""


def _merged(resource: Resource, first: WantedFunction, second: WantedFunction) -> WantedFunction:
    """Merge two resources of one function, which have blocks of different qualifiers."""
    # A resource has one block: for the configurations of two qualifiers a template needs two.
    both = sorted(set(first.configs) & set(second.configs))
    if both:
        raise failure(
            resource.position,
            f"resource {resource.name!r} configures {resource.function_name} for qualifier "
            f"{both[0]} a second time (first: {first.position})",
            "keep one of the two blocks",
        )
    if any(getattr(first, name) != getattr(second, name) for name in _SHARED):
        raise failure(
            resource.position,
            f"resource {resource.name!r} describes the function {resource.function_name} in "
            f"another way than {first.position}",
            "give both the same props, or deploy without --with-functions",
        )
    triggers = {**(first.triggers or {}), **(second.triggers or {})}
    return msgspec.structs.replace(
        first,
        configs=first.configs | second.configs,
        triggers=None if first.triggers is None else triggers,
    )


def _settings(resource: Resource) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name in attached.SETTINGS:
        value = resource.props.get(name)
        if value is None:
            continue
        _refuse_auto(resource, value, name)
        # The service refuses the timeout 60.0, of which s makes 60.
        settings[name] = javascript.whole_numbers(value)
    # "Has no runtime (add it)" was said where inputs stood in place of props.
    if "runtime" not in settings:
        lacking = "runtime" if resource.props else "props"
        fix = "add it to props"
        if not resource.props:
            fix = "write its settings under props (fc-async validate names keys that are ignored)"
        raise failure(resource.position, f"resource {resource.name!r} has no {lacking}", fix)
    if "environmentVariables" in settings:
        settings["environmentVariables"] = _environment(resource)
    if isinstance(settings.get("role"), str):
        settings["role"] = _role(resource, settings["role"])
    return settings


def _refuse_auto(resource: Resource, value: Any, name: str) -> None:
    if value == "auto":
        raise failure(
            resource.where(name),
            f"{name}: auto of {resource.name!r} makes other resources, which only s deploy can",
            "write the values out, or leave the function to s deploy",
        )


def _environment(resource: Resource) -> dict[str, str]:
    variables = resource.props["environmentVariables"]
    if not isinstance(variables, dict):
        raise failure(
            resource.where("environmentVariables"),
            f"environmentVariables of {resource.name!r} is not a mapping",
        )
    for name, value in variables.items():
        if isinstance(value, dict | list):
            kind = "a list" if isinstance(value, list) else "a mapping"
            raise failure(
                resource.where("environmentVariables", str(name)),
                f"environmentVariables.{shorten(name)} must be a text, got {kind}",
            )
    # The environment has no numbers and booleans; s makes texts of them in JavaScript.
    return {str(name): javascript.to_text(value) for name, value in variables.items()}


def _role(resource: Resource, role: str) -> str:
    # s takes the name of a role, too; the API does not.
    if not role or role.startswith("acs:"):
        return role
    if not resource.account_id:
        raise failure(
            resource.where("role"),
            f"role {role!r} of {resource.name!r} is a name and the account is not known",
            "write its ARN, acs:ram::{account}:role/{name}, or pass --account-id",
        )
    return f"acs:ram::{resource.account_id}:role/{role}"
