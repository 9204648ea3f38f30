# SPDX-License-Identifier: MIT
"""Rules about a function's props, beside ``asyncInvokeConfig``: keys, values, the start file.

Invariants:

- Good props cost one conversion. The library ``jsonschema`` is imported for the first template that
  fails, to find the place and the reason of each error.
- A value with a ``${…}`` counts as right, and a null as not set.
- No message has the value of a key that takes a string: it may be a password.
"""

from __future__ import annotations

import functools
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from fc_async_plugin.check.rules import props_schema
from fc_async_plugin.check.rules.form import fc2_block, like_block, nearest, type_fix, unknown_key
from fc_async_plugin.check.rules.rule import RELATED, Found, Related, rule
from fc_async_plugin.check.rules.triggers import written_triggers
from fc_async_plugin.project.code import DEFAULT_HANDLER, start_problem
from fc_async_plugin.s_yaml import edition1, javascript
from fc_async_plugin.s_yaml.model import is_of_fc2, is_unresolved
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import function_settings, http_trigger, regions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from fc_async_plugin.check.rules.context import Context
    from fc_async_plugin.check.rules.rule import Severity
    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_plugin.s_yaml.problems import Path, Position

_Error = Any
"""A ``jsonschema.ValidationError``: the library has no types."""
_EXPECTED: Final = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "string": "a string",
}
_TYPO: Final = 0.8
"""Likeness from which on an unknown key is a typo. The next version of fc3 may have other keys."""

_ALIKE: Final = 0.7
"""Likeness from which on a known key is offered in place of an unknown one."""
_FC2: Final = {
    "service": "its role, logConfig, vpcConfig and nasConfig in props",
    "function": "its keys in props, name as functionName and codeUri as code",
    "codeUri": "code",
    "ossBucket": "code.ossBucketName",
    "ossKey": "code.ossObjectName",
    "instanceType": "gpuConfig.gpuType, or nothing without a GPU",
    "gpuMemorySize": "gpuConfig.gpuMemorySize",
    "caPort": "customRuntimeConfig.port, or customContainerConfig.port",
    "customHealthCheckConfig": "healthCheckConfig under customRuntimeConfig",
    "initializer": "instanceLifecycleConfig.initializer.handler",
    "initializationTimeout": "instanceLifecycleConfig.initializer.timeout",
    "customDomains": "customDomain, or a resource with component: fc3-domain",
}
"""Keys of the component of FC 2.0, and what FC 3.0 has for them."""
_FC2_REQUIRED: Final = {
    "function": "runtime",
    **dict.fromkeys(("codeUri", "ossBucket", "ossKey"), "code"),
}
"""Those in place of which FC 3.0 requires another key: without it, no function is made."""


@rule("FCA016", "invalid-props", "error")
def invalid(context: Context) -> Iterator[Found]:
    """A key or value of props that a function doesn't have.

    Settings such as timeout and runtime; a key that resembles no known one is a warning, and so is
    a region that is not known to have Function Compute.
    """
    yield from _unknown_regions(context)
    for resource in context.functions:
        # Its props are those of FC 2.0, as they were read: fc3's schema is not for them.
        if is_of_fc2(resource):
            continue
        settled = _settled(resource.props)
        kind_of_props = props_schema.PROPS
        if function_settings.GPU in settled:
            kind_of_props = props_schema.PROPS_ON_A_GPU
        yield from _findings(resource, (), settled, kind_of_props)
        yield from _sizes(resource, settled)
        yield from _variables(resource, settled.get("environmentVariables"))
        yield from _absent(resource)
        yield from _trigger_configs(resource, settled.get("triggers"))
    for http in written_triggers(context, http_trigger.TYPE):
        if isinstance(http.config, dict) and "methods" not in http.config:
            text = f"HTTP trigger {http.name} has no methods, without which it takes no request"
            fix = f"write methods in triggerConfig: some of {', '.join(http_trigger.METHODS)}"
            yield Found(text, http.where("triggerConfig"), fix)


def _trigger_configs(resource: Resource, triggers: object) -> Iterator[Found]:
    """Yield findings for ``triggerConfig`` of the types that are known here."""
    if not isinstance(triggers, list):
        return
    for index, trigger in enumerate(triggers):
        if not isinstance(trigger, dict):
            continue
        config = trigger.get("triggerConfig")
        type_of_config = props_schema.TRIGGER_CONFIGS.get(str(trigger.get("triggerType")))
        if type_of_config is not None and isinstance(config, dict):
            path = ("triggers", index, "triggerConfig")
            yield from _findings(resource, path, config, type_of_config)


