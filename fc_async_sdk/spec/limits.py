# SPDX-License-Identifier: MIT
"""Every number and pattern of the service, written down once, each with its source.

Nothing else in the project may spell one of these out: the SDK checks with them before it sends,
the local runtime enforces them, the deploy plugin's rules and its JSON Schema are made from them.
This module decides nothing and raises nothing.

Sources, all linked in docs/reference/sources.md: *guide* is the user guide page "Asynchronous
invocation"; *API* is "API reference (2023-03-30)"; *quota* is the page "Quotas and limits".
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeGuard


class Range(NamedTuple):
    """A closed interval of integers and what the service assumes when nothing is set."""

    low: int
    high: int
    default: int

    def __contains__(self, value: object) -> bool:
        """Tell whether a value is an int inside the interval; bool does not count as int."""
        return type(value) is int and self.low <= value <= self.high


API_VERSION: Final = "2023-03-30"
"""API: the version in every path."""

STOPPED_CLOCK: Final = "x-fc-async-stopped-clock"
"""Ours: header of the local runtime's answers to GET while its virtual clock stands still, with the
time in milliseconds since the epoch."""

DEFAULT_QUALIFIER: Final = "LATEST"
"""API: an absent qualifier is the unpublished code."""

RETRY_ATTEMPTS: Final = Range(0, 8, 3)
"""guide: maxAsyncRetryAttempts, [0, 8], 3 when unset. Executions are one more."""

EVENT_AGE_SECONDS: Final = Range(1, 604_800, 86_400)
"""guide: maxAsyncEventAgeInSeconds, [1, 604800], 86400 when unset, from the trigger on."""

DELAY_SECONDS: Final = Range(1, 3_599, 0)
"""guide: x-fc-async-delay, the open interval (0, 3600), whole seconds; no delay when unset."""

TASK_ID_PATTERN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
"""API: x-fc-async-task-id, at most 128 characters. Use with ``fullmatch``."""

REQUEST_ID_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""Ours: what a caller may send as x-fc-request-id. Without a task id it becomes the task's id,
whose characters and length these are; the service's own ids begin with a digit."""

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]{0,127}"

FUNCTION_NAME_PATTERN: Final = re.compile(rf"{_NAME}(?:\${_NAME})?")
"""API: functionName, 1-128 letters, digits, ``_`` and ``-``, no digit or ``-`` in front. A function
of FC 2.0 is named ``service$function``; ``s cli fc3 s2tos3`` writes these names (fc3 0.1.22,
src/subCommands/2to3)."""

TRIGGER_NAME_PATTERN: Final = re.compile(_NAME)
"""API: triggerName, 1-128 characters."""

ALIAS_NAME_PATTERN: Final = re.compile(_NAME)
"""API: aliasName, 1-128 characters; never all digits, that would be a version."""

VERSION_ID_PATTERN: Final = re.compile(r"[0-9]{1,10}")
"""API: versionId, a decimal string of 1-10 digits."""

DESTINATION_LENGTH: Final = 512
"""API: the longest destination ARN, in characters."""

ASYNC_PAYLOAD_BYTES: Final = 128 * 1024
"""quota: the largest payload of an asynchronous invocation."""

ASYNC_PAYLOAD_GRANTED_BYTES: Final = 256 * 1024
"""quota: up to what the limit of asynchronous payloads is raised for an account that asks."""

SYNC_PAYLOAD_BYTES: Final = 32 * 1024 * 1024
"""quota: the largest payload of a synchronous invocation."""

HTTP_HEADERS_BYTES: Final = 8 * 1024
"""HTTP triggers: all headers of a request together, and all headers of an answer."""

HTTP_TARGET_BYTES: Final = 4 * 1024
"""HTTP triggers: path and query of a request together."""

DEFAULT_EVENT_BUS: Final = "default"
"""guide: EventBridge's bus of cloud services; only custom buses can be a destination."""

ROCKETMQ_5_PREFIX: Final = "rmq-"
"""guide: only RocketMQ instances of the 4.0 series can be a destination; ids of 5.x begin so."""

