# SPDX-License-Identifier: MIT
"""Converts what a template attaches to a function: triggers and concurrency; names the rest.

On this machine a function runs without what only ``s deploy`` makes or knows; :func:`here` leaves
that out and :func:`omitted` names it.

Pure. ``triggerConfig`` is an object in a template and in steps; the SDK makes the JSON text of it
that the API takes.
"""

from __future__ import annotations

import copy
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin.project.lack import Lack, told
from fc_async_plugin.s_yaml.model import BLOCK, is_function, unresolved, unresolved_in
from fc_async_plugin.s_yaml.problems import TemplateError, failure
from fc_async_sdk.models import FunctionSettings
from fc_async_sdk.spec import limits, runtimes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from fc_async_plugin.project.state import Documents
    from fc_async_plugin.s_yaml.model import Project, Resource
    from fc_async_plugin.s_yaml.problems import Path, Place

    Refuse = Callable[[Resource, TemplateError], None]
    """Is called with a function and the error of what is left out of it, or of itself."""

SETTINGS: Final = tuple(
    sorted({*(field.encode_name for field in msgspec.structs.fields(FunctionSettings)), "layers"})
)
"""Props that CreateFunction and UpdateFunction take unchanged."""
TRIGGERS: Final = "triggers"
CONCURRENCY: Final = "concurrencyConfig"
_DEPLOYED: Final = frozenset(
    {*SETTINGS, BLOCK, CONCURRENCY, TRIGGERS, "code", "endpoint", "functionName", "region"}
)
_BY_S: Final = frozenset(
    {
        *("annotations", "buildDir", "customDomain", "disableInjectCredentials"),
        *("enableLongLiving", "juiceFsConfig", "microSandboxConfig", "polarFsConfig"),
        *("provisionConfig", "resourceGroupId", "scalingConfig", "sessionAffinityConfig"),
        *("supplement", "tags", "vpcBinding"),
    }
)
"""Props that fc3 0.1.22 knows and that only `s deploy` acts on."""
_NEEDED: Final = frozenset({"runtime", "handler"})
"""Settings without which a function does not run."""
_DEPTHS: Final = {"environmentVariables": 2, "layers": 2, BLOCK: 4}
"""Number of keys that lead to what is left out if only ``s`` resolves it: one variable, one layer,
one destination. Other settings are left out as a whole."""
_TEXTS: Final = ("sourceArn", "invocationRole", "description")
_RUN_HERE: Final = runtimes.PYTHON | runtimes.NODE | runtimes.CUSTOM | {runtimes.CONTAINER}
_JOINED: Final = ("tokenLookup", "claimPassBy")
"""Lists of ``authConfig`` that the API takes as a text; the component fc3 joins them, too."""


def triggers(
    resource: Resource,
    *,
    local: bool,
    refuse: Refuse | None = None,
) -> Documents:
    """Return the triggers of a function by name.

    Args:
        resource: The function.
        local: Whether it runs on this machine. Triggers with a ``${…}`` that only ``s`` resolves
            are then left out, and :func:`omitted` names them.
        refuse: Called with the function and the error of a trigger that cannot be sent, which is
            then left out; None: it is an error.

    Raises:
        TemplateError: A trigger cannot be sent, or two have one name.
    """
    documents: Documents = {}
    for index, trigger in enumerate(_listed(resource)):
        later = next(unresolved_in(trigger, TRIGGERS, index), None)
        if local and later:
            continue
        try:
            if later:
                raise unresolved(resource, *later)
            document = _trigger(resource, index, trigger)
            name = str(trigger["triggerName"])
            if name in documents:
                raise failure(
                    resource.where(TRIGGERS, index),
                    f"{resource.name!r} has two triggers with the name {name!r}",
                    "give each its own name",
                )
            documents[name] = document
        except TemplateError as error:
            # One trigger with an error must not leave out its function, which others may call.
            if refuse is None:
                raise
            refuse(resource, error)
    return documents


def with_triggers(resource: Resource, indices: Sequence[int]) -> Resource:
    """Return a function with some of its triggers, which know where they are written."""

    def places(path: Path) -> list[Place]:
        match path:
            case (name, int(index), *rest) if name == TRIGGERS:
                return resource.places((TRIGGERS, indices[index], *rest))
        return resource.places(path)

    listed = resource.props[TRIGGERS]
    chosen = resource.props | {TRIGGERS: [listed[index] for index in indices]}
    return msgspec.structs.replace(resource, props=chosen, places=places)


def here(resource: Resource) -> Resource:
    """Return a function without the settings that only a deployment by ``s`` makes or knows."""
    props = copy.deepcopy(resource.props)
    for *above, key in _only_by_s(resource):
        inner: Any = props
        for name in above:
            inner = inner[name]
        del inner[key]
    return msgspec.structs.replace(resource, props=props)


def _only_by_s(resource: Resource) -> dict[Path, str]:
    """Return the places in a function that :func:`here` leaves out, and why; last items first."""
    reasons: dict[Path, str] = {}
    for name in (*SETTINGS, BLOCK, CONCURRENCY):
        value = resource.props.get(name)
        if name in _NEEDED:
            continue
        if value == "auto":
            reasons[name,] = "auto makes other resources"
        for path, text in unresolved_in(value, name):
            later = f"{text} is known only afterwards"
            if (name, text) == ("role", f"${{resources.{resource.name}.output}}"):
                later = "the mapping describes one to make"  # of a template of edition 1.0.0
            reasons.setdefault(path[: _DEPTHS.get(name, 1)], later)
    return dict(reversed(reasons.items()))


