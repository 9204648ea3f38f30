# SPDX-License-Identifier: MIT
"""Computes the least RAM policy that a template needs, and compares a policy with it.

Pure: a template goes in, policy documents come out. RAM is not read or changed.

Invariants:

- No policy has an expression of a template: RAM would take it for a name. ``*`` stands for what is
  not known, such as the account or an output of another resource.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.project import channels, code_uses
from fc_async_plugin.project.code import folder_of
from fc_async_plugin.s_yaml.model import BLOCK, bucket_of_payloads, desired, value_at
from fc_async_sdk.spec import arn, limits, ram
from fc_async_sdk.spec.ram import VERSION, Permission

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from fc_async_plugin.s_yaml.model import Project, Resource

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
"""The trust policy that allows Function Compute to assume a role."""
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
"""Actions of plan, deploy and remove for configuration alone."""
_LISTING: Final = (
    "fc:GetFunction",
    "fc:ListAliases",
    "fc:ListAsyncInvokeConfigs",
    "fc:ListConcurrencyConfigs",
    "fc:ListFunctions",
    "fc:ListTriggers",
)
"""Actions on any function of the region, because the targets of destinations are read, too."""
DEPLOY_FUNCTION_ACTIONS: Final = (
    "fc:CreateAlias",
    "fc:CreateFunction",
    "fc:CreateTrigger",
    "fc:DeleteAlias",
    "fc:DeleteConcurrencyConfig",
    "fc:DeleteFunction",
    "fc:DeleteFunctionVersion",
    "fc:DeleteTrigger",
    "fc:GetFunctionCode",
    "fc:ListConcurrencyConfigs",
    "fc:PublishFunctionVersion",
    "fc:PutConcurrencyConfig",
    "fc:UpdateAlias",
    "fc:UpdateFunction",
    "fc:UpdateTrigger",
)
"""Further actions of --with-functions."""


CALLER_ACTIONS: Final = (
    "fc:GetAsyncTask",
    "fc:InvokeFunction",
    "fc:ListAsyncTasks",
    "fc:StopAsyncTask",
)
"""Actions of a program or a person that calls functions, and lists, stops and replays tasks."""


_EXPRESSION: Final = re.compile(r"\$\{(?:[^}'\"]|'[^']*'|\"[^\"]*\")*\}|<%.*?%>", re.DOTALL)
"""An expression that was not resolved."""
_UNKNOWN: Final = "9" * 32
"""Stands for an expression until the policy is made: digits are valid in names and account ids."""
_NAMING: Final = ("functionName", "role", BLOCK, "triggers", "logConfig", "ossMountConfig")
"""Props whose texts are in policies."""


class RolePolicy(NamedTuple):
    """The permissions that one role needs.

    Attributes:
        role: ARN or name of the role; "" for functions without a role.
        functions: The functions that have the role.
        permissions: The permissions that they need, sorted.
    """

    role: str
    functions: tuple[str, ...]
    permissions: tuple[Permission, ...]


def needed(project: Project, reader: code_uses.Reader | None = None) -> list[RolePolicy]:
    """Return the permissions that each role of a template needs.

    These are the permissions to reach all destinations, to write the logs, to mount buckets, to
    keep large payloads in a bucket, to call the functions that the code of a Python function names
    or that an environment variable names, and to call itself for messages that wait. What else the
    code calls is not known (:func:`unknown_calls`).

    Args:
        project: The template.
        reader: Has read its code, perhaps; None: it is read now.

    Raises:
        TemplateError: A block has a value of a wrong type.
        InvalidArn: A destination is not an ARN.
    """
    functions: dict[str, list[str]] = {}
    permissions: dict[str, set[Permission]] = {}
    reader = reader or code_uses.Reader(folder_of(project))
    project = _without_expressions(project)
    names = {resource.function_name for resource in project.functions}
    for resource in project.functions:
        of_function = set(_of(resource, names))
        uses = reader.uses(resource)
        if uses is not None:
            of_function.update(of_code(resource, uses))
        if of_function:
            role = str(resource.props.get("role") or "")
            if role == _UNKNOWN:
                role = _role_arn(role, resource)
            functions.setdefault(role, []).append(resource.function_name)
            permissions.setdefault(role, set()).update(of_function)
    return [
        RolePolicy(
            _starred(role),
            tuple(dict.fromkeys(map(_starred, functions[role]))),
            tuple(
                sorted(Permission(*map(_starred, permission)) for permission in permissions[role])
            ),
        )
        for role in sorted(functions)
    ]


def of_code(resource: Resource, uses: code_uses.Uses) -> Iterator[Permission]:
    """Yield the permissions for what the code of a function uses.

    Args:
        resource: The function.
        uses: What its code uses.
    """
    own = f"{_owner(resource)}:functions/{resource.function_name}"
    if uses.repeats:
        # How often an attempt may be repeated, which a message that is sent on takes along.
        yield Permission("fc:GetAsyncInvokeConfig", own)
    if uses.cancels:
        yield Permission("fc:ListAsyncTasks", own)
        yield Permission("fc:StopAsyncTask", own)
    called = {called_function(resource, call) for call in uses.calls} - {""}
    if uses.repeats:
        called.add(resource.function_name)
    for name in sorted(called):
        function = arn.FunctionArn(
            region=resource.region or "*",
            account_id=resource.account_id or "*",
            function=name,
        )
        yield from ram.to_call(function)
    for store in uses.stores:
        is_bucket = store.text.startswith("OssStore(") and bool(store.argument)
        if is_bucket:
            yield from ram.to_store(store.argument)


def called_function(resource: Resource, call: code_uses.CallUse) -> str:
    """Return the function that a call in the code names, "" if it is not known."""
    name = call.function or resource.variables.get(call.variable, "")
    is_name = isinstance(name, str) and limits.FUNCTION_NAME_PATTERN.fullmatch(name)
    return name if is_name else ""


def unknown_calls(project: Project, reader: code_uses.Reader) -> list[str]:
    """Return what is not known of the calls in the code of the functions, as sentences.

    Args:
        project: The template.
        reader: Of its code.
    """
    sentences: list[str] = []
    for resource in project.functions:
        name = resource.function_name
        uses = reader.uses(resource)
        if uses is None:
            sentences.append(f"the code of {name} is not read ({resource.runtime or 'no runtime'})")
            continue
        unnamed = [call.line for call in uses.calls if not called_function(resource, call)]
        sentences += [f"{line} of {name} calls a function that it computes" for line in unnamed]
    return sentences


def unknown(project: Project) -> list[str]:
    """Return the expressions of a template for which its policies have ``*``."""
    expressions: set[str] = set()
    for resource in project.functions:
        for prop in _NAMING:
            for text in _texts(resource.props.get(prop)):
                expressions.update(_EXPRESSION.findall(text))
    return sorted(expressions)


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts of a value of a template."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _without_expressions(project: Project) -> Project:
    """Return a template in which :data:`_UNKNOWN` stands for each expression."""
    # An expression in a policy is a name to RAM: with ${config('AccountID')} in the ARN of a role,
    # ram:PassRole was not granted, and the first deployment was refused.
    resources = []
    for resource in project.resources:
        name = _EXPRESSION.sub(_UNKNOWN, resource.function_name)
        props = _replaced(resource.props)
        resources.append(msgspec.structs.replace(resource, function_name=name, props=props))
    return project.with_resources(resources)


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return _EXPRESSION.sub(_UNKNOWN, value)
    if isinstance(value, dict):
        return {key: _replaced(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part) for part in value]
    return value


def _starred(text: str) -> str:
    """Return a text of a policy with ``*`` for what is not known."""
    return re.sub(r"\*\*+", "*", text.replace(_UNKNOWN, "*"))


def _starred_document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a policy with ``*`` for what is not known."""
    for statement in statements:
        resources = statement["Resource"]
        statement["Resource"] = sorted({_starred(resource) for resource in resources})
    return {"Version": VERSION, "Statement": statements}


