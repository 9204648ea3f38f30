# SPDX-License-Identifier: MIT
"""The objects of the FC API 2023-03-30 as frozen, typed structs.

Attribute names are snake_case, wire names are the service's own. ``None`` means "not set" and is
left out on the wire; 0, ``False`` and ``""`` are values and are sent. Unknown fields of an answer
are ignored, so a newer service doesn't break an older SDK. Structs hold data: nothing here
validates ranges (``operations`` does, before a request is sent) or does I/O.

Source of names, types and ranges: "API reference (2023-03-30)" in docs/reference/sources.md;
numbers are in :mod:`fc_async_sdk.spec.limits`.
"""

from __future__ import annotations

import base64
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from fc_async_sdk._decoding import JSON_ERRORS, prepare
from fc_async_sdk.errors import InvalidResponse
from fc_async_sdk.spec import limits

__all__ = [
    "TERMINAL_STATUSES",
    "Alias",
    "AliasPage",
    "AsyncConfig",
    "AsyncConfigPage",
    "AsyncTask",
    "AsyncTaskEvent",
    "AsyncTaskPage",
    "Code",
    "CodeSource",
    "ConcurrencyConfig",
    "ConcurrencyConfigPage",
    "CustomRuntimeConfig",
    "Destination",
    "DestinationConfig",
    "Function",
    "FunctionCode",
    "FunctionPage",
    "FunctionVersion",
    "FunctionVersionPage",
    "HealthCheckConfig",
    "InstanceLifecycleConfig",
    "InvocationType",
    "LifecycleHook",
    "LogType",
    "TaskStatus",
    "Trigger",
    "TriggerPage",
]

InvocationType = Literal["Sync", "Async"]
LogType = Literal["None", "Tail"]
TaskStatus = Literal[
    "Enqueued",
    "Dequeued",
    "Running",
    "Retrying",
    "Stopping",
    "Succeeded",
    "Failed",
    "Stopped",
    "Expired",
    "Invalid",
]
"""Status of an asynchronous task. ``Expired`` and ``Invalid`` were never executed."""

if TYPE_CHECKING:
    from fc_async_sdk.spec.async_config import Outcome

    AnyTaskStatus = TaskStatus
else:
    # A status that a newer service has and this SDK doesn't know must not break a client.
    AnyTaskStatus = str

TERMINAL_STATUSES: Final[frozenset[str]] = frozenset(
    {"Succeeded", "Failed", "Stopped", "Expired", "Invalid"}
)
"""Statuses that a task never leaves."""

FAILED_STATUSES: Final[tuple[TaskStatus, ...]] = ("Failed", "Expired", "Invalid")
"""Final statuses that are failures; a task that was stopped was meant to end."""


class Model(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False
):
    """Base of all API objects."""

    def to_dict(self) -> dict[str, Any]:
        """Return the object with the names of the service; fields that are not set are left out."""
        result: dict[str, Any] = msgspec.to_builtins(self)
        return result


# --- asynchronous configuration ---------------------------------------------------------------


class Destination(Model, frozen=True, kw_only=True):
    """The address of one destination.

    Attributes:
        destination: ARN (:mod:`fc_async_sdk.spec.arn`), at most 512 characters.
    """

    destination: str | None = None


class DestinationConfig(Model, frozen=True, kw_only=True):
    """Destinations of results, by outcome."""

    on_success: Destination | None = None
    on_failure: Destination | None = None


class AsyncConfig(Model, frozen=True, kw_only=True):
    """Asynchronous configuration of one function and one qualifier.

    Attributes:
        async_task: Task mode: every step of every invocation is recorded and can be queried.
        max_async_retry_attempts: Retries after function errors, 0-8; the service takes 3 when
            unset. 0 means "no retry".
        max_async_event_age_in_seconds: 1-604800; the service takes 86400 when unset.
        destination_config: Destinations of the final outcome.
        function_arn: Set by the service. Ends in ``/{qualifier}`` unless that is LATEST.
        created_time: Set by the service, RFC 3339.
        last_modified_time: Set by the service, RFC 3339.
    """

    async_task: bool | None = None
    destination_config: DestinationConfig | None = None
    max_async_event_age_in_seconds: int | None = None
    max_async_retry_attempts: int | None = None
    function_arn: str | None = None
    created_time: str | None = None
    last_modified_time: str | None = None

    @property
    def on_success(self) -> str | None:
        """ARN of the success destination, or None."""
        config = self.destination_config
        return (config.on_success.destination or None) if config and config.on_success else None

    @property
    def on_failure(self) -> str | None:
        """ARN of the failure destination, or None."""
        config = self.destination_config
        return (config.on_failure.destination or None) if config and config.on_failure else None

    @property
    def destinations(self) -> tuple[tuple[Outcome, str], ...]:
        """The outcomes that have a destination, each with its ARN."""
        pairs: tuple[tuple[Outcome, str | None], ...] = (
            ("success", self.on_success),
            ("failure", self.on_failure),
        )
        return tuple([(outcome, text) for outcome, text in pairs if text])

    @property
    def qualifier(self) -> str:
        """The qualifier that :attr:`function_arn` names, ``LATEST`` if none."""
        # Ends of functions/NAME or functions/NAME/QUALIFIER: only the second form has three parts.
        parts = (self.function_arn or "").split("/")
        return parts[2] if len(parts) == 3 else limits.DEFAULT_QUALIFIER  # noqa: PLR2004