PAGE_SIZE: Final = Range(1, 100, 20)
"""API: ``limit`` of the list operations."""

TASK_RETENTION_SECONDS: Final = 7 * 86_400
"""API: how long a finished task stays readable and its id taken."""

QUEUE_RETENTION_SECONDS: Final = Range(60, 604_800, 345_600)
"""MNS API, CreateQueue, MessageRetentionPeriod: how long a queue keeps a message."""

FUNCTION_TIMEOUT_SECONDS: Final = Range(1, 86_400, 3)
"""quota: how long one execution may take."""

INITIALIZER_TIMEOUT_SECONDS: Final = Range(1, 300, 3)
"""quota: how long an instance's initializer may take."""

PRE_STOP_TIMEOUT_SECONDS: Final = Range(1, 90, 3)
"""quota: how long an instance's pre-stop hook may take."""

CUSTOM_RUNTIME_PORT: Final = 9000
"""API: where a custom runtime listens when customRuntimeConfig.port (caPort) is unset."""

PORTS: Final = Range(1, 65_535, CUSTOM_RUNTIME_PORT)
"""API: where a custom runtime or a container may listen."""

INSTANCE_CONCURRENCY: Final = Range(1, 200, 1)
"""API: how many requests one instance runs at a time."""

MEMORY_MB: Final = Range(128, 32_768, 512)
"""API: memorySize in MB, a multiple of the step."""

MEMORY_STEP_MB: Final = 64
"""API: memorySize is a multiple of this."""

DISK_MB: Final = (512, 10_240)
"""API: the values of diskSize in MB; the first is the default."""

CPU: Final = (0.05, 16)
"""API: the least and the most vCPU of cpu, a multiple of the step."""

CPU_STEP: Final = 0.05
"""API: cpu is a multiple of this."""

GPU_MEMORY_STEP_MB: Final = 1024
"""API: gpuConfig.gpuMemorySize in MB is a multiple of this."""

DESCRIPTION_LENGTH: Final = 256
"""API: the longest description of a function, version or alias, in characters."""

HANDLER_LENGTH: Final = 128
"""API: the longest handler, in characters."""

ROLE_LENGTH: Final = 300
"""API: the longest role of a function, in characters."""

ENVIRONMENT_BYTES: Final = 4 * 1024
"""quota: all environment variables of a function together."""

LOG_TAIL_BYTES: Final = 4 * 1024
"""API: how much of the log ``x-fc-log-type: Tail`` returns."""

ACCOUNT_INSTANCES: Final = 100
"""guide: instances per account and region before a call counts as throttled."""

SYSTEM_RETRY_FIRST_MS: Final = 500
"""guide: wait before the first retry after throttling, a system error or lack of resources."""

SYSTEM_RETRY_SPAN_MS: Final = 5 * 3_600_000
"""guide: how long those retries go on: 0.5 s, 1 s, 2 s, 4 s, 8 s and so on for 5 hours."""

DELIVERY_RETRY_FIRST_MS: Final = 500
"""guide: wait before a destination that answered 5xx is called again."""

DELIVERY_RETRY_SPAN_MS: Final = 30 * 60_000
"""guide: how long a destination that answers 5xx is called again, doubling."""

SIGNATURE_SKEW_SECONDS: Final = 15 * 60
"""API: how far ``x-acs-date`` may be from the server's clock."""

ROCKETMQ_BATCH: Final = Range(1, 16, 1)
"""RocketMQ 4.x over HTTP: messages that one request receives or acknowledges."""

ROCKETMQ_POLLING_SECONDS: Final = Range(0, 30, 0)
"""RocketMQ 4.x over HTTP: how long a request waits for a message."""

LONGEST_WAIT_SECONDS: Final = 1_000_000_000
"""Ours: a time-out that the sockets of every platform take."""

WAIT_EXPECTED: Final = f"a number of seconds, more than 0, at most {LONGEST_WAIT_SECONDS:,}"


def is_wait(value: object) -> TypeGuard[float]:
    """Return whether a value is a number of seconds that something may wait."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return 0 < value <= LONGEST_WAIT_SECONDS
