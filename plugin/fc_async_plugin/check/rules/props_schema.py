# SPDX-License-Identifier: MIT
"""Types of ``props`` of a function, for the check of good props and for its errors.

The settings are those of :class:`fc_async_sdk.models.FunctionSettings` with the ranges of
:mod:`fc_async_sdk.spec.limits`. What they leave open is from the component fc3 0.1.22
(https://github.com/devsapp/fc3/blob/0.1.22/src/schema.json) and from the operation CreateFunction
(``CreateFunctionInput`` of https://pypi.org/project/alibabacloud-fc20230330/).

Invariants:

- :func:`fits` and :func:`schema` are made from the same types.
- What fc3 and the API name differently is accepted in both forms. Where the API accepts more than
  the schema of fc3, such as newer GPU types, the API counts.
- What fc3's own tests deploy is accepted (https://github.com/devsapp/fc3/tree/0.1.22/__tests__/e2e).
- ``asyncInvokeConfig`` has rules of its own and is not looked into here. Of triggers, only keys and
  fixed words are: timers and buckets have rules of their own, too.
"""

from __future__ import annotations

import functools
import operator
import re
import types
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args

import msgspec
from msgspec import Meta

from fc_async_sdk import models
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import async_config, http_trigger, limits, runtimes, triggers

if TYPE_CHECKING:
    from collections.abc import Mapping

BESIDE_GPU: Final = ("cpu", "diskSize", "memorySize")
"""Sizes whose ranges are other ones for a function with ``gpuConfig``."""

_LIST: Final = list[str]
_ANY: Final = dict[str, Any]
_SCALAR: Final = str | int | float | bool


def _whole(low: int, high: int | None = None, *, step: int = 1) -> Any:
    upwards = f", {low} or more" if high is None else f" from {low} to {high}"
    steps = "" if step == 1 else f", a multiple of {step}"
    words = f"a whole number{upwards}{steps}"
    return Annotated[int, Meta(ge=low, le=high, multiple_of=step, description=words)]


def _range(allowed: limits.Range, *, step: int = 1) -> Any:
    return _whole(allowed.low, allowed.high, step=step)


def _number(low: float, high: float) -> Any:
    return Annotated[float, Meta(ge=low, le=high, description=f"a number from {low} to {high}")]


def _one_of(*values: str | int, words: str = "") -> Any:
    description = words or f"one of {', '.join(map(str, values))}"
    return Annotated[Literal[values], Meta(description=description)]


def _either(description: str, *kinds: Any) -> Any:
    return Annotated[Union[kinds], Meta(description=description)]  # noqa: UP007 -- made of a list


def _table(name: str, fields: Mapping[str, Any]) -> Any:
    """Return the type of a mapping that has these keys and no others, none of them required."""
    return msgspec.defstruct(
        name,
        [(key, kind | msgspec.UnsetType, msgspec.UNSET) for key, kind in fields.items()],
        forbid_unknown_fields=True,
        kw_only=True,
    )


def _each(names: str, kind: Any = str) -> dict[str, Any]:
    """Return some keys, separated by spaces, with one type."""
    return dict.fromkeys(names.split(), kind)


def _fields_of(kind: type[models.Model]) -> dict[str, Any]:
    """Return the keys of a model of the API and their types, of which none is null here."""
    return {one.encode_name: _without_none(one.type) for one in msgspec.structs.fields(kind)}


def _without_none(kind: Any) -> Any:
    kinds = [one for one in get_args(kind) if one is not types.NoneType]
    return functools.reduce(operator.or_, kinds) if kinds else kind


_AUTO: Final = Annotated[str, Meta(pattern="^[Aa][Uu][Tt][Oo]([|]|$)")]
"""``auto``, or ``auto|mountDir=/mnt/data`` with parameters for what fc3 makes."""


def _auto_or(name: str, fields: Mapping[str, Any]) -> Any:
    return _either("auto or a mapping", _AUTO, _table(name, fields))


_HEALTH_CHECK: Final = _table("HealthCheckConfig", _fields_of(models.HealthCheckConfig))
_REGISTRY: Final = _table(
    "RegistryConfig",
    {
        "authConfig": _table("AuthConfig", _each("userName password")),
        "certConfig": _table("CertConfig", {"insecure": bool, "rootCaCertBase64": str}),
        "networkConfig": _table("NetworkConfig", _each("vpcId vSwitchId securityGroupId")),
    },
)


