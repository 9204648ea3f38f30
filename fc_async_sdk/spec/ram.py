# SPDX-License-Identifier: MIT
"""Actions that RAM checks for a delivery or a call, and the policies that allow them.

Invariants:

- Actions and resources of destinations and of functions' own calls are spelled here only.
- ``*`` and ``?`` are the only wildcards of a pattern, and only the pattern of a policy has them.
- A matching Deny wins over every Allow; without a matching Allow nothing is allowed.

Sources: https://www.alibabacloud.com/help/en/ram/policy-structure-and-syntax (policies);
https://www.alibabacloud.com/help/en/mns/permission-policies-and-examples (MNS checks the
``/messages`` of a queue or topic when a message is sent; the name without it is the resource of
operations on the queue or topic itself);
https://help.aliyun.com/en/functioncompute/fc/user-guide/configure-an-oss-file-system-1 (mounts:
"read and write").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_sdk.spec.arn import DestinationArn, FunctionArn
from fc_async_sdk.spec.destinations import KINDS
from fc_async_sdk.spec.limits import DEFAULT_QUALIFIER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fc_async_sdk.spec.oss import OssTrigger

PUT_OBJECT: Final = "oss:PutObject"
"""Writing an object, in one request or in parts."""

_HEAD_PARTS: Final = 4
"""Parts of a resource name before the resource: ``acs:oss:{region}:{account}``."""

VERSION: Final = "1"
"""The only version of the policy language."""


class Permission(NamedTuple):
    """One action on one resource, both as RAM spells them."""

    action: str
    resource: str


def checked_for(destination: DestinationArn) -> Permission:
    """Return what RAM checks when a result goes to a destination.

    Args:
        destination: With region and account filled in.
    """
    kind = KINDS[destination.kind]
    return Permission(kind.action, destination.fill(kind.resource) or str(destination))


def permission_for(destination: DestinationArn) -> Permission:
    """Return the permission to write into a policy so that a destination can be called.

    It is what RAM checks, but for a version or alias of a function: whether the check names it
    after ``/`` or ``.`` is not documented, so the permission covers the function's name with any
    suffix.
    """
    checked = checked_for(destination)
    # The separator is not documented, so the name is covered with whatever follows it.
    if isinstance(destination, FunctionArn) and destination.qualifier != DEFAULT_QUALIFIER:
        return checked._replace(resource=checked.resource.rpartition("/")[0] + "*")
    return checked


def to_call(function: FunctionArn) -> list[Permission]:
    """Return the permissions of a function that starts tasks of another one and reads them."""
    return [Permission(f"fc:{name}", str(function)) for name in ("GetAsyncTask", "InvokeFunction")]


def to_mount(bucket: str, *, read_only: bool) -> list[Permission]:
    """Return the permissions of a function that mounts a bucket of OSS."""
    actions = ["GetObject"]
    if not read_only:
        actions += ["AbortMultipartUpload", "DeleteObject", "ListParts", "PutObject"]
    permissions = [Permission("oss:ListObjects", f"acs:oss:*:*:{bucket}")]
    permissions += [Permission(f"oss:{name}", f"acs:oss:*:*:{bucket}/*") for name in actions]
    return permissions


def to_store(bucket: str) -> list[Permission]:
    """Return the permissions of a function whose store of large payloads is a bucket of OSS."""
    objects = f"acs:oss:*:*:{bucket}/*"
    return [Permission("oss:GetObject", objects), Permission(PUT_OBJECT, objects)]


def to_log(
    region: str,
    account_id: str,
    project: str,
    logstore: str,
) -> Permission:
    """Return the permission of a function whose logs go to Log Service."""
    resource = f"acs:log:{region}:{account_id}:project/{project}/logstore/{logstore}"
    return Permission("log:PostLogStoreLogs", resource)


def to_create(destination: DestinationArn) -> list[Permission]:
    """Return the permissions to look for a queue, topic or event bus, create it and delete it.

    Args:
        destination: With region and account filled in. A function and a topic of RocketMQ need none
            here: they are not created in this way.
    """
    resource = str(destination).removesuffix("/messages")
    return [Permission(action, resource) for action in KINDS[destination.kind].creation]


def document(permissions: Iterable[Permission]) -> dict[str, Any]:
    """Return a policy document that allows permissions, with one statement per action."""
    by_action: dict[str, list[str]] = {}
    for permission in permissions:
        by_action.setdefault(permission.action, []).append(permission.resource)
    return {
        "Version": VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [action],
                "Resource": sorted(resources),
            }
            for action, resources in sorted(by_action.items())
        ],
    }


def allows(
    policies: Iterable[Mapping[str, Any]], permission: Permission, *, if_conditions_hold: bool
) -> bool:
    """Return whether policies allow an action on a resource.

    Conditions are not evaluated. A Deny with a condition denies as if it had none.

    Args:
        policies: Policy documents. A statement that cannot be read matches nothing.
        permission: What is asked for. Upper and lower case of the action are the same.
        if_conditions_hold: Whether an Allow with a condition allows.
    """
    allowed = False
    for policy in policies:
        for statement in listed(policy.get("Statement")):
            if not _matches(statement, permission):
                continue
            effect = str(statement.get("Effect")).lower()
            if effect == "deny":
                # A Deny wins wherever it stands, so the search for an Allow goes on to the end.
                return False
            holds = if_conditions_hold or not statement.get("Condition")
            if effect == "allow" and holds:
                allowed = True
    return allowed


def grants(policy: Mapping[str, Any]) -> Iterator[Permission]:
    """Yield the patterns that a policy allows; ``*`` stands for NotAction and NotResource."""
    for statement in listed(policy.get("Statement")):
        if str(statement.get("Effect")).lower() != "allow":
            continue
        actions = "*" if "NotAction" in statement else statement.get("Action")
        resources = "*" if "NotResource" in statement else statement.get("Resource")
        for action in listed(actions):
            for resource in listed(resources):
                yield Permission(str(action), str(resource))


def covers(grant: Permission, permission: Permission) -> bool:
    """Return whether the patterns of a grant match a permission."""
    return _matches({"Action": grant.action, "Resource": grant.resource}, permission)


def may_put(policy: Mapping[str, Any], trigger: OssTrigger) -> bool:
    """Return whether a policy may allow to write an object that an OSS trigger fires for.

    Looked at are the shortest key of the trigger, and the keys that the policy's own patterns name.
    """
    keys = _keys_to_try(policy, trigger)
    for head in _resource_heads(policy):
        for key in keys:
            permission = Permission(PUT_OBJECT, f"{head}:{trigger.bucket}/{key}")
            if allows([policy], permission, if_conditions_hold=True):
                return True
    return False


def _keys_to_try(policy: Mapping[str, Any], trigger: OssTrigger) -> list[str]:
    """Return keys that the trigger fires for, one for each pattern that may allow to write them."""
    shortest = f"{trigger.prefix}{trigger.suffix}" or "x"
    keys = {shortest, f"{trigger.prefix}x{trigger.suffix}"}
    for grant in grants(policy):
        _, _, pattern = grant.resource.partition(f":{trigger.bucket}/")
        # A key of a pattern: a star may stand for nothing, a question mark for one character.
        key = pattern.replace("*", "").replace("?", "x")
        keys.add(key)
        keys.add(f"{key}x{trigger.suffix}")
    keys.discard("")
    fired = [key for key in keys if key.startswith(trigger.prefix)]
    return [key for key in fired if key.endswith(trigger.suffix)]


def _resource_heads(policy: Mapping[str, Any]) -> set[str]:
    """Return what may stand before the bucket: policies write ``*``, or a region and an account."""
    heads = {"acs:oss:*:*"}
    for grant in grants(policy):
        parts = grant.resource.split(":")
        if len(parts) >= _HEAD_PARTS:
            heads.add(":".join(parts[:_HEAD_PARTS]))
    return heads


def listed(value: Any) -> list[Any]:
    """Return the values of an element of a policy, which may be one value or a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _matches(statement: Any, permission: Permission) -> bool:
    if not isinstance(statement, dict):
        return False
    if "NotAction" in statement:
        has_action = not _any(statement["NotAction"], permission.action, re.IGNORECASE)
    else:
        has_action = _any(statement.get("Action"), permission.action, re.IGNORECASE)
    if not has_action:
        return False
    if "NotResource" in statement:
        return not _any(statement["NotResource"], permission.resource)
    return _any(statement.get("Resource"), permission.resource)


def _any(patterns: Any, value: str, flags: int = 0) -> bool:
    # Without DOTALL, a name with a line break in it would escape a Deny with a star.
    flags |= re.DOTALL
    return any(
        re.fullmatch(_expression(str(pattern)), value, flags) for pattern in listed(patterns)
    )


def _expression(pattern: str) -> str:
    # Not fnmatch: RAM has no sets in brackets, and a name may hold a bracket.
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
