# SPDX-License-Identifier: MIT
"""The least RAM policy that the destinations of a template need, and how another compares to it.

Pure: template in, policy documents out. It asks RAM nothing and grants nothing: people attach
what it prints.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.errors import PluginError
from fc_async_plugin.template.desired import desired, is_function
from fc_async_sdk import arn
from fc_async_sdk.arn import (
    DestinationArn,
    EventBusArn,
    FunctionArn,
    MnsQueueArn,
    MnsTopicArn,
    RocketMqTopicArn,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_plugin.template.model import Project

VERSION: Final = "1"
"""Of RAM's policy language."""
TRUST: Final[dict[str, Any]] = {
    "Version": VERSION,
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": ["fc.aliyuncs.com"]},
        }
    ],
}
"""The trust policy that lets Function Compute take a role on."""
DEPLOY_ACTIONS: Final = (
    "fc:DeleteAsyncInvokeConfig",
    "fc:GetFunction",
    "fc:ListAliases",
    "fc:ListAsyncInvokeConfigs",
    "fc:ListFunctionVersions",
    "fc:ListFunctions",
    "fc:ListTriggers",
    "fc:PutAsyncInvokeConfig",
)
"""What plan, deploy and remove call for configuration alone."""
_LISTING: Final = (
    "fc:GetFunction",
    "fc:ListAliases",
    "fc:ListAsyncInvokeConfigs",
    "fc:ListFunctions",
    "fc:ListTriggers",
)
"""Of these, what destinations lead to is read too: any function of the region."""
DEPLOY_FUNCTION_ACTIONS: Final = (
    "fc:CreateAlias",
    "fc:CreateFunction",
    "fc:DeleteAlias",
    "fc:DeleteFunction",
    "fc:DeleteFunctionVersion",
    "fc:GetFunctionCode",
    "fc:PublishFunctionVersion",
    "fc:UpdateAlias",
    "fc:UpdateFunction",
)
"""What --with-functions calls besides."""


class Permission(NamedTuple):
    """One action on one resource, both as RAM spells them."""

    action: str
    resource: str


class RolePolicy(NamedTuple):
    """What one role needs.

    Attributes:
        role: Its ARN or name; "" for functions that have none.
        functions: Whose destinations it is for.
        permissions: Sorted.
    """

    role: str
    functions: tuple[str, ...]
    permissions: tuple[Permission, ...]


def needed(project: Project) -> list[RolePolicy]:
    """What each role of a template needs so that every destination can be called.

    Raises:
        TemplateError: A block has a value of a wrong type.
        InvalidArn: A destination is no ARN.
    """
    functions: dict[str, list[str]] = {}
    permissions: dict[str, set[Permission]] = {}
    for resource in project.resources:
        block = desired(resource) if is_function(resource) else None
        if block is None:
            continue
        found = {
            permission_for(
                arn.parse(text).resolve(
                    region=resource.region or "*", account_id=resource.account_id or "*"
                )
            )
            for text in (block.config.on_success, block.config.on_failure)
            if text
        }
        if found:
            role = str(resource.props.get("role") or "")
            functions.setdefault(role, []).append(resource.function_name)
            permissions.setdefault(role, set()).update(found)
    return [
        RolePolicy(role, tuple(dict.fromkeys(functions[role])), tuple(sorted(permissions[role])))
        for role in sorted(functions)
    ]


def permission_for(destination: DestinationArn) -> Permission:
    """The one permission that calling a destination takes."""
    place = f"{destination.region}:{destination.account_id}"
    match destination:
        case FunctionArn(function=function):
            # Calling a version or alias is checked against the function with a suffix.
            found = Permission("fc:InvokeFunction", f"acs:fc:{place}:functions/{function}*")
            if destination.qualifier == "LATEST":
                found = found._replace(resource=f"acs:fc:{place}:functions/{function}")
        case MnsQueueArn(queue=queue):
            found = Permission("mns:SendMessage", f"acs:mns:{place}:/queues/{queue}/messages")
        case MnsTopicArn(topic=topic):
            found = Permission("mns:PublishMessage", f"acs:mns:{place}:/topics/{topic}/messages")
        case EventBusArn(bus=bus):
            found = Permission("eventbridge:PutEvents", f"acs:eventbridge:{place}:eventbus/{bus}")
        case RocketMqTopicArn(instance_id=instance, topic=topic):
            found = Permission("mq:PUB", f"acs:mq:{place}:{instance}%{topic}")
    return found


