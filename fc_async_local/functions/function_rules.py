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

    from fc_async_local.domain.rules import Account

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
    name: object,
    field: str = "functionName",
    pattern: re.Pattern[str] = limits.FUNCTION_NAME_PATTERN,
) -> str:
    """Return the name of a function, an alias or a trigger.

    Args:
        name: The value.
        field: Of the request.
        pattern: What it must match.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if name is None:
        raise refusals.required(field)
    if not isinstance(name, str) or not pattern.fullmatch(name):
        raise refusals.invalid_argument(
            f"{field} {name!r} is invalid: 1 to 128 letters, digits, '_' and '-', not "
            "beginning with a digit or '-'"
        )
    return name


def check_settings(body: Mapping[str, Any], before: Settings | None = None) -> Settings:
    """Return the settings of a new function, or of a function after an update.

    Args:
        body: CreateFunctionInput or UpdateFunctionInput.
        before: Settings before the update; settings that the body leaves out are kept.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    start = _SERVICE_DEFAULTS if before is None else before
    settings: Settings = dict(start)
    for field, value in body.items():
        if field in fields.FUNCTION and value is not None:
            settings[field] = value
    # Requests name layers by ARN, the model of the SDK has ARN and size: checked apart.
    layers = settings.pop("layers", None)
    _check_layers(layers)
    typed = refusals.convert(settings, FunctionSettings)
    _check_runtime(typed)
    _check_size(typed)
    _check_values(typed)
    _check_environment(typed.environment_variables or {})
    if layers:
        settings["layers"] = layers
    return settings


def _check_layers(layers: object) -> None:
    if layers is None:
        return
    if not isinstance(layers, list) or not all(isinstance(layer, str) for layer in layers):
        raise refusals.invalid_argument("layers must be a list of ARNs")


def _check_runtime(settings: FunctionSettings) -> None:
    # An absent value was named None in the message once: which argument is missing says more.
    if settings.runtime is None:
        raise refusals.required("runtime")
    if settings.runtime not in runtimes.ALL:
        supported = ", ".join(sorted(runtimes.ALL))
        raise refusals.invalid_argument(
            f"runtime {settings.runtime!r} is not supported, only {supported}"
        )
    container = settings.custom_container_config or {}
    if settings.runtime == runtimes.CONTAINER and not container.get("image"):
        raise refusals.required("customContainerConfig.image")
    if settings.runtime not in runtimes.NEED_NO_HANDLER and not settings.handler:
        raise refusals.required("handler")


def _check_size(settings: FunctionSettings) -> None:
    memory = settings.memory_size
    if memory is None:
        memory = limits.MEMORY_MB.default
    if memory not in limits.MEMORY_MB or memory % limits.MEMORY_STEP_MB:
        raise refusals.invalid_argument(
            f"memorySize must be a multiple of {limits.MEMORY_STEP_MB} between "
            f"{limits.MEMORY_MB.low} and {limits.MEMORY_MB.high}, got {memory}"
        )
    if settings.disk_size is not None and settings.disk_size not in limits.DISK_MB:
        disks = " or ".join(map(str, limits.DISK_MB))
        raise refusals.invalid_argument(f"diskSize must be {disks}, got {settings.disk_size}")
    # The ratio of cpu and memory is that of functions without a GPU; `validate` judges alike.
    if settings.cpu is not None and settings.gpu_config is None:
        wrong = sizes.wrong_cpu(settings.cpu, memory)
        if wrong is not None:
            raise refusals.invalid_argument(wrong[0])


def _check_values(settings: FunctionSettings) -> None:
    """Check ranges and texts.

    What is refused here could be stored, but no attempt could run it: the invocations would be
    retried for hours before anyone saw the reason.
    """
    hooks = hooks_of(settings)
    custom = settings.custom_runtime_config or CustomRuntimeConfig()
    health_check = custom.health_check_config or HealthCheckConfig()
    _check_range("timeout", settings.timeout, limits.FUNCTION_TIMEOUT_SECONDS)
    _check_range("instanceConcurrency", settings.instance_concurrency, limits.INSTANCE_CONCURRENCY)
    _check_range(
        "initializer.timeout", hooks.initializer.timeout, limits.INITIALIZER_TIMEOUT_SECONDS
    )
    _check_range("preStop.timeout", hooks.pre_stop.timeout, limits.PRE_STOP_TIMEOUT_SECONDS)
    _check_range("customRuntimeConfig.port", custom.port, _PORTS)
    _check_length("description", settings.description, limits.DESCRIPTION_LENGTH)
    _check_length("handler", settings.handler, _HANDLER_LENGTH)
    _check_length("role", settings.role, _ROLE_LENGTH)
    # These are sent in a header or in the request line of the user's HTTP server: a line break
    # would begin another header there.
    _check_printable("handler", settings.handler)
    _check_printable("initializer.handler", hooks.initializer.handler)
    _check_printable("preStop.handler", hooks.pre_stop.handler)
    _check_printable("healthCheckConfig.httpGetUrl", health_check.http_get_url)
    for part in command_of(custom):
        # No operating system starts a program with a NUL among its arguments.
        if "\0" in part:
            raise refusals.invalid_argument(f"customRuntimeConfig: {part!r} contains a NUL")