class AsyncConfigPage(Model, frozen=True, kw_only=True):
    """One page of ListAsyncInvokeConfigs."""

    configs: tuple[AsyncConfig, ...] = ()
    next_token: str | None = None


# --- asynchronous tasks -----------------------------------------------------------------------


class AsyncTaskEvent(Model, frozen=True, kw_only=True):
    """One recorded step of a task.

    Attributes:
        event_id: Counts from 1 within the task.
        status: The status that the task had from then on.
        timestamp: Milliseconds since the epoch.
        event_detail: A JSON document in a string, or None.
    """

    event_id: int | None = None
    status: AnyTaskStatus | None = None
    timestamp: int | None = None
    event_detail: str | None = None

    def details(self) -> dict[str, Any]:
        """Return what the step's detail says.

        A detail that is not a JSON object, which the service does not rule out, is returned as
        ``{"detail": text}``.
        """
        if not self.event_detail:
            return {}
        try:
            value = msgspec.json.decode(self.event_detail)
        except JSON_ERRORS:
            value = None
        return value if isinstance(value, dict) else {"detail": self.event_detail}


class AsyncTask(Model, frozen=True, kw_only=True):
    """One asynchronous invocation in task mode. Times are milliseconds since the epoch.

    Attributes:
        task_payload: What went in: text, or base64 of bytes that are not UTF-8.
        task_payload_encoding: ``base64``, or None for text.
        return_payload: What came out, likewise.
        return_payload_encoding: ``base64``, or None for text.
    """

    task_id: str
    request_id: str | None = None
    function_arn: str | None = None
    qualifier: str | None = None
    instance_id: str | None = None
    status: AnyTaskStatus
    started_time: int | None = None
    end_time: int | None = None
    duration_ms: int | None = None
    already_retried_times: int | None = None
    destination_status: str | None = None
    task_error_message: str | None = None
    task_payload: str | None = None
    task_payload_encoding: str | None = None
    return_payload: str | None = None
    return_payload_encoding: str | None = None
    events: tuple[AsyncTaskEvent, ...] | None = None

    @property
    def task_payload_bytes(self) -> bytes | None:
        """The input, byte for byte; None if the answer does not hold it.

        Raises:
            InvalidResponse: It cannot be decoded.
        """
        return _payload_bytes("taskPayload", self.task_payload, self.task_payload_encoding)

    @property
    def return_payload_bytes(self) -> bytes | None:
        """The return value, byte for byte; None if the answer does not hold it.

        Raises:
            InvalidResponse: It cannot be decoded.
        """
        return _payload_bytes("returnPayload", self.return_payload, self.return_payload_encoding)

    @property
    def finished(self) -> bool:
        """True when the status is final."""
        return self.status in TERMINAL_STATUSES

    @property
    def succeeded(self) -> bool:
        """True when the function ran and returned."""
        return self.status == "Succeeded"


def _payload_bytes(name: str, text: str | None, encoding: str | None) -> bytes | None:
    if text is None:
        return None
    if not encoding:
        return text.encode()
    if encoding != "base64":
        raise InvalidResponse(f"{name}Encoding is {encoding!r}, expected base64")
    try:
        # Without `validate`, characters that are not base64 are left out in silence.
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidResponse(f"{name} is not valid base64: {error}") from error


class AsyncTaskPage(Model, frozen=True, kw_only=True):
    """One page of ListAsyncTasks."""

    tasks: tuple[AsyncTask, ...] = ()
    next_token: str | None = None


# --- functions --------------------------------------------------------------------------------


class Code(Model, frozen=True, kw_only=True):
    """Code of a function: a zip in base64, or an object in OSS.

    Attributes:
        zip_file: Base64 of a zip archive.
        oss_bucket_name: Bucket of an uploaded zip.
        oss_object_name: Name of the uploaded zip.
        checksum: CRC-64/ECMA-182 of the zip, decimal.
    """

    zip_file: str | None = None
    oss_bucket_name: str | None = None
    oss_object_name: str | None = None
    checksum: str | None = None


CodeSource = bytes | str | PathLike[str] | Code
"""A zip as bytes, the path of a folder or of a zip file, or a :class:`Code`."""


class HealthCheckConfig(Model, frozen=True, kw_only=True):
    """Health check of a custom runtime's server. Times in seconds."""

    http_get_url: str | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    timeout_seconds: int | None = None
    failure_threshold: int | None = None
    success_threshold: int | None = None


class CustomRuntimeConfig(Model, frozen=True, kw_only=True):
    """Start command and port of a custom runtime."""

    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    port: int | None = None
    health_check_config: HealthCheckConfig | None = None


