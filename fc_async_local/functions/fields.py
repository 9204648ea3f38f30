# SPDX-License-Identifier: MIT
"""The fields of CreateFunction and PutAsyncInvokeConfig, for type checkers and at run time.

The service ignores names that it does not know; :func:`check_names` refuses them.
"""

from __future__ import annotations

import difflib
import typing
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

import msgspec

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


class HealthCheckFields(TypedDict, total=False):
    """The health check of a custom runtime. Times in seconds."""

    httpGetUrl: str
    initialDelaySeconds: int
    periodSeconds: int
    timeoutSeconds: int
    failureThreshold: int
    successThreshold: int


class CustomRuntimeFields(TypedDict, total=False):
    """The start of a custom runtime."""

    command: Sequence[str]
    args: Sequence[str]
    port: int
    healthCheckConfig: HealthCheckFields


class HookFields(TypedDict, total=False):
    """One hook. ``timeout`` in seconds."""

    handler: str
    timeout: int
    command: Sequence[str]


class LifecycleFields(TypedDict, total=False):
    """Hooks of an instance."""

    initializer: HookFields
    preStop: HookFields


class FunctionFields(TypedDict, total=False):
    """CreateFunctionInput without ``functionName``, ``code`` and ``tags``."""

    runtime: str
    handler: str
    cpu: float
    memorySize: int
    diskSize: int
    timeout: int
    environmentVariables: Mapping[str, str]
    instanceConcurrency: int
    description: str
    role: str
    internetAccess: bool
    layers: Sequence[str]
    logConfig: Mapping[str, Any]
    instanceLifecycleConfig: LifecycleFields
    customRuntimeConfig: CustomRuntimeFields
    customContainerConfig: Mapping[str, Any]
    vpcConfig: Mapping[str, Any]
    nasConfig: Mapping[str, Any]
    ossMountConfig: Mapping[str, Any]
    gpuConfig: Mapping[str, Any]
    tracingConfig: Mapping[str, Any]
    customDNS: Mapping[str, Any]
    disableOndemand: bool
    disableInjectCredentials: str
    idleTimeout: int
    sessionAffinity: str
    sessionAffinityConfig: str
    instanceIsolationMode: str
    enableLongLiving: bool
    resourceGroupId: str
    juiceFsConfig: Mapping[str, Any]
    polarFsConfig: Mapping[str, Any]
    microSandboxConfig: Mapping[str, Any]


FUNCTION: typing.Final = frozenset(FunctionFields.__annotations__)


class DeployOptions(FunctionOptions, total=False):
    """What ``fc_local.deploy`` takes: the options of ``client.create_function``.

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
    known = DeployOptions.__annotations__
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name in known:
            found |= value if name == "extra" else {wire_name(name): value}
        elif name in FUNCTION:
            near = next((option for option in known if wire_name(option) == name), "extra")
            warnings.warn(f"{where}: use {near}= for {name}", DeprecationWarning, stacklevel=3)
            found[name] = value
        else:
            raise _unknown(name, known, where)
    check_names(found, FunctionFields, where)
    document: dict[str, Any] = msgspec.to_builtins(found)
    return document


def check_names(given: Mapping[str, Any], fields: type, where: str) -> None:
    """Refuse names that the service would ignore, in nested objects too.

    Args:
        given: A request body, or a part of it.
        fields: One of the classes above.
        where: The name of the body, for the message.

    Raises:
        TypeError: A name is unknown; the message suggests the nearest one.
    """
    known = typing.get_type_hints(fields)
    for name, value in given.items():
        if name not in known:
            raise _unknown(name, known, where)
        if typing.is_typeddict(known[name]) and isinstance(value, Mapping):
            check_names(value, known[name], f"{where}.{name}")


def _unknown(name: object, known: Iterable[str], where: str) -> TypeError:
    plain = {one.replace("_", "").lower(): one for one in known}
    near = difflib.get_close_matches(str(name).replace("_", "").lower(), plain, 1, 0.6)
    hint = f"did you mean {plain[near[0]]!r}?" if near else f"known are {', '.join(sorted(known))}"
    return TypeError(f"{where} has an unknown name {name!r}: {hint}")
