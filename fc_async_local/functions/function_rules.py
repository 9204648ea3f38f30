# SPDX-License-Identifier: MIT
"""Validates functions as the service does, and describes them as its API does. Pure.

Numbers are those of :mod:`fc_async_sdk.spec.limits`. Shapes are checked by conversion to the models
of the SDK, which are the only description of a function in the project.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_local.functions import fields, refusals
from fc_async_local.functions.records import FunctionRecord, Settings, VersionRecord
from fc_async_sdk.models import (
    Code,
    CustomRuntimeConfig,
    FunctionSettings,
    HealthCheckConfig,
    InstanceLifecycleConfig,
    LifecycleHook,
)
from fc_async_sdk.spec import limits, runtimes, sizes
from fc_async_sdk.spec.times import rfc3339

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from fc_async_local.domain.rules import Place

_HANDLER_LENGTH: Final = 128
_ROLE_LENGTH: Final = 300
_PORTS: Final = limits.Range(1, 65_535, limits.CUSTOM_RUNTIME_PORT)

_SERVICE_DEFAULTS: Final[Settings] = {
    "memorySize": limits.MEMORY_MB.default,
    "timeout": limits.FUNCTION_TIMEOUT_SECONDS.default,
}


class Upload(NamedTuple):
    """The code of a request: the bytes of an archive, or the object that it was uploaded as."""

    archive: bytes | None = None
    bucket: str = ""
    name: str = ""
    checksum: str = ""


def check_name(
    given: object,
    field: str = "functionName",
    pattern: re.Pattern[str] = limits.FUNCTION_NAME_PATTERN,
) -> str:
    """Return the name of a function, an alias or a trigger.

    Args:
        given: The value.
        field: Of the request.
        pattern: What it must match.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if given is None:
        raise refusals.required(field)
    if not isinstance(given, str) or not pattern.fullmatch(given):
        raise refusals.invalid_argument(
            f"{field} {given!r} is invalid: 1 to 128 letters, digits, '_' and '-', not "
            "beginning with a digit or '-'"
        )
    return given


def check_settings(body: Mapping[str, Any], before: Settings | None = None) -> Settings:
    """Return the settings of a new function, or of a function after an update.

    Args:
        body: CreateFunctionInput or UpdateFunctionInput.
        before: Settings before the update; settings that the body leaves out are kept.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    given = {k: v for k, v in body.items() if k in fields.FUNCTION and v is not None}
    settings: Settings = {**(_SERVICE_DEFAULTS if before is None else before), **given}
    layers = settings.pop("layers", None)
    _check_layers(layers)
    typed = refusals.convert(settings, FunctionSettings)
    _check_runtime(typed)
    _check_size(typed)
    _check_values(typed)
    _check_environment(typed.environment_variables or {})
    return settings | ({"layers": layers} if layers else {})


def _check_layers(layers: object) -> None:
    if layers is not None and not (
        isinstance(layers, list) and all(isinstance(layer, str) for layer in layers)
    ):
        raise refusals.invalid_argument("layers must be a list of ARNs")


def _check_runtime(settings: FunctionSettings) -> None:
    if settings.runtime is None:
        raise refusals.required("runtime")
    if settings.runtime not in runtimes.ALL:
        raise refusals.invalid_argument(
            f"runtime {settings.runtime!r} is not supported, only {', '.join(sorted(runtimes.ALL))}"
        )
    container = settings.custom_container_config or {}
    if settings.runtime == runtimes.CONTAINER and not container.get("image"):
        raise refusals.required("customContainerConfig.image")
    if settings.runtime not in runtimes.NEED_NO_HANDLER and not settings.handler:
        raise refusals.required("handler")


def _check_size(settings: FunctionSettings) -> None:
    memory = limits.MEMORY_MB.default if settings.memory_size is None else settings.memory_size
    if memory not in limits.MEMORY_MB or memory % limits.MEMORY_STEP_MB:
        raise refusals.invalid_argument(
            f"memorySize must be a multiple of {limits.MEMORY_STEP_MB} between "
            f"{limits.MEMORY_MB.low} and {limits.MEMORY_MB.high}, got {memory}"
        )
    if settings.disk_size is not None and settings.disk_size not in limits.DISK_MB:
        disks = " or ".join(map(str, limits.DISK_MB))
        raise refusals.invalid_argument(f"diskSize must be {disks}, got {settings.disk_size}")
    if settings.cpu is not None and settings.gpu_config is None:
        wrong = sizes.wrong_cpu(settings.cpu, memory)
        if wrong is not None:
            raise refusals.invalid_argument(wrong[0])


def _check_values(settings: FunctionSettings) -> None:
    """Check ranges and texts."""
    hooks = settings.instance_lifecycle_config or InstanceLifecycleConfig()
    initializer, pre_stop = hooks.initializer or LifecycleHook(), hooks.pre_stop or LifecycleHook()
    custom = settings.custom_runtime_config or CustomRuntimeConfig()
    health_check = custom.health_check_config or HealthCheckConfig()
    for name, value, allowed in (
        ("timeout", settings.timeout, limits.FUNCTION_TIMEOUT_SECONDS),
        ("instanceConcurrency", settings.instance_concurrency, limits.INSTANCE_CONCURRENCY),
        ("initializer.timeout", initializer.timeout, limits.INITIALIZER_TIMEOUT_SECONDS),
        ("preStop.timeout", pre_stop.timeout, limits.PRE_STOP_TIMEOUT_SECONDS),
        ("customRuntimeConfig.port", custom.port, _PORTS),
    ):
        if value is not None and value not in allowed:
            raise refusals.invalid_argument(
                f"{name} must be between {allowed.low} and {allowed.high}, got {value}"
            )
    for name, text, most in (
        ("description", settings.description, limits.DESCRIPTION_LENGTH),
        ("handler", settings.handler, _HANDLER_LENGTH),
        ("role", settings.role, _ROLE_LENGTH),
    ):
        if text is not None and len(text) > most:
            raise refusals.invalid_argument(f"{name} is longer than {most} characters")
    for name, text in (
        ("handler", settings.handler),
        ("initializer.handler", initializer.handler),
        ("preStop.handler", pre_stop.handler),
        ("healthCheckConfig.httpGetUrl", health_check.http_get_url),
    ):
        if text is not None and not text.isprintable():  # sent in a header or the request line
            raise refusals.invalid_argument(
                f"{name} {text!r} is invalid: it must not contain line breaks or control characters"
            )
    for part in (*(custom.command or ()), *(custom.args or ())):
        if "\0" in part:
            raise refusals.invalid_argument(f"customRuntimeConfig: {part!r} contains a NUL")


def _check_environment(variables: Mapping[str, str]) -> None:
    size = sum(len(k.encode()) + len(v.encode()) for k, v in variables.items())
    if size > limits.ENVIRONMENT_BYTES:
        raise refusals.invalid_argument(
            f"environmentVariables have {size} bytes, {limits.ENVIRONMENT_BYTES} are allowed"
        )
    for name in variables:
        if not name[:1].isalpha() or "=" in name or "\0" in name:
            raise refusals.invalid_argument(
                f"environment variable {name!r}: a name begins with a letter and has no '='"
            )
        if "\0" in variables[name]:
            raise refusals.invalid_argument(f"environment variable {name!r}: a NUL in its value")


def check_code(body: Mapping[str, Any], *, required: bool) -> Upload | None:
    """Return the code of a create or update request; None if it contains none.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    given = body.get("code")
    upload = None if given is None else _upload(given)
    if upload is None and required and body.get("runtime") != runtimes.CONTAINER:
        raise refusals.invalid_argument(
            "code is required: zipFile, or ossBucketName with ossObjectName"
        )
    return upload


