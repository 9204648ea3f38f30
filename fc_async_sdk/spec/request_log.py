# SPDX-License-Identifier: MIT
"""The request metrics that the service writes to a function's logstore: one entry for an execution.

Source: docs/reference/sources.md, "Request-level metric logs".
"""

from __future__ import annotations

from typing import Final

OPERATION: Final = "InvokeFunction"
ASYNC: Final = "Async"

MODES: Final = {False: "Stateless", True: "Stateful"}
"""``asyncMode`` by whether task mode is on."""

UNHANDLED: Final = "FunctionUnhandledError"
TIMEOUT: Final = "FunctionTimeoutError"
OUT_OF_MEMORY: Final = "FunctionOOMError"

FIELDS: Final = (
    "functionName",
    "versionId",
    "qualifier",
    "requestId",
    "operation",
    "invocationType",
    "instanceID",
    "memoryUsageMB",
    "durationMs",
    "hasFunctionError",
    "errorType",
    "asyncMode",
    "retryCount",
    "asyncAttemptStartTimestamp",
    "asyncAttemptLatencyMs",
)
"""The fields that the local runtime writes; the service has more, about instances and tracing."""
