# SPDX-License-Identifier: MIT
"""The fourth pass: the project that rules, plan and graph read; what its resources ask for. Pure.

Rules check the values of a block; a value of a wrong type is an error here only because it cannot
become an object of the API.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_plugin.s_yaml import actions, compatibility, nodes
from fc_async_plugin.s_yaml.actions import Build
from fc_async_plugin.s_yaml.problems import Path, Place, Position, Problem, failure
from fc_async_plugin.s_yaml.provenance import masked
from fc_async_plugin.s_yaml.reading import Suppression, component_name, names_function
from fc_async_plugin.s_yaml.resolving import ENVIRONMENT
from fc_async_sdk._payloads.claims import VARIABLE
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import async_config, limits
from fc_async_sdk.spec.async_config import OUTCOMES

if TYPE_CHECKING:
    from fc_async_plugin.s_yaml.problems import TemplateError
    from fc_async_plugin.s_yaml.resolving import Resolved, Values


BLOCK: Final = nodes.BLOCK


def value_at(document: Any, *path: str | int) -> Any:
    """Return the value at a path of keys in a document; None if the path leads to none."""
    value = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One entry under ``resources:``.

    Attributes:
        name: Its key.
        component: Such as ``fc3``.
        region: From props; "" if props has none.
        account_id: Of the access alias, or given on the command line; "" if unknown.
        function_name: Its ``functionName``; its key if it has none.
        props: Its props, as plain values.
        places: Returns where the values on a path were written, as far as the path leads.
        position: Where the resource's key was written.
        unset: Props that were left out because an environment variable has no value.
        requirements: File that an image installs; "": ``requirements.txt`` of the code.
        packages: Requirements in Python that an image installs by their names.
        sources: As of :class:`Project`.
    """

    name: str
    component: str
    region: str
    account_id: str
    function_name: str
    props: dict[str, Any]
    places: Callable[[Path], list[Place]]
    position: Position
    unset: frozenset[str] = frozenset()
    requirements: str = ""
    packages: tuple[str, ...] = ()
    sources: Mapping[str, str] = {}

    def at(self, *path: str | int) -> Any:
        """Return the value at a path of keys in the props; None if the path leads to none."""
        return value_at(self.props, *path)

    @property
    def runtime(self) -> str:
        """Its runtime, such as ``python3.10``; "" without one."""
        return str(self.props.get("runtime") or "")

    @property
    def variables(self) -> dict[str, Any]:
        """Its environment variables as they are written; {} for a value that is not a mapping."""
        variables = self.at(ENVIRONMENT)
        return variables if isinstance(variables, dict) else {}

    def each(self, *path: str | int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the mappings in the list at a path of keys, such as triggers, by their indices."""
        listed = self.at(*path)
        if not isinstance(listed, list):
            return
        for index, element in enumerate(listed):
            if isinstance(element, dict):
                yield index, element

    def where(self, *path: str | int) -> Position:
        """Return where a value was written, or its nearest parent that has a place."""
        positions = self.places(path)
        return positions[-1].value if positions else self.position

    def where_key(self, *path: str | int) -> Position:
        """Return where the key of a value was written, or what is nearest to it."""
        positions = self.places(path)
        if len(positions) < len(path):
            return self.where(*path)
        return positions[-1].key or positions[-1].value


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One template after reading.

    Attributes:
        file: The template.
        name: Its ``name``.
        access: The access alias that is used.
        resources: In the order of the file.
        files: All files that were read: the template, the file it extends, environments.
        notes: Places that ``s`` reads differently.
        suppressions: Comments that suppress findings.
        sources: Values from outside of the template that must not be shown, with the expressions
            that are shown instead.
        unset: Environment variables without a value, for which something was left out.
        unset_variables: Those of them of which nothing but ``environmentVariables`` has one.
        builds: Commands that ``s`` runs before a deployment.
        left_out: Resources that have problems, with these, of a template that was read for this
            machine.
    """

    file: str
    name: str
    access: str
    resources: tuple[Resource, ...]
    files: tuple[str, ...] = ()
    notes: tuple[Problem, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    sources: Mapping[str, str] = {}
    unset: tuple[str, ...] = ()
    unset_variables: tuple[str, ...] = ()
    builds: tuple[Build, ...] = ()
    left_out: Mapping[str, Sequence[Problem]] = {}

    @property
    def functions(self) -> list[Resource]:
        """The resources that describe functions; the others belong to ``s`` alone."""
        return [resource for resource in self.resources if is_function(resource)]

    def with_resources(self, resources: Iterable[Resource]) -> Project:
        """Return the project with other resources in place of its own."""
        return msgspec.structs.replace(self, resources=tuple(resources))


def project_of(resolved: Resolved) -> Project:
    """Return the project of a template: the fourth pass."""
    sources = resolved.merged.sources
    resolver = resolved.resolver
    resources = [_resource(resolved, name, values) for name, values in resolved.resources.items()]
    return Project(
        file=str(sources.template.file),
        name=resolved.name,
        access=resolved.access,
        resources=_with_account(tuple(resources)),
        files=sources.files,
        notes=tuple(_notes(resolved)),
        suppressions=sources.suppressions,
        sources=resolved.sources,
        unset=tuple(resolver.unset),
        unset_variables=_unset_variables(resolver.unset),
        builds=tuple(_builds(resolved)),
        left_out=resolver.left_out,
    )


def _notes(resolved: Resolved) -> Sequence[Problem]:
    """Return the places that ``s`` reads differently."""
    # s 3 does not read edition 1.0.0, so what s 3 reads differently does not matter.
    of_edition_1 = [problem for problem in resolved.notes if problem.kind == "edition"]
    if of_edition_1:
        return of_edition_1
    root = resolved.merged.root
    return [
        *resolved.notes,
        *compatibility.notes(root, resolved.scoped, resolved.resolver),
    ]


def _unset_variables(unset: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Return the variables that only ``environmentVariables`` lacks.

    Values of an example file may take the place of these. An example of a role or of a VPC would
    leave out a function that runs without it.

    Args:
        unset: The optional keys inside which each variable is.
    """
    # "" is of vars: what refers to them has a key of its own.
    return tuple(variable for variable, keys in unset.items() if keys - {""} == {ENVIRONMENT})


def _builds(resolved: Resolved) -> Iterator[Build]:
    return actions.builds(
        resolved.merged.root,
        {name: scoped.scope for name, scoped in resolved.scoped.items()},
        resolved.top,
        resolved.resolver,
        resolved.masking,
        resolved.merged.sources.template.file.parent,
    )


def _resource(resolved: Resolved, name: str, values: Values) -> Resource:
    props = values.props
    scoped = values.scoped
    resolver = resolved.resolver
    region = props.get("region")
    # dev leaves out a function's name if its variable has no value; the resource's key names it.
    function_name = props.get("functionName")
    return Resource(
        name=name,
        component=values.component,
        region=region if isinstance(region, str) else resolved.region,
        account_id=resolved.account_id or _account_of(props.get("role")),
        function_name=function_name if isinstance(function_name, str) else name,
        props=props,
        places=functools.partial(resolver.places, scoped.props, scoped.scope),
        position=scoped.position,
        unset=resolver.optional & (scoped.props.entries.keys() - props.keys()),
        sources=resolved.sources,
    )


_NO_NAME: Final = re.compile(r"\$\{[^}(]*[:{]")
"""Begins what no template resolves, such as ``${env:KEY}``: text in edition 1.0.0."""
_ROLE: Final = re.compile(r"acs:ram::(?P<account>\d+):role/")


def with_props(project: Project, props: Mapping[str, dict[str, Any]]) -> Project:
    """Return a project in which some resources, by name, have other props."""
    resources: list[Resource] = []
    for resource in project.resources:
        if resource.name in props:
            resource = msgspec.structs.replace(resource, props=props[resource.name])  # noqa: PLW2901
        resources.append(resource)
    return project.with_resources(resources)


def _with_account(resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """Return resources of which those without a role have the account that the others' roles name.

    All resources of a template belong to one account: the alias is the template's.
    """
    accounts = {resource.account_id for resource in resources} - {""}
    if len(accounts) != 1:
        return resources
    (account,) = accounts
    return tuple(msgspec.structs.replace(resource, account_id=account) for resource in resources)


def _account_of(role: object) -> str:
    """Return the account in a role's ARN, which is always the function's account."""
    match = _ROLE.match(role) if isinstance(role, str) else None
    return match["account"] if match else ""


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
    qualifier = _qualifier(resource, block.get("qualifier"))
    config = {key: value for key, value in block.items() if key != "qualifier"}
    for violation in async_config.check(config):
        if violation.kind == "wrong-type":
            path = (BLOCK, *violation.path)
            raise _wrong_type(resource, path, violation.value, violation.expected)
    settings = {key: config.get(key) for key in async_config.FIELDS}
    settings["destinationConfig"] = _destinations(resource) or None
    return Desired(qualifier, msgspec.convert(settings, AsyncConfig))


def _qualifier(resource: Resource, qualifier: object) -> str:
    """Return the version or alias that a block names.

    Raises:
        TemplateError: It is neither a string nor a version number.
    """
    if qualifier is None or isinstance(qualifier, str):
        return qualifier or limits.DEFAULT_QUALIFIER
    if type(qualifier) is int:  # an unquoted version number; a bool is an int as well
        return str(qualifier)
    raise _wrong_type(resource, (BLOCK, "qualifier"), qualifier, "a string")


def _destinations(resource: Resource) -> dict[str, dict[str, Any]]:
    """Return the destinations of a block by outcome; an empty one asks for none."""
    destinations: dict[str, dict[str, Any]] = {}
    for outcome, _ in OUTCOMES:
        target = resource.at(*destination_path(outcome))
        if target:
            destinations[outcome] = {"destination": target}
    return destinations


OWN_ACCOUNT: Final = re.compile(r"\$\{ *config\( *(['\"]?)AccountID\1 *\) *\}")
"""The expression of the account of the template, which stays as it is while that is not known."""


def destination_path(outcome: str) -> Path:
    """Return the path of the destination of an outcome, from props down."""
    return (BLOCK, "destinationConfig", outcome, "destination")


def bucket_of_payloads(resource: Resource) -> str:
    """Return the bucket in which a function keeps large payloads, "" if none is named."""
    url = resource.at("environmentVariables", VARIABLE)
    if not isinstance(url, str) or not url.isascii():
        return ""
    scheme, separator, bucket = url.partition("oss://")
    return bucket if separator and not scheme else ""


def is_unresolved(value: object) -> bool:
    """Return whether a value is a string with a ``${…}`` that only ``s deploy`` resolves."""
    if not isinstance(value, str) or "${" not in value:
        return False
    # ${env:KEY} is text, as in s: taken for a later value, it was left out of the variables.
    return "${" in _NO_NAME.sub("", value)


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
    shown = masked(repr(value), resource.sources)
    return failure(
        resource.where(*path), f"{name} of {resource.name!r} is {shown}, expected {expected}"
    )
