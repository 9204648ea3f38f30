# SPDX-License-Identifier: MIT
"""Asynchronous invocation of Alibaba Cloud Function Compute 3.0.

::

    import fc_async_sdk

    client = fc_async_sdk.client(region_name="cn-hangzhou", account_id="1234567890123456")
    accepted = client.invoke_async("resize", {"image": "a.png"}, delay=60, task_id="a-png")

Public names load when they are first used: this package is imported inside functions, where a
cold start is billed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fc_async_sdk import errors, events, hooks, idempotency, models, operations, payloads
    from fc_async_sdk._async_client import AsyncClient
    from fc_async_sdk._client import Client
    from fc_async_sdk._version import __version__
    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Credentials
    from fc_async_sdk.errors import FcAsyncError
    from fc_async_sdk.events import DestinationEvent, destination_handler, handler
    from fc_async_sdk.fanout import FanOut, Outcome, Progress
    from fc_async_sdk.handles import (
        AsyncFunctionHandle,
        AsyncTaskGroup,
        AsyncTaskHandle,
        FunctionHandle,
        TaskGroup,
        TaskHandle,
    )
    from fc_async_sdk.models import AsyncConfig, AsyncTask
    from fc_async_sdk.operations import AcceptedInvocation, InvokeResult
    from fc_async_sdk.session import Session, async_client, client, set_stream_logger
    from fc_async_sdk.spec import arn, limits

__all__ = [
    "AcceptedInvocation",
    "AsyncClient",
    "AsyncConfig",
    "AsyncFunctionHandle",
    "AsyncTask",
    "AsyncTaskGroup",
    "AsyncTaskHandle",
    "Client",
    "Config",
    "Credentials",
    "DestinationEvent",
    "FanOut",
    "FcAsyncError",
    "FunctionHandle",
    "InvokeResult",
    "Outcome",
    "Progress",
    "Session",
    "TaskGroup",
    "TaskHandle",
    "__version__",
    "arn",
    "async_client",
    "client",
    "destination_handler",
    "errors",
    "events",
    "handler",
    "hooks",
    "idempotency",
    "limits",
    "models",
    "operations",
    "payloads",
    "set_stream_logger",
]

_HOMES = {
    "AcceptedInvocation": "operations",
    "AsyncClient": "_async_client",
    "AsyncConfig": "models",
    "AsyncFunctionHandle": "handles",
    "AsyncTask": "models",
    "AsyncTaskGroup": "handles",
    "AsyncTaskHandle": "handles",
    "Client": "_client",
    "Config": "config",
    "Credentials": "credentials",
    "DestinationEvent": "events",
    "FanOut": "fanout",
    "FcAsyncError": "errors",
    "FunctionHandle": "handles",
    "InvokeResult": "operations",
    "Outcome": "fanout",
    "Progress": "fanout",
    "Session": "session",
    "TaskGroup": "handles",
    "TaskHandle": "handles",
    "__version__": "_version",
    "arn": "spec.arn",
    "async_client": "session",
    "client": "session",
    "destination_handler": "events",
    "errors": "errors",
    "events": "events",
    "handler": "events",
    "hooks": "hooks",
    "idempotency": "idempotency",
    "limits": "spec.limits",
    "models": "models",
    "operations": "operations",
    "payloads": "payloads",
    "set_stream_logger": "session",
}
"""The module of each name, or the module that it is."""


def __getattr__(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415 -- only when a name is asked for

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    module = import_module(f"fc_async_sdk.{home}")
    value: object = module if home.rpartition(".")[2] == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