def concurrency(resource: Resource) -> Documents:
    """Return the concurrency configuration of a function by the name "", empty if it has none.

    Raises:
        TemplateError: It is not ``reservedConcurrency`` with a whole number.
    """
    block = resource.props.get(CONCURRENCY)
    if block is None or block == {}:
        return {}
    count = block.get("reservedConcurrency") if isinstance(block, dict) else None
    # A bool is an int as well: true would reserve one instance.
    if type(count) is not int or set(block) != {"reservedConcurrency"}:
        raise failure(
            resource.where(CONCURRENCY),
            f"{CONCURRENCY} of {resource.name!r} is {block!r}",
            "write reservedConcurrency with a whole number, nothing else",
        )
    return {"": {"reservedConcurrency": count}}


def omitted(project: Project, only: Collection[str], *, local: bool) -> Iterator[str]:
    """Yield what a deployment of functions leaves out or cannot compare, one sentence each."""
    # A sentence for each: without them, deploy left out triggers and then said "nothing to do".
    yield from map(str, told(unset(project)))
    yield from _left_out(project)
    chosen = [resource for resource in project.resources if not only or resource.name in only]
    for resource in filter(is_function, chosen):
        yield from _not_compared(resource)
        if local:
            yield from _known_later(resource)
    resources_by_name: dict[str, list[str]] = {}
    for resource in chosen:
        for name in _not_deployed(resource):
            resources_by_name.setdefault(name, []).append(resource.name)
    for name, resources in sorted(resources_by_name.items()):
        functions = ", ".join(resources)
        if name in _BY_S or name.startswith("component "):
            yield f"not deployed by fc-async: {name} of {functions} (use s deploy)"
        else:
            yield f"ignored, by s deploy too: {name} of {functions} (see fc-async validate)"


def _left_out(project: Project) -> Iterator[str]:
    for name, problems in project.left_out.items():
        for problem in problems:
            yield f"not deployed: {name}: {problem}"


def _not_deployed(resource: Resource) -> Iterator[str]:
    """Yield the props of a resource that are not sent; of another component, that it is one."""
    if not is_function(resource):
        yield f"component {resource.component}"
        return
    for name, value in resource.props.items():
        is_empty = value is None or value in ({}, [])
        if name not in _DEPLOYED and not is_empty:
            yield name


def unset(project: Project) -> Iterator[Lack]:
    """Yield the variables for which a template that was read for this machine has no value."""
    file = project.file.rpartition("/")[2]
    remedy = (
        f"write NAME=VALUE into .env beside {file}, or name a file with fc-async dev --env-file "
        "(s needs a value, too)"
    )
    for name in project.unset:
        yield Lack("secret", name, f"{file} reads", "", remedy)


def not_run(project: Project, only: Collection[str]) -> Iterator[Lack]:
    """Yield the languages of functions that the local runtime accepts and cannot run."""
    for resource in project.functions:
        is_chosen = not only or resource.name in only
        if is_chosen and (lack := not_run_here(resource)):
            yield lack


def not_run_here(resource: Resource) -> Lack | None:
    """Return the language of a function that the local runtime cannot run."""
    runtime = resource.runtime
    where = str(resource.where("runtime"))
    remedy = f"fc-async dev --command {resource.name}='COMMAND' starts a program that serves HTTP"
    if runtime and runtime not in _RUN_HERE:
        use = f"{resource.function_name} runs on"
        return Lack("interpreter", runtime, use, where, remedy)
    return None


def _not_compared(resource: Resource) -> Iterator[str]:
    name = resource.at("code", "ossObjectName")
    if name is not None:
        address = f"oss://{resource.at('code', 'ossBucketName')}/{name}"
        yield f"not compared by fc-async: code of {resource.name} in {address} (use s deploy)"


def _known_later(resource: Resource) -> Iterator[str]:
    for path, reason in reversed(_only_by_s(resource).items()):
        name = ".".join(map(str, path))
        yield f"left out here: {name} of {resource.name} ({reason}; s deploy does that)"
    for trigger in _listed(resource):
        for _, text in islice(unresolved_in(trigger), 1):
            yield (
                f"not deployed by fc-async: trigger {trigger.get('triggerName')} of {resource.name}"
                f" ({text} is known only after s deploy has run)"
            )


def _listed(resource: Resource) -> list[dict[str, Any]]:
    listed = resource.props.get(TRIGGERS)
    if listed is None:
        return []
    if not isinstance(listed, list) or not all(isinstance(trigger, dict) for trigger in listed):
        raise failure(
            resource.where(TRIGGERS), f"{TRIGGERS} of {resource.name!r} is not a list of mappings"
        )
    return listed


def _trigger(resource: Resource, index: int, trigger: dict[str, Any]) -> dict[str, Any]:
    config = trigger.get("triggerConfig") or {}
    for name in ("triggerName", "triggerType"):
        if not trigger.get(name) or not isinstance(trigger[name], str):
            raise failure(
                resource.where(TRIGGERS, index),
                f"a trigger of {resource.name!r} has no {name}",
                "add it",
            )
    if not isinstance(config, dict):
        raise failure(
            resource.where(TRIGGERS, index, "triggerConfig"),
            f"triggerConfig of {trigger['triggerName']!r} is not a mapping",
        )
    return {
        "triggerType": trigger["triggerType"],
        "triggerConfig": _config(config),
        "qualifier": str(trigger.get("qualifier") or limits.DEFAULT_QUALIFIER),
        **{name: str(trigger[name]) for name in _TEXTS if trigger.get(name)},
    }


def _config(config: dict[str, Any]) -> dict[str, Any]:
    auth = config.get("authConfig")
    if not isinstance(auth, dict):
        return config
    joined = {
        name: ",".join(map(str, auth[name])) for name in _JOINED if isinstance(auth.get(name), list)
    }
    return config | {"authConfig": auth | joined}
