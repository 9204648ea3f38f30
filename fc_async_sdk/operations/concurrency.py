# SPDX-License-Identifier: MIT
"""Concurrency: how many instances a function may use. PutConcurrencyConfig and its like."""

from __future__ import annotations

from typing import Final

from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.models import ConcurrencyConfig, ConcurrencyConfigPage
from fc_async_sdk.operations import checks
from fc_async_sdk.operations.call import Call, delete_call, json_call, of_function, page, path
from fc_async_sdk.spec import limits

_RESERVED: Final = limits.Range(0, 1_000_000, 0)


def put_concurrency_config(function: str, *, reserved_concurrency: int) -> Call[ConcurrencyConfig]:
    """Limit how many instances a function may use; they are set aside for it.

    Args:
        function: Name of the function.
        reserved_concurrency: Instances; 0 stops the function: every call is throttled.

    Raises:
        FunctionNotFound: No such function.
    """
    if type(reserved_concurrency) is not int or reserved_concurrency not in _RESERVED:
        raise InvalidParameter(
            "reserved_concurrency", reserved_concurrency, "must be a whole number, 0 or more"
        )
    return json_call(
        "PutConcurrencyConfig",
        "PUT",
        _path(function),
        ConcurrencyConfig,
        document=ConcurrencyConfig(reserved_concurrency=reserved_concurrency),
    )


def get_concurrency_config(function: str) -> Call[ConcurrencyConfig]:
    """Read a function's limit of instances.

    Args:
        function: Name of the function.

    Raises:
        NotFound: It has none, or there is no such function.
    """
    return json_call("GetConcurrencyConfig", "GET", _path(function), ConcurrencyConfig)


def delete_concurrency_config(function: str) -> Call[None]:
    """Remove a function's limit of instances.

    Args:
        function: Name of the function.

    Raises:
        NotFound: It has none, or there is no such function.
    """
    return delete_call("DeleteConcurrencyConfig", _path(function))


def list_concurrency_configs(
    function: str | None = None, *, limit: int | None = None, next_token: str | None = None
) -> Call[ConcurrencyConfigPage]:
    """List limits of instances, one page.

    Args:
        function: Only this function's; None lists those of all functions.
        limit: Entries per page, 1-100 (API); 20 when None.
        next_token: Where the page before ended.
    """
    return json_call(
        "ListConcurrencyConfigs",
        "GET",
        path("concurrency-configs"),
        ConcurrencyConfigPage,
        parameters=page(
            limit,
            next_token,
            functionName=checks.segment("function", function) if function is not None else None,
        ),
    )


def _path(function: str) -> str:
    return of_function(function, "concurrency")