def _unknown_regions(context: Context) -> Iterator[Found]:
    """Yield one finding for each region that is not known, at the first function that names it."""
    positions: dict[str, list[Position]] = {}
    for resource in context.functions:
        region = resource.props.get("region")
        if not isinstance(region, str) or is_unresolved(region) or is_of_fc2(resource):
            continue
        if region not in regions.ALL and props_schema.REGION.fullmatch(region):
            positions.setdefault(region, []).append(resource.where("region"))
    # A warning, because the list has a date and the service adds regions. Before there was a
    # finding, cn-hangzou ended as an error of DNS in the deployment.
    for region, (first, *later) in positions.items():
        near = regions.nearest(region)
        yield Found(
            f"region {shorten(region)} is not known to have Function Compute, as of"
            f" {regions.ALL_AS_OF}",
            first,
            f"did you mean {near}?" if near else f"known: {', '.join(sorted(regions.ALL))}",
            tuple(Related(other, "here too") for other in dict.fromkeys(later[:RELATED])),
            severity="warning",
        )


def _sizes(resource: Resource, settings: dict[str, Any]) -> Iterator[Found]:
    """Yield a finding if the vCPU, of which the type says the range only, is refused."""
    problem = function_settings.wrong_sizes(settings)
    if problem is not None:
        yield Found(str(problem), resource.where("cpu"), problem.fix)


def _variables(resource: Resource, variables: object) -> Iterator[Found]:
    """Yield findings for names of variables and their size, which the types do not check."""
    if not isinstance(variables, dict):
        return
    # A null has no type to check, but a deployment sends it, as s does: as the text "null".
    nulls = {str(name): None for name, value in resource.variables.items() if value is None}
    variables = {**variables, **nulls}
    for name in variables:
        problem = function_settings.wrong_variable_name(name)
        if problem is not None:
            yield Found(str(problem), resource.where_key(*problem.path), problem.fix)
    texts = {name: javascript.to_text(value) for name, value in variables.items()}
    too_many = function_settings.wrong_size(texts)
    if too_many is not None:
        yield Found(str(too_many), resource.where(*too_many.path), too_many.fix)


def _absent(resource: Resource) -> Iterator[Found]:
    """Yield a finding if a function that is made here lacks a setting.

    A resource without code may configure a function that exists already.
    """
    props = resource.props
    if not props.get("runtime") or not (props.get("code") or props.get("customContainerConfig")):
        return
    # A deployment sends the usual handler where the template has none.
    handler = props.get("handler") or DEFAULT_HANDLER
    absent = function_settings.missing({**props, "handler": handler})
    if absent is None:
        return
    setting, _, inside = absent.partition(".")
    where = resource.where(setting) if inside and props.get(setting) else resource.position
    message = (
        f"{absent} is missing, without which Function Compute makes no {props['runtime']} function"
    )
    yield Found(message, where, f"add {absent}")


def _settled(value: Any) -> Any:
    """Return a value without nulls and without what is known only after a deployment."""
    if isinstance(value, dict):
        return {str(key): _settled(inner) for key, inner in value.items() if _is_settled(inner)}
    if isinstance(value, list):
        return [_settled(item) for item in value]
    return value


def _is_settled(value: object) -> bool:
    """Return whether a value is checked; without its items, the places in a list would move."""
    if isinstance(value, list):
        return not any(map(is_unresolved, value))
    return value is not None and not is_unresolved(value)


@functools.cache
def _validator(kind: type) -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 -- good templates do without it

    return Draft202012Validator(props_schema.schema(kind))


def _findings(
    resource: Resource, parent: Path, values: dict[str, Any], kind: type
) -> Iterator[Found]:
    """Yield one finding for each place in a mapping that is wrong, and for each unknown key."""
    if props_schema.fits(values, kind):
        return
    # best_match would descend into alternatives that are for another kind of value.
    from jsonschema.exceptions import relevance  # noqa: PLC0415 -- as above

    by_place: dict[Path, list[_Error]] = {}
    for error in map(_inner, _validator(kind).iter_errors(values)):
        by_place.setdefault((*parent, *error.absolute_path), []).append(error)
    for path, errors in by_place.items():
        best = max(errors, key=relevance)
        # Of several errors at one place the most relevant one: the others follow from it.
        if best.validator == "additionalProperties":
            yield from _unknown(resource, path, best)
        else:
            yield _refused(resource, path, best)