class Hooks(NamedTuple):
    """The hooks of a function's instances; one that is not set has no handler."""

    initializer: LifecycleHook
    pre_stop: LifecycleHook


def hooks_of(settings: FunctionSettings) -> Hooks:
    """Return the hooks that the settings of a function name."""
    config = settings.instance_lifecycle_config or InstanceLifecycleConfig()
    return Hooks(config.initializer or LifecycleHook(), config.pre_stop or LifecycleHook())


def command_of(custom: CustomRuntimeConfig) -> tuple[str, ...]:
    """Return the command line of a custom runtime; empty if the image or the code has it."""
    command = custom.command or ()
    arguments = custom.args or ()
    return (*command, *arguments)


def _check_range(
    name: str,
    value: float | None,
    allowed: limits.Range,
) -> None:
    if value is not None and value not in allowed:
        raise refusals.invalid_argument(
            f"{name} must be between {allowed.low} and {allowed.high}, got {value}"
        )


def _check_length(
    name: str,
    text: str | None,
    longest: int,
) -> None:
    if text is not None and len(text) > longest:
        raise refusals.invalid_argument(f"{name} is longer than {longest} characters")


def _check_printable(name: str, text: str | None) -> None:
    if text is not None and not text.isprintable():
        raise refusals.invalid_argument(
            f"{name} {text!r} is invalid: it must not contain line breaks or control characters"
        )


def _check_environment(variables: Mapping[str, str]) -> None:
    size = 0
    for name, value in variables.items():
        size += len(name.encode()) + len(value.encode())
    if size > limits.ENVIRONMENT_BYTES:
        raise refusals.invalid_argument(
            f"environmentVariables have {size} bytes, {limits.ENVIRONMENT_BYTES} are allowed"
        )
    for name, value in variables.items():
        if not name[:1].isalpha() or "=" in name or "\0" in name:
            raise refusals.invalid_argument(
                f"environment variable {name!r}: a name begins with a letter and has no '='"
            )
        if "\0" in value:
            raise refusals.invalid_argument(f"environment variable {name!r}: a NUL in its value")


def check_code(body: Mapping[str, Any], *, required: bool) -> Upload | None:
    """Return the code of a create or update request; None if it contains none.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    code = body.get("code")
    upload = None if code is None else _upload(code)
    is_image = body.get("runtime") == runtimes.CONTAINER
    if upload is None and required and not is_image:
        raise refusals.invalid_argument(
            "code is required: zipFile, or ossBucketName with ossObjectName"
        )
    return upload


def _upload(document: object) -> Upload | None:
    code = refusals.convert(document, Code, "code: ")
    checksum = code.checksum or ""
    if code.zip_file:
        return Upload(archive=_archive(code.zip_file), checksum=checksum)
    if code.oss_bucket_name and code.oss_object_name:
        return Upload(
            bucket=code.oss_bucket_name,
            name=code.oss_object_name,
            checksum=checksum,
        )
    return None


def _archive(text: str) -> bytes:
    try:
        # Without `validate`, characters that are not base64 are left out in silence.
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise refusals.invalid_argument("code.zipFile is not base64") from None


def check_tags(tags: object) -> dict[str, str]:
    """Return the tags of ``[{"Key", "Value"}]``.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if tags is None:
        return {}
    try:
        pairs = msgspec.convert(tags, list[dict[str, str]])
        return {pair["Key"]: pair.get("Value", "") for pair in pairs}
    except (msgspec.ValidationError, KeyError):
        raise refusals.invalid_argument('tags must be a list of {"Key": …, "Value": …}') from None


def describe(
    record: FunctionRecord | VersionRecord,
    function: FunctionRecord,
    account: Account,
) -> dict[str, Any]:
    """Return a function in the form of the API: what was set, and what the service adds.

    ``role`` is always present, ``layers`` only if there are any: deploy tools compare the answer
    with what they sent.

    Args:
        record: The unpublished code, or the requested version.
        function: The function itself.
        account: For its ARN.
    """
    answer: dict[str, Any] = {
        "role": "",
        **record.settings,
    }
    layers = answer.pop("layers", None)
    if layers:
        answer["layers"] = [
            {
                "arn": layer,
                "size": 0,
            }
            for layer in layers
        ]
    modified = record.created_at if isinstance(record, VersionRecord) else record.modified_at
    answer |= {
        "functionName": function.name,
        "functionArn": account.function_arn(function.name),
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
        answer["tags"] = [
            {
                "Key": key,
                "Value": value,
            }
            for key, value in function.tags.items()
        ]
    return answer