def _of(resource: Resource, names: Container[str]) -> Iterator[Permission]:
    """Yield the permissions of one function; ``names`` are the functions of the template."""
    region = resource.region or "*"
    account_id = resource.account_id or "*"
    block = desired(resource)
    if block:
        for _, text in block.config.destinations:
            name = arn.parse(text).resolve(region=region, account_id=account_id)
            yield ram.permission_for(name)
    # With the destinations alone, a function that starts tasks of another one, writes logs or
    # mounts a bucket was answered 403, although its role had all that was printed.
    for value in resource.variables.values():
        if isinstance(value, str) and value in names:
            function = arn.FunctionArn(region=region, account_id=account_id, function=value)
            yield from ram.to_call(function)
    yield from _of_settings(resource, region, account_id)


def _of_settings(resource: Resource, region: str, account_id: str) -> Iterator[Permission]:
    """Yield the permissions for what the settings of a function name: logs, buckets.

    Args:
        resource: The function.
        region: Its region, or ``*``.
        account_id: Its account, or ``*``.
    """
    if bucket := bucket_of_payloads(resource):
        yield from ram.to_store(bucket)
    logs = resource.at("logConfig", "project")
    store = resource.at("logConfig", "logstore")
    if logs and store:
        yield ram.to_log(region, account_id, str(logs), str(store))
    for _, mount in resource.each("ossMountConfig", "mountPoints"):
        if mount.get("bucketName"):
            yield from ram.to_mount(str(mount["bucketName"]), read_only=bool(mount.get("readOnly")))