def _hook(name: str, timeout: limits.Range) -> Any:
    return _table(name, _fields_of(models.LifecycleHook) | {"timeout": _range(timeout)})


def _mounts(name: str, fields: Mapping[str, Any]) -> Any:
    return list[_table(name, fields)]  # type: ignore[misc]


_VARIABLES: Any = dict[str, _either("a string", _SCALAR)]  # type: ignore[misc]
_CONTAINER: Final[dict[str, Any]] = {
    **_each("image accelerationType acrInstanceId resolvedImageUri"),
    **_each("command entrypoint", _LIST),
    "port": int,
    "healthCheckConfig": _HEALTH_CHECK,
    "registryConfig": _REGISTRY,
    "accelerationInfo": _ANY,
}
_SETTINGS: Final[dict[str, Any]] = {
    "runtime": _one_of(*sorted(runtimes.FC3), words="the name of a runtime"),
    "cpu": _number(*limits.CPU),
    "memorySize": _range(limits.MEMORY_MB, step=limits.MEMORY_STEP_MB),
    "diskSize": _one_of(*limits.DISK_MB),
    "timeout": _range(limits.FUNCTION_TIMEOUT_SECONDS),
    "environmentVariables": _VARIABLES,
    "instanceConcurrency": _range(limits.INSTANCE_CONCURRENCY),
    "customRuntimeConfig": _table(
        "CustomRuntimeConfig",
        _fields_of(models.CustomRuntimeConfig) | {"healthCheckConfig": _HEALTH_CHECK},
    ),
    "instanceLifecycleConfig": _table(
        "InstanceLifecycleConfig",
        {
            "initializer": _hook("Initializer", limits.INITIALIZER_TIMEOUT_SECONDS),
            # The quota is 90 seconds, but fc3's own tests deploy 300 (e2e/model/s_file.yaml).
            "preStop": _hook("PreStop", limits.INITIALIZER_TIMEOUT_SECONDS),
        },
    ),
    "customContainerConfig": _table("CustomContainerConfig", _CONTAINER),
    "logConfig": _auto_or(
        "LogConfig",
        _each("project logstore")
        | _each("enableInstanceMetrics enableLlmMetrics enableRequestMetrics", bool)
        | {"logBeginRule": _one_of("DefaultRegex", "None")},
    ),
    "vpcConfig": _auto_or(
        "VpcConfig",
        _each("vpcId securityGroupId role")
        | {"vSwitchIds": _either("auto or a list of ids", _AUTO, _LIST)},
    ),
    "nasConfig": _auto_or(
        "NasConfig",
        {
            "userId": int,
            "groupId": int,
            "mountPoints": _mounts(
                "NasMountPoint", {"serverAddr": str, "mountDir": str, "enableTLS": bool}
            ),
        },
    ),
    "ossMountConfig": _auto_or(
        "OssMountConfig",
        {
            "mountPoints": _mounts(
                "OssMountPoint",
                _each("bucketName bucketPath endpoint mountDir") | {"readOnly": bool},
            )
        },
    ),
    "tracingConfig": _table("TracingConfig", {"type": str, "params": Any, "jaegerConfig": _ANY}),
    "gpuConfig": _table("GpuConfig", {"gpuType": str, "gpuMemorySize": _whole(1024, step=1024)}),
    "customDNS": _table(
        "CustomDns",
        _each("nameServers searches", _LIST)
        | {"dnsOptions": _mounts("DnsOption", {"name": str, "value": _SCALAR})},
    ),
}
"""Settings of which :class:`FunctionSettings` does not say all."""

_TRIGGER: Final[dict[str, Any]] = _each("description invocationRole sourceArn triggerName") | {
    "qualifier": _SCALAR,
    "triggerConfig": _either("a mapping or JSON text", str, _ANY),
    "triggerType": _one_of(
        "cdn_events", "eventbridge", "http", "log", "mns_topic", "oss", "tablestore", "timer"
    ),
}
_TRIGGER_CONFIGS: Final[dict[str, dict[str, Any]]] = {
    "http": _each("authConfig corsConfig", Any)
    | {
        "authType": _one_of("anonymous", "function", "jwt"),
        "disableURLInternet": bool,
        "methods": list[_one_of(*sorted(http_trigger.METHODS))],  # type: ignore[misc]
    },
    "mns_topic": {
        "filterTag": str,
        "notifyContentFormat": _one_of(*get_args(triggers.MessageFormat)),
        "notifyStrategy": _one_of(*get_args(triggers.Strategy)),
    },
    "oss": _each("events filter", Any),
    "timer": _each("cronExpression enable payload", Any),
}