def document(permissions: Iterable[Permission]) -> dict[str, Any]:
    """A policy document: one statement per action."""
    by_action: dict[str, list[str]] = {}
    for permission in permissions:
        by_action.setdefault(permission.action, []).append(permission.resource)
    return {
        "Version": VERSION,
        "Statement": [
            {"Effect": "Allow", "Action": [action], "Resource": sorted(resources)}
            for action, resources in sorted(by_action.items())
        ],
    }


def deployer(project: Project, *, functions: bool) -> dict[str, Any]:
    """What the keys need that deploy the template.

    Args:
        project: The template.
        functions: Also for --with-functions.
    """
    actions = DEPLOY_ACTIONS + (DEPLOY_FUNCTION_ACTIONS if functions else ())
    resources = sorted(
        {
            f"acs:fc:{one.region or '*'}:{one.account_id or '*'}:functions/{one.function_name}*"
            for one in project.resources
            if is_function(one)
        }
    )
    regions = sorted(
        {
            f"acs:fc:{one.region or '*'}:{one.account_id or '*'}:*"
            for one in project.resources
            if is_function(one)
        }
    )
    listing = [one for one in actions if one in _LISTING]
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": sorted(set(actions) - set(listing)),
            "Resource": resources,
        },
        {"Effect": "Allow", "Action": listing, "Resource": regions},
    ]
    roles = sorted({str(one.props["role"]) for one in project.resources if one.props.get("role")})
    if functions and roles:
        statements.append({"Effect": "Allow", "Action": ["ram:PassRole"], "Resource": roles})
    return {"Version": VERSION, "Statement": statements}


# --- comparing ---------------------------------------------------------------------------------


class Comparison(NamedTuple):
    """A policy held against what is needed.

    Attributes:
        missing: Needed and not granted.
        excess: Granted and not needed: (action, resource) patterns as the policy has them.
    """

    missing: tuple[Permission, ...]
    excess: tuple[Permission, ...]


def compare(granted: Any, permissions: Iterable[Permission]) -> Comparison:
    """Hold a policy document against what is needed.

    Args:
        granted: A RAM policy document. Conditions are taken for fulfilled.
        permissions: What is needed.

    Raises:
        PluginError: It is no policy document.
    """
    wanted = tuple(permissions)
    allowed = list(_statements(granted, "Allow"))
    denied = list(_statements(granted, "Deny"))
    missing = tuple(
        one
        for one in wanted
        if not any(_covers(grant, one) for grant in allowed)
        or any(_covers(grant, one) for grant in denied)
    )
    excess = tuple(
        grant for grant in allowed if not any(_equal_scope(grant, one) for one in wanted)
    )
    return Comparison(missing, excess)


def _statements(policy: Any, effect: str) -> Iterable[Permission]:
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    if not isinstance(statements, list):
        raise PluginError("this is no policy document: it has no list called Statement")
    for statement in statements:
        if not isinstance(statement, dict):
            raise PluginError("this is no policy document: a statement is no object")
        if statement.get("Effect") == effect:
            for action in _list(statement.get("Action")):
                for resource in _list(statement.get("Resource")):
                    yield Permission(action, resource)


def _list(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _covers(grant: Permission, one: Permission) -> bool:
    return fnmatch.fnmatchcase(one.action.lower(), grant.action.lower()) and fnmatch.fnmatchcase(
        one.resource, grant.resource
    )


def _equal_scope(grant: Permission, one: Permission) -> bool:
    """Whether a grant gives no more than what is needed; ``*`` for the account is the same."""
    return grant.action.lower() == one.action.lower() and (
        grant.resource == one.resource or _covers(Permission("*", one.resource), grant)
    )