def caller(project: Project) -> dict[str, Any]:
    """Return the policy of the keys that call the functions of a template and read their tasks."""
    statement = {
        "Effect": "Allow",
        "Action": list(CALLER_ACTIONS),
        "Resource": _functions(_without_expressions(project)),
    }
    return _starred_document([statement])


def _functions(project: Project) -> list[str]:
    """Return the functions of a template with their versions and aliases, as RAM names them."""
    return sorted(
        {
            f"{_owner(function)}:functions/{function.function_name}*"
            for function in project.functions
        }
    )


def _owner(resource: Resource) -> str:
    """Return the first parts of ARNs of Function Compute; ``*`` for what is not known."""
    return f"acs:fc:{resource.region or '*'}:{resource.account_id or '*'}"


def lifetimes(project: Project) -> dict[str, int]:
    """Return for how many days each bucket must keep the large payloads of a template.

    A payload is needed until its invocation has expired, and then for the days in which its task
    can be replayed.

    Raises:
        TemplateError: A block has a value of a wrong type.
    """
    days: dict[str, int] = {}
    for resource in _without_expressions(project).functions:
        if bucket := bucket_of_payloads(resource):
            block = desired(resource)
            age = block.config.max_async_event_age_in_seconds if block else None
            seconds = (age or limits.EVENT_AGE_SECONDS.default) + limits.TASK_RETENTION_SECONDS
            bucket = _starred(bucket)
            days[bucket] = max(days.get(bucket, 0), -(-seconds // 86_400))
    return days


def deployer(project: Project, *, functions: bool, create_missing: bool = False) -> dict[str, Any]:
    """Return the policy of the keys that deploy a template.

    Args:
        project: The template.
        functions: Include the permissions for --with-functions.
        create_missing: Include the permissions for --create-missing.

    Raises:
        TemplateError: A block or a trigger has a value of a wrong type.
    """
    project = _without_expressions(project)
    actions = DEPLOY_ACTIONS + (DEPLOY_FUNCTION_ACTIONS if functions else ())
    regions = sorted({f"{_owner(resource)}:*" for resource in project.functions})
    # Actions that list have no function to name: RAM grants them for a region as a whole.
    listing = [action for action in actions if action in _LISTING]
    statements = [
        _allow(sorted(set(actions) - set(listing)), _functions(project)),
        _allow(listing, regions),
    ]
    roles = set(chain.from_iterable(map(_roles, project.resources)))
    if functions and roles:
        statements.append(_allow(["ram:PassRole"], sorted(roles)))
    if create_missing:
        created: set[Permission] = set()
        for resource in project.functions:
            created.update(_to_create(resource, triggers=functions))
        statements += ram.document(created)["Statement"]
    return _starred_document(statements)


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _to_create(resource: Resource, *, triggers: bool) -> Iterator[Permission]:
    """Yield the permissions to create what destinations and triggers of a function name."""
    for node in channels.nodes_of(resource, triggers=triggers):
        name = node.at(region=node.region or "*", account_id=node.account_id or "*")
        yield from ram.to_create(name)


def _roles(resource: Resource) -> Iterator[str]:
    """Yield the roles that a deployment hands to a function and to its triggers."""
    triggers = (trigger.get("invocationRole") for _, trigger in resource.each("triggers"))
    for role in (resource.props.get("role"), *triggers):
        if role:
            yield _role_arn(str(role), resource)


def _role_arn(role: str, resource: Resource) -> str:
    """Return the ARN of a role, which a template may give by its name."""
    if role.startswith("acs:"):
        return role
    return f"acs:ram::{resource.account_id or '*'}:role/{role}"


class Comparison(NamedTuple):
    """The differences of a policy from the needed permissions.

    Attributes:
        missing: Permissions that are needed and not granted.
        excess: Grants that are not needed: (action, resource) patterns as in the policy.
    """

    missing: tuple[Permission, ...]
    excess: tuple[Permission, ...]


def compare(granted: Any, permissions: Iterable[Permission]) -> Comparison:
    """Compare a policy document with the needed permissions.

    Args:
        granted: A RAM policy document. Its conditions are assumed to hold.
        permissions: The needed permissions.

    Raises:
        PluginError: ``granted`` is not a policy document.
    """
    statements = value_at(granted, "Statement")
    if not isinstance(statements, list):
        raise PluginError("this is not a policy document: it has no list called Statement")
    if not all(isinstance(statement, dict) for statement in statements):
        raise PluginError("this is not a policy document: a statement is not an object")
    needed_permissions = tuple(permissions)
    return Comparison(
        tuple(
            permission
            for permission in needed_permissions
            if not ram.allows([granted], permission, if_conditions_hold=True)
        ),
        tuple(
            grant
            for grant in ram.grants(granted)
            if not any(ram.covers(permission, grant) for permission in needed_permissions)
        ),
    )