REGION: Final = re.compile(r"^[a-z0-9-]{1,64}$")
_NAME: Final = f"^(?:{limits.FUNCTION_NAME_PATTERN.pattern})$"
_OTHERS: Final[dict[str, Any]] = {
    # Of CreateFunction, but not of FunctionSettings.
    **_each("disableInjectCredentials resourceGroupId"),
    **_each("juiceFsConfig microSandboxConfig polarFsConfig", Any),
    "code": _either(
        "a path or a mapping",
        str,
        _table("Code", _each("src ossBucketName ossObjectName zipFile") | {"checksum": _SCALAR}),
    ),
    "enableLongLiving": bool,
    "functionName": Annotated[
        str,
        Meta(
            pattern=_NAME,
            description="1 to 128 letters, digits, _ and -, not beginning with a digit or -, or"
            " service$function",
        ),
    ],
    "layers": _LIST,
    "sessionAffinityConfig": _either("a mapping or JSON text", str, _ANY),
    # The schema of fc3 has the lower case, the API and fc3's own tests have the upper case.
    "tags": _mounts("Tag", _each("key Key") | _each("value Value", _SCALAR)),
    # Of fc3, which makes other requests of them or keeps them for itself.
    **_each("buildDir endpoint"),
    "region": Annotated[
        str, Meta(pattern=REGION.pattern, description="the name of a region, such as cn-hangzhou")
    ],
    **_each("annotations asyncInvokeConfig customDomain provisionConfig scalingConfig", Any),
    "supplement": Any,
    "concurrencyConfig": _table("ConcurrencyConfig", {"reservedConcurrency": int}),
    "triggers": _mounts("Trigger", _TRIGGER),
    "vpcBinding": _table("VpcBinding", {"vpcIds": _LIST}),
}


PROPS: Final = _table(
    "Props",
    _fields_of(models.FunctionSettings) | _SETTINGS | _OTHERS,
)
TRIGGER_CONFIGS: Final = {
    kind: _table("TriggerConfig", fields) for kind, fields in _TRIGGER_CONFIGS.items()
}
"""The type of ``triggerConfig`` by ``triggerType``, of the types that are known here."""

_OWNERS: Final = {
    **dict.fromkeys(async_config.FIELDS, "asyncInvokeConfig"),
    **dict.fromkeys(_TRIGGER, "triggers"),
    **dict.fromkeys(_fields_of(models.CustomRuntimeConfig), "customRuntimeConfig"),
}
"""Keys of mappings in props that are often written one level too high."""
_OWNERS_OF_IMAGES: Final = {
    **_OWNERS,
    **dict.fromkeys(_fields_of(models.CustomRuntimeConfig), ""),
    **dict.fromkeys(_CONTAINER, "customContainerConfig"),
}
"""The same for a function that is an image."""


def owner_of(key: str, *, inside: bool, runtime: object) -> str:
    """Return where a key belongs that stands in props, or inside of them; "" if not known.

    Args:
        key: The key.
        inside: Whether it stands inside of a mapping in props.
        runtime: The runtime of the function.
    """
    if inside:
        of_props = any(one.name == key for one in msgspec.structs.fields(PROPS))
        return "props" if of_props else ""
    owners = _OWNERS_OF_IMAGES if runtime == runtimes.CONTAINER else _OWNERS
    return owners.get(key, "")


for _kind in (PROPS, *TRIGGER_CONFIGS.values()):
    prepare(_kind)


def fits(values: dict[str, Any], kind: type) -> bool:
    """Return whether a mapping has known keys with acceptable values only.

    Args:
        values: Without null values and without values that are known only after a deployment.
        kind: :data:`PROPS`, or one of :data:`TRIGGER_CONFIGS`.
    """
    try:
        msgspec.convert(values, kind)
    except msgspec.ValidationError:
        return False
    return True


def schema(kind: type = PROPS) -> dict[str, Any]:
    """Return the JSON Schema of a type (dialect 2020-12)."""
    return msgspec.json.schema(kind)