def _inner(error: _Error) -> _Error:
    """Return the error inside of alternatives, if one of them is for this kind of value."""
    for alternative in error.context or ():
        if alternative.relative_path or alternative.validator == "additionalProperties":
            return _inner(alternative)
    return error


def _unknown(resource: Resource, path: Path, error: _Error) -> Iterator[Found]:
    """Yield one finding for each key of a mapping that is not known."""
    known_keys = error.schema["properties"]
    worded_elsewhere: set[str] = set()
    if not path:
        worded_elsewhere = {*like_block(error.instance), *fc2_block(resource)[:1]}
    for key in error.instance:
        if key not in known_keys and key not in worded_elsewhere:
            yield _unknown_key(resource, path, key, error)


def _unknown_key(resource: Resource, path: Path, key: str, error: _Error) -> Found:
    known_keys = error.schema["properties"]
    of_fc2 = _keys_of_fc2(path, known_keys)
    if key in of_fc2:
        is_required = key in _FC2_REQUIRED and _FC2_REQUIRED[key] not in error.instance
        severity: Severity = "error" if path or is_required else "warning"
        message = f"{shorten(key)} is a key of FC 2.0, which FC 3.0 ignores"
        position = resource.where_key(*path, key)
        return Found(message, position, f"write {of_fc2[key]}", severity=severity)
    runtime = resource.props.get("runtime")
    owner = props_schema.owner_of(key, inside=bool(path), runtime=runtime)
    if owner:
        return unknown_key(resource, path, key, (), f"write it under {owner}", "warning")
    if nearest(key, known_keys, _TYPO):
        return unknown_key(resource, path, key, known_keys)
    # A later fc3 may have a key that only resembles a known one: no deployment is stopped by it.
    if path or nearest(key, known_keys, _ALIKE):
        return unknown_key(resource, path, key, known_keys, severity="warning")
    fix = "remove it; if a fc3 after 0.1.22 has it, suppress this finding"
    return unknown_key(resource, path, key, (), fix, "warning")


def _keys_of_fc2(path: Path, known_keys: Collection[str]) -> Mapping[str, str]:
    """Return the keys of FC 2.0 for a mapping, and what FC 3.0 has for them."""
    if "triggerName" in known_keys:
        return edition1.TRIGGER_KEYS
    return {} if path else _FC2


def _refused(resource: Resource, path: Path, error: _Error) -> Found:
    expected = error.schema.get("description") or _EXPECTED[error.validator_value]
    if error.validator == "type" and error.validator_value == "string":
        # A number in place of a text lacks quotes only, whatever else the text must be.
        expected = _EXPECTED["string"]
    shown = _shown(path, error, expected)
    got = f", got {shown}" if shown else ""
    return Found(
        f"{'.'.join(map(str, path))} must be {expected}{got}",
        resource.where(*path),
        _fix(error, expected),
    )


def _shown(path: Path, error: _Error, expected: str) -> str:
    """Return the value for the message; "" for a text that may be a password."""
    value = error.instance
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if expected == _EXPECTED["string"]:
        return "true or false" if isinstance(value, bool) else "a number"
    if isinstance(value, str) and path[0] in function_settings.SECRET:
        return ""
    if error.validator == "maxLength":
        return f"{len(value)} characters"
    return shorten(value)


def _fix(error: _Error, expected: str) -> str:
    value = error.instance
    limit = error.validator_value
    match error.validator:
        case "enum":
            near = get_close_matches(str(value), map(str, limit), 1)
            return f"did you mean {near[0]}?" if near else f"known: {', '.join(map(str, limit))}"
        case "minimum" | "maximum":
            return f"write {limit}"
        case "multipleOf":
            # Rounded up: a smaller memory could be too small for the function.
            return f"write {-(-value // limit) * limit:.0f}"
    if expected == _EXPECTED["string"] and not isinstance(value, dict | list):
        return "put it in quotes"
    return type_fix(value, expected)


@rule("FCA019", "bootstrap-does-not-start", "error")
def does_not_start(context: Context) -> Iterator[Found]:
    """A start file that Linux cannot start.

    Looks at the mode and the first line of a file that exists: a build may make it.
    """
    for project in context.projects:
        for resource in project.functions:
            problem = start_problem(project, resource)
            # A missing file is a lack of this machine, which a build may make (lacks.start_file).
            if problem and not problem.missing:
                yield Found(problem.message, resource.where(*problem.path), problem.fix)
