# SPDX-License-Identifier: MIT
"""The refusals of the service about functions and their configuration, in its own words.

Source of codes and messages: the API's error pages; where only a code is known, the words are
ours. Nothing here decides *when* to refuse.
"""

from __future__ import annotations

from fc_async_local.engine.protocol import Rejected


def invalid_argument(message: str) -> Rejected:
    """400: an argument is out of its range or of the wrong type."""
    return Rejected(400, "InvalidArgument", message)


def invalid_destination(message: str) -> Rejected:
    """400: a destination is empty, no ARN, or of a kind that can't be one."""
    return Rejected(400, "InvalidDestinationResources", message)


def function_not_found(name: str) -> Rejected:
    """404."""
    return Rejected(404, "FunctionNotFound", f"function '{name}' does not exist")


def invocation_disabled(name: str, reason: str) -> Rejected:
    """403. The code is ours: the API reference names none."""
    why = f" ({reason})" if reason else ""
    return Rejected(
        403,
        "FunctionInvocationDisabled",
        f"invocation of function '{name}' is disabled{why}; call EnableFunctionInvocation first",
    )


def version_not_found(name: str, version_id: str) -> Rejected:
    """404."""
    return Rejected(
        404, "VersionNotFound", f"version '{version_id}' of function '{name}' does not exist"
    )


def alias_not_found(name: str, alias: str) -> Rejected:
    """404."""
    return Rejected(404, "AliasNotFound", f"alias '{alias}' of function '{name}' does not exist")


def trigger_not_found(name: str, trigger: str) -> Rejected:
    """404."""
    return Rejected(
        404, "TriggerNotFound", f"trigger '{trigger}' of function '{name}' does not exist"
    )


def trigger_exists(name: str, trigger: str) -> Rejected:
    """409."""
    return Rejected(
        409, "TriggerAlreadyExists", f"trigger '{trigger}' of function '{name}' already exists"
    )


def concurrency_not_found(name: str) -> Rejected:
    """404. Code: the Terraform provider (alicloud_fcv3_concurrency_config) reads it as "absent"."""
    return Rejected(404, "OnDemandConfigNotFound", f"function '{name}' has no reserved concurrency")


def async_config_not_exists(name: str, qualifier: str) -> Rejected:
    """404."""
    return Rejected(
        404, "AsyncConfigNotExists", f"AsyncConfig for {name}:{qualifier} does not exist"
    )


def function_exists(name: str) -> Rejected:
    """409."""
    return Rejected(409, "FunctionAlreadyExists", f"function '{name}' already exists")


def alias_exists(name: str, alias: str) -> Rejected:
    """409."""
    return Rejected(
        409, "AliasAlreadyExists", f"alias '{alias}' of function '{name}' already exists"
    )


def concurrent_update(what: str) -> Rejected:
    """409: somebody else changed it between our reading and our writing."""
    return Rejected(
        409, "ConcurrentUpdateError", f"{what} was changed by somebody else meanwhile; try again"
    )
