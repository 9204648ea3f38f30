# SPDX-License-Identifier: MIT
"""One function per API operation; none of them does I/O.

Each checks its arguments and returns a :class:`Call`: the request and how to read its answer.

Ranges are those of :mod:`fc_async_sdk.spec.limits`. *guide*, *API* and *quota* are its sources, all
linked in docs/reference/sources.md. All operations raise InvalidParameter for a wrong argument,
before anything is sent, and what a client's ``send`` raises.

``client.get_function("f")`` is ``send(operations.get_function("f"))``; both clients do that.
"""

from fc_async_sdk.operations.call import Answer, Call
from fc_async_sdk.operations.configs import (
    delete_async_invoke_config,
    delete_concurrency_config,
    get_async_invoke_config,
    get_concurrency_config,
    list_async_invoke_configs,
    list_concurrency_configs,
    put_async_invoke_config,
    put_concurrency_config,
)
from fc_async_sdk.operations.functions import (
    FunctionOptions,
    create_function,
    delete_function,
    disable_function_invocation,
    enable_function_invocation,
    get_function,
    get_function_code,
    list_functions,
    update_function,
)
from fc_async_sdk.operations.invoke import (
    AcceptedInvocation,
    InvokeResult,
    invoke,
    invoke_async,
    invoke_later,
)
from fc_async_sdk.operations.resources import (
    create_alias,
    create_trigger,
    delete_alias,
    delete_function_version,
    delete_trigger,
    get_alias,
    get_trigger,
    list_aliases,
    list_function_versions,
    list_triggers,
    publish_function_version,
    update_alias,
    update_trigger,
)
from fc_async_sdk.operations.tasks import get_async_task, list_async_tasks, stop_async_task

__all__ = [
    "AcceptedInvocation",
    "Answer",
    "Call",
    "FunctionOptions",
    "InvokeResult",
    "create_alias",
    "create_function",
    "create_trigger",
    "delete_alias",
    "delete_async_invoke_config",
    "delete_concurrency_config",
    "delete_function",
    "delete_function_version",
    "delete_trigger",
    "disable_function_invocation",
    "enable_function_invocation",
    "get_alias",
    "get_async_invoke_config",
    "get_async_task",
    "get_concurrency_config",
    "get_function",
    "get_function_code",
    "get_trigger",
    "invoke",
    "invoke_async",
    "invoke_later",
    "list_aliases",
    "list_async_invoke_configs",
    "list_async_tasks",
    "list_concurrency_configs",
    "list_function_versions",
    "list_functions",
    "list_triggers",
    "publish_function_version",
    "put_async_invoke_config",
    "put_concurrency_config",
    "stop_async_task",
    "update_alias",
    "update_function",
    "update_trigger",
]
