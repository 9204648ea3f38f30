# SPDX-License-Identifier: MIT
"""Makes the deployment that is run from the record that was configured. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fc_async_local.execution.protocol import Deployment, HealthCheck
from fc_async_local.functions.records import FunctionRecord, VersionRecord
from fc_async_sdk.models import (
    CustomRuntimeConfig,
    FunctionSettings,
    HealthCheckConfig,
    InstanceLifecycleConfig,
    LifecycleHook,
)
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def deployment_of(
    record: FunctionRecord | VersionRecord, max_instances: int | None = None
) -> Deployment:
    """Return the deployment of a function's unpublished code or of a version.

    Args:
        record: Code and settings.
        max_instances: Reserved concurrency, None if there is none.
    """
    settings = msgspec.convert(_without_layers(record.settings), FunctionSettings)
    custom = settings.custom_runtime_config or CustomRuntimeConfig()
    hooks = settings.instance_lifecycle_config or InstanceLifecycleConfig()
    initializer, pre_stop = hooks.initializer or LifecycleHook(), hooks.pre_stop or LifecycleHook()
    function, version_id, revision = _identity(record)
    return Deployment(
        function=function,
        version_id=version_id,
        revision=revision,
        runtime=_or(settings.runtime, ""),
        handler=_or(settings.handler, ""),
        code_checksum=record.code.checksum,
        timeout_ms=_ms(settings.timeout, limits.FUNCTION_TIMEOUT_SECONDS.default),
        memory_mb=_or(settings.memory_size, limits.MEMORY_MB.default),
        environment=_or(settings.environment_variables, {}),
        instance_concurrency=_or(
            settings.instance_concurrency, limits.INSTANCE_CONCURRENCY.default
        ),
        initializer=_or(initializer.handler, ""),
        initializer_timeout_ms=_ms(initializer.timeout, limits.INITIALIZER_TIMEOUT_SECONDS.default),
        pre_stop=_or(pre_stop.handler, ""),
        pre_stop_timeout_ms=_ms(pre_stop.timeout, limits.PRE_STOP_TIMEOUT_SECONDS.default),
        command=(*_or(custom.command, ()), *_or(custom.args, ())),
        port=_or(custom.port, limits.CUSTOM_RUNTIME_PORT),
        health_check=_health_check(custom.health_check_config),
        role=_or(settings.role, ""),
        max_instances=max_instances,
    )


def _identity(record: FunctionRecord | VersionRecord) -> tuple[str, str, str]:
    """Return function, version id ("" for unpublished code) and revision."""
    if isinstance(record, VersionRecord):
        return record.function, record.version_id, f"{record.function_id}/{record.version_id}"
    return record.name, "", f"{record.function_id}/LATEST.{record.edition}"


def _health_check(config: HealthCheckConfig | None) -> HealthCheck | None:
    """Return the check with the API's defaults; None if there is no path to request."""
    if config is None or not config.http_get_url:
        return None
    return HealthCheck(
        path=config.http_get_url,
        initial_delay_ms=_ms(config.initial_delay_seconds, 0),
        period_ms=_ms(config.period_seconds, 3),
        timeout_ms=_ms(config.timeout_seconds, 1),
        failure_threshold=config.failure_threshold or 3,
        success_threshold=config.success_threshold or 1,
    )


def _or(value: T | None, default: T) -> T:
    return value or default


def _ms(seconds: int | None, default: int) -> int:
    return 1000 * (seconds or default)


def _without_layers(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in settings.items() if k != "layers"}
