# SPDX-License-Identifier: MIT
"""The least RAM policy that the destinations of a template need, and how another compares to it.

Pure: template in, policy documents out. It asks RAM nothing and grants nothing: people attach
what it prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin import PluginError
from fc_async_plugin.template.desired import desired, is_function
from fc_async_sdk.spec import arn, ram
from fc_async_sdk.spec.ram import VERSION, Permission

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_plugin.template.model import Project

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
            ram.permission_for(
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
    """Compare a policy document with what is needed.

    Args:
        granted: A RAM policy document. Its conditions are taken as fulfilled.
        permissions: What is needed.

    Raises:
        PluginError: It is not a policy document.
    """
    statements = granted.get("Statement") if isinstance(granted, dict) else None
    if not isinstance(statements, list):
        raise PluginError("this is no policy document: it has no list called Statement")
    if not all(isinstance(statement, dict) for statement in statements):
        raise PluginError("this is no policy document: a statement is no object")
    wanted = tuple(permissions)
    return Comparison(
        tuple(one for one in wanted if not ram.allows([granted], one, if_conditions_hold=True)),
        tuple(
            grant
            for grant in ram.grants(granted)
            if not any(ram.covers(one, grant) for one in wanted)
        ),
    )
