# SPDX-License-Identifier: MIT
"""From what was configured to what is run: one record to one deployment. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.execution.protocol import Deployment, HealthCheck
from fc_async_local.functions.records import FunctionRecord, VersionRecord
from fc_async_sdk.models import (
    CustomRuntimeConfig,
    FunctionSettings,
    HealthCheckConfig,
    InstanceLifecycleConfig,
)
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping


def deployment_of(
    record: FunctionRecord | VersionRecord, max_instances: int | None = None
) -> Deployment:
    """What is run for a function's unpublished code or for a version of it.

    Args:
        record: Code and settings.
        max_instances: Reserved concurrency, None if there is none.
    """
    settings = msgspec.convert(_without_layers(record.settings), FunctionSettings)
    if isinstance(record, VersionRecord):
        function, version_id = record.function, record.version_id
        revision = f"{record.function_id}/{version_id}"
    else:
        function, version_id = record.name, ""
        revision = f"{record.function_id}/LATEST.{record.edition}"
    custom = settings.custom_runtime_config or CustomRuntimeConfig()
    hooks = settings.instance_lifecycle_config or InstanceLifecycleConfig()
    initializer, pre_stop = hooks.initializer, hooks.pre_stop
    return Deployment(
        function=function,
        version_id=version_id,
        revision=revision,
        runtime=settings.runtime or "",
        handler=settings.handler or "",
        code_checksum=record.code.checksum,
        timeout_ms=1000 * (settings.timeout or limits.FUNCTION_TIMEOUT_SECONDS.default),
        memory_mb=settings.memory_size or limits.MEMORY_MB.default,
        environment=settings.environment_variables or {},
        instance_concurrency=settings.instance_concurrency or limits.INSTANCE_CONCURRENCY.default,
        initializer=(initializer.handler or "") if initializer is not None else "",
        initializer_timeout_ms=1000
        * (
            (initializer.timeout if initializer is not None else None)
            or limits.INITIALIZER_TIMEOUT_SECONDS.default
        ),
        pre_stop=(pre_stop.handler or "") if pre_stop is not None else "",
        pre_stop_timeout_ms=1000
        * (
            (pre_stop.timeout if pre_stop is not None else None)
            or limits.PRE_STOP_TIMEOUT_SECONDS.default
        ),
        command=(*(custom.command or ()), *(custom.args or ())),
        port=custom.port or limits.CUSTOM_RUNTIME_PORT,
        health_check=_health_check(custom.health_check_config),
        role=settings.role or "",
        max_instances=max_instances,
    )


def _health_check(config: HealthCheckConfig | None) -> HealthCheck | None:
    """The check with the API's defaults for what isn't set; None without a path to ask for."""
    if config is None or not config.http_get_url:
        return None
    return HealthCheck(
        path=config.http_get_url,
        initial_delay_ms=1000 * (config.initial_delay_seconds or 0),
        period_ms=1000 * (config.period_seconds or 3),
        timeout_ms=1000 * (config.timeout_seconds or 1),
        failure_threshold=config.failure_threshold or 3,
        success_threshold=config.success_threshold or 1,
    )


def _without_layers(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in settings.items() if k != "layers"}