def _upload(given: object) -> Upload | None:
    code = refusals.convert(given, Code, "code: ")
    checksum = code.checksum or ""
    if code.zip_file:
        return Upload(archive=_archive(code.zip_file), checksum=checksum)
    if code.oss_bucket_name and code.oss_object_name:
        return Upload(bucket=code.oss_bucket_name, name=code.oss_object_name, checksum=checksum)
    return None


def _archive(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise refusals.invalid_argument("code.zipFile is not base64") from None


def check_tags(given: object) -> dict[str, str]:
    """Return the tags of ``[{"Key", "Value"}]``.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if given is None:
        return {}
    try:
        pairs = msgspec.convert(given, list[dict[str, str]])
        return {pair["Key"]: pair.get("Value", "") for pair in pairs}
    except (msgspec.ValidationError, KeyError):
        raise refusals.invalid_argument('tags must be a list of {"Key": …, "Value": …}') from None


def describe(
    record: FunctionRecord | VersionRecord, function: FunctionRecord, place: Place
) -> dict[str, Any]:
    """Return a function in the form of the API: what was set, and what the service adds.

    ``role`` is always present, ``layers`` only if there are any: deploy tools compare the answer
    with what they sent.

    Args:
        record: The unpublished code, or the requested version.
        function: The function itself.
        place: For its ARN.
    """
    answer: dict[str, Any] = {"role": "", **record.settings}
    layers = answer.pop("layers", None)
    if layers:
        answer["layers"] = [{"arn": layer, "size": 0} for layer in layers]
    modified = record.created_at if isinstance(record, VersionRecord) else record.modified_at
    answer |= {
        "functionName": function.name,
        "functionArn": place.function_arn(function.name),
        "functionId": function.function_id,
        "codeChecksum": record.code.checksum,
        "codeSize": record.code.size,
        "createdTime": rfc3339(function.created_at),
        "lastModifiedTime": rfc3339(modified),
        "state": "Active",
        "lastUpdateStatus": "Successful",
    }
    if function.restriction is not None:
        answer["invocationRestriction"] = {
            "disable": True,
            "reason": function.restriction.reason,
            "lastModifiedTime": rfc3339(function.restriction.modified_at),
        }
    if function.tags:
        answer["tags"] = [{"Key": k, "Value": v} for k, v in function.tags.items()]
    return answer
