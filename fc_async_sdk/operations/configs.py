# SPDX-License-Identifier: MIT
"""Configurations of functions: PutAsyncInvokeConfig, PutConcurrencyConfig and their like."""

from __future__ import annotations

from typing import Final, TypeVar

from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.models import (
    AsyncConfig,
    AsyncConfigPage,
    ConcurrencyConfig,
    ConcurrencyConfigPage,
    Destination,
    DestinationConfig,
)
from fc_async_sdk.operations import checks
from fc_async_sdk.operations.call import (
    Call,
    delete_call,
    get_call,
    of_function,
    page,
    path,
    put_call,
    qualified,
)
from fc_async_sdk.spec import arn, limits

T = TypeVar("T")

_RESERVED: Final = limits.Range(0, 1_000_000, 0)


def put_async_invoke_config(
    function: str,
    *,
    qualifier: str | None = None,
    async_task: bool | None = None,
    max_async_retry_attempts: int | None = None,
    max_async_event_age_in_seconds: int | None = None,
    on_success: str | arn.DestinationArn | None = None,
    on_failure: str | arn.DestinationArn | None = None,
    config: AsyncConfig | None = None,
) -> Call[AsyncConfig]:
    """Create or replace the asynchronous configuration of a function.

    It replaces: what isn't given falls back to the service's default, whatever was set before.

    Args:
        function: Name of the function.
        qualifier: Version or alias it holds for; None is LATEST.
        async_task: Task mode: every invocation is recorded and can be queried and stopped.
        max_async_retry_attempts: Retries after function errors, 0-8 (guide); 3 when None.
        max_async_event_age_in_seconds: Seconds from the trigger on after which an invocation is
            dropped, 1-604800 (guide); 86400 when None.
        on_success: Where the result goes when the function returned; an ARN.
        on_failure: Where it goes when the function failed for good; an ARN.
        config: All of these in one, such as one that was read before; the arguments above win.

    Raises:
        InvalidParameter: An argument is wrong; nothing was sent.
        InvalidArn: A destination is not an ARN; nothing was sent.
        FunctionNotFound: No such function.
    """
    base = config if config is not None else AsyncConfig()
    if not isinstance(base, AsyncConfig):
        raise InvalidParameter("config", base, "must be an AsyncConfig")
    document = AsyncConfig(
        async_task=_either(async_task, base.async_task),
        max_async_retry_attempts=_either(max_async_retry_attempts, base.max_async_retry_attempts),
        max_async_event_age_in_seconds=_either(
            max_async_event_age_in_seconds, base.max_async_event_age_in_seconds
        ),
        destination_config=_destinations(
            on_success if on_success is not None else base.on_success,
            on_failure if on_failure is not None else base.on_failure,
            explicit=base.destination_config is not None,
        ),
    )
    checked = checks.async_config(document)
    return put_call(
        "PutAsyncInvokeConfig",
        _async_config(function),
        AsyncConfig,
        checked,
        qualified(qualifier),
    )


def get_async_invoke_config(function: str, *, qualifier: str | None = None) -> Call[AsyncConfig]:
    """Read the asynchronous configuration of a function.

    Args:
        function: Name of the function.
        qualifier: Version or alias; None is LATEST. One is not inherited by another.

    Raises:
        AsyncConfigNotExists: There is none.
        FunctionNotFound: No such function.
    """
    return get_call(
        "GetAsyncInvokeConfig", _async_config(function), AsyncConfig, qualified(qualifier)
    )


def delete_async_invoke_config(function: str, *, qualifier: str | None = None) -> Call[None]:
    """Delete the asynchronous configuration of a function.

    Args:
        function: Name of the function.
        qualifier: Version or alias; None is LATEST.

    Raises:
        AsyncConfigNotExists: There is none.
        FunctionNotFound: No such function.
    """
    return delete_call(
        "DeleteAsyncInvokeConfig", _async_config(function), parameters=qualified(qualifier)
    )


def list_async_invoke_configs(
    function: str | None = None, *, limit: int | None = None, next_token: str | None = None
) -> Call[AsyncConfigPage]:
    """List asynchronous configurations, one page.

    Args:
        function: Only this function's; None lists those of all functions.
        limit: Configurations per page, 1-100 (API); 20 when None.
        next_token: Where the page before ended.
    """
    return get_call(
        "ListAsyncInvokeConfigs",
        path("async-invoke-configs"),
        AsyncConfigPage,
        _page(function, limit, next_token),
    )


def _page(function: str | None, limit: int | None, next_token: str | None) -> str:
    named = None if function is None else checks.segment("function", function)
    return page(limit, next_token, functionName=named)


def _async_config(function: str) -> str:
    return of_function(function, "async-invoke-config")


def _either(value: T | None, otherwise: T | None) -> T | None:
    return value if value is not None else otherwise


def _destinations(
    on_success: str | arn.DestinationArn | None,
    on_failure: str | arn.DestinationArn | None,
    *,
    explicit: bool,
) -> DestinationConfig | None:
    if on_success is None and on_failure is None and not explicit:
        return None
    # An empty one that was given is sent: it takes destinations away even where a put merges.
    return DestinationConfig(
        on_success=_destination(on_success), on_failure=_destination(on_failure)
    )


def _destination(destination: str | arn.DestinationArn | None) -> Destination | None:
    if destination is None:
        return None
    if not isinstance(destination, arn.Arn):
        arn.parse(destination)
    return Destination(destination=str(destination))


# --- concurrency: how many instances a function may use -----------------------------------------


def put_concurrency_config(function: str, *, reserved_concurrency: int) -> Call[ConcurrencyConfig]:
    """Limit how many instances a function may use; they are set aside for it.

    Args:
        function: Name of the function.
        reserved_concurrency: Instances; 0 stops the function: every call is throttled.

    Raises:
        InvalidParameter: It is not a whole number, 0 or more; nothing was sent.
        FunctionNotFound: No such function.
    """
    if type(reserved_concurrency) is not int or reserved_concurrency not in _RESERVED:
        raise InvalidParameter(
            "reserved_concurrency", reserved_concurrency, "must be a whole number, 0 or more"
        )
    document = ConcurrencyConfig(reserved_concurrency=reserved_concurrency)
    return put_call("PutConcurrencyConfig", _concurrency(function), ConcurrencyConfig, document)


def get_concurrency_config(function: str) -> Call[ConcurrencyConfig]:
    """Read a function's limit of instances.

    Args:
        function: Name of the function.

    Raises:
        NotFound: It has none, or there is no such function.
    """
    return get_call("GetConcurrencyConfig", _concurrency(function), ConcurrencyConfig)


def delete_concurrency_config(function: str) -> Call[None]:
    """Remove a function's limit of instances.

    Args:
        function: Name of the function.

    Raises:
        NotFound: It has none, or there is no such function.
    """
    return delete_call("DeleteConcurrencyConfig", _concurrency(function))


def list_concurrency_configs(
    function: str | None = None, *, limit: int | None = None, next_token: str | None = None
) -> Call[ConcurrencyConfigPage]:
    """List limits of instances, one page.

    Args:
        function: Only this function's; None lists those of all functions.
        limit: Entries per page, 1-100 (API); 20 when None.
        next_token: Where the page before ended.
    """
    return get_call(
        "ListConcurrencyConfigs",
        path("concurrency-configs"),
        ConcurrencyConfigPage,
        _page(function, limit, next_token),
    )


def _concurrency(function: str) -> str:
    return of_function(function, "concurrency")
