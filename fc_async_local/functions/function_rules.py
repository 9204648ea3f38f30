# SPDX-License-Identifier: MIT
"""Validates functions as the service does, and describes them as its API does. Pure.

What a setting may be is in :mod:`fc_async_sdk.spec.function_settings`, which ``validate`` reads.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_local.functions import fields, refusals
from fc_async_local.functions.records import FunctionRecord, Settings, VersionRecord
from fc_async_sdk._decoding import prepare
from fc_async_sdk.models import (
    Code,
    CustomRuntimeConfig,
    FunctionSettings,
    HealthCheckConfig,
    InstanceLifecycleConfig,
    LifecycleHook,
    Model,
)
from fc_async_sdk.spec import function_settings, limits, runtimes
from fc_async_sdk.spec.times import rfc3339

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

    from fc_async_local.domain.rules import Account

_STORED_DEFAULTS: Final[Settings] = {
    name: function_settings.DEFAULTS[name] for name in ("memorySize", "timeout")
}
"""Settings that every answer has, also where a request left them out."""


class ServerConfig(Model, frozen=True, kw_only=True):
    """Settings with which the server of a function runs: of its image or its custom runtime."""

    image: str = ""
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    port: int | None = None
    health_check_config: HealthCheckConfig | None = None


prepare(ServerConfig)


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
    changes: Settings = {}
    for field, value in body.items():
        if field in fields.FUNCTION and value is not None:
            changes[field] = value
    settings: Settings = {**(before or {}), **changes}
    for problem in function_settings.problems(settings):
        # A setting that an update leaves out may be older than a rule; the vCPU goes with others.
        if problem.path[0] in {*changes, "cpu"}:
            raise refusals.invalid_argument(str(problem))
    absent = function_settings.missing(settings)
    if absent is not None:
        raise refusals.required(absent)
    # Requests name layers by ARN, the model of the SDK has ARN and size.
    layers = settings.pop("layers", None)
    refusals.convert(settings, FunctionSettings)
    if layers:
        settings["layers"] = layers
    return _STORED_DEFAULTS | settings


class Hooks(NamedTuple):
    """The hooks of a function's instances; one that is not set has no handler."""

    initializer: LifecycleHook
    pre_stop: LifecycleHook


def hooks_of(settings: FunctionSettings) -> Hooks:
    """Return the hooks that the settings of a function name."""
    config = settings.instance_lifecycle_config or InstanceLifecycleConfig()
    return Hooks(config.initializer or LifecycleHook(), config.pre_stop or LifecycleHook())


def server_of(settings: FunctionSettings) -> ServerConfig:
    """Return how the server of a function is run; nothing is set for built-in runtimes."""
    container = settings.custom_container_config
    if container is not None and settings.runtime == runtimes.CONTAINER:
        return msgspec.convert(container, ServerConfig)
    custom = settings.custom_runtime_config or CustomRuntimeConfig()
    return ServerConfig(
        command=(*(custom.command or ()), *(custom.args or ())),
        port=custom.port,
        health_check_config=custom.health_check_config,
    )


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