class LifecycleHook(Model, frozen=True, kw_only=True):
    """One hook of an instance: a handler (built-in runtimes) or a command, timeout in seconds."""

    handler: str | None = None
    timeout: int | None = None
    command: tuple[str, ...] | None = None


class InstanceLifecycleConfig(Model, frozen=True, kw_only=True):
    """Hooks that run when an instance starts and before it stops."""

    initializer: LifecycleHook | None = None
    pre_stop: LifecycleHook | None = None


class FunctionSettings(Model, frozen=True, kw_only=True):
    """Settings of a function, shared by requests and answers.

    ``cpu`` is in vCPU, ``memory_size`` and ``disk_size`` in MB, ``timeout`` in seconds. Ranges are
    in :mod:`fc_async_sdk.spec.limits`. Parts that asynchronous invocation doesn't use are passed
    through as plain JSON (``dict``).
    """

    description: str | None = None
    runtime: str | None = None
    handler: str | None = None
    cpu: float | None = None
    memory_size: int | None = None
    disk_size: int | None = None
    timeout: int | None = None
    environment_variables: dict[str, str] | None = None
    instance_concurrency: int | None = None
    role: str | None = None
    internet_access: bool | None = None
    custom_runtime_config: CustomRuntimeConfig | None = None
    instance_lifecycle_config: InstanceLifecycleConfig | None = None
    custom_container_config: dict[str, Any] | None = None
    log_config: dict[str, Any] | None = None
    vpc_config: dict[str, Any] | None = None
    nas_config: dict[str, Any] | None = None
    oss_mount_config: dict[str, Any] | None = None
    tracing_config: dict[str, Any] | None = None
    gpu_config: dict[str, Any] | None = None
    custom_dns: dict[str, Any] | None = msgspec.field(default=None, name="customDNS")
    disable_ondemand: bool | None = None
    idle_timeout: int | None = None
    session_affinity: str | None = None
    instance_isolation_mode: str | None = None


class Function(FunctionSettings, frozen=True, kw_only=True):
    """A function as the service describes it. Times are RFC 3339."""

    function_name: str
    function_arn: str | None = None
    function_id: str | None = None
    code_checksum: str | None = None
    code_size: int | None = None
    created_time: str | None = None
    last_modified_time: str | None = None
    layers: tuple[dict[str, Any], ...] | None = None
    state: str | None = None
    state_reason: str | None = None
    last_update_status: str | None = None
    tags: tuple[dict[str, str], ...] | None = None


class FunctionPage(Model, frozen=True, kw_only=True):
    """One page of ListFunctions."""

    functions: tuple[Function, ...] = ()
    next_token: str | None = None


class FunctionCode(Model, frozen=True, kw_only=True):
    """Address at which a function's code can be downloaded for a while."""

    checksum: str | None = None
    url: str | None = None


# --- versions, aliases, triggers, concurrency -------------------------------------------------


class FunctionVersion(Model, frozen=True, kw_only=True):
    """A published version: immutable."""

    version_id: str
    description: str | None = None
    created_time: str | None = None
    last_modified_time: str | None = None


class FunctionVersionPage(Model, frozen=True, kw_only=True):
    """One page of ListFunctionVersions."""

    versions: tuple[FunctionVersion, ...] = ()
    direction: str | None = None
    next_token: str | None = None


class Alias(Model, frozen=True, kw_only=True):
    """A name for a version, or for several with weights between 0 and 1."""

    alias_name: str
    version_id: str | None = None
    description: str | None = None
    additional_version_weight: dict[str, float] | None = None
    created_time: str | None = None
    last_modified_time: str | None = None


class AliasPage(Model, frozen=True, kw_only=True):
    """One page of ListAliases."""

    aliases: tuple[Alias, ...] = ()
    next_token: str | None = None


class Trigger(Model, frozen=True, kw_only=True):
    """A source of invocations besides the API.

    Attributes:
        trigger_config: A JSON document in a string; its form depends on ``trigger_type``.
    """

    trigger_name: str
    trigger_type: str | None = None
    trigger_id: str | None = None
    trigger_config: str | None = None
    qualifier: str | None = None
    source_arn: str | None = None
    target_arn: str | None = None
    invocation_role: str | None = None
    description: str | None = None
    status: str | None = None
    http_trigger: dict[str, Any] | None = None
    created_time: str | None = None
    last_modified_time: str | None = None


class TriggerPage(Model, frozen=True, kw_only=True):
    """One page of ListTriggers."""

    triggers: tuple[Trigger, ...] = ()
    next_token: str | None = None


class ConcurrencyConfig(Model, frozen=True, kw_only=True):
    """Largest number of instances of a function (``reservedConcurrency``)."""

    function_arn: str | None = None
    reserved_concurrency: int | None = None


class ConcurrencyConfigPage(Model, frozen=True, kw_only=True):
    """One page of ListConcurrencyConfigs."""

    configs: tuple[ConcurrencyConfig, ...] = ()
    next_token: str | None = None


prepare(*[kind for kind in globals().values() if isinstance(kind, type(Model))])
