# SPDX-License-Identifier: MIT
"""Rules about one destination at a time: its ARN, and the permission to reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.rules.rule import Found, rule
from fc_async_plugin.template.desired import (
    BLOCK,
    bucket_of_payloads,
    destination_path,
    is_of_fc2,
)
from fc_async_sdk._claims import VARIABLE
from fc_async_sdk.errors import InvalidArn, shorten
from fc_async_sdk.spec import arn, ram
from fc_async_sdk.spec.destinations import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.graph.build import Link
    from fc_async_plugin.rules.context import Context
    from fc_async_plugin.template.problems import Position

_FC2_SERVICE: Final = ":services/"


def where(link: Link) -> Position:
    """Return where a destination is written."""
    return link.resource.where(*destination_path(link.outcome))


@rule(
    "FCA020", "invalid-arn", "error", "A destination that is not the ARN of a possible destination."
)
def grammar(context: Context) -> Iterator[Found]:
    """The form of each kind, and the names in it."""
    for link in context.links:
        if isinstance(link.arn, InvalidArn) and _FC2_SERVICE not in link.text:
            yield Found(
                f"{link.outcome} goes to {shorten(link.text)}: {link.arn.reason}",
                where(link),
                _grammar_fix(link, context),
            )


def _grammar_fix(link: Link, context: Context) -> str:
    region = link.resource.region or "{region}"
    if link.text in context.function_names:
        return f"name the function by its ARN: acs:fc:{region}::functions/{link.text}"
    examples = (KINDS[kind].example(region) for kind in ("function", "mns-queue"))
    return f"such as {' or '.join(examples)}"


@rule("FCA021", "fc2-arn", "error", "A destination that names a function as FC 2.0 did.")
def fc2_arns(context: Context) -> Iterator[Found]:
    """FC 3.0 has no services."""
    for link in context.links:
        if isinstance(link.arn, InvalidArn) and _FC2_SERVICE in link.text:
            name = arn.without_service(link.text) or "acs:fc:{region}::functions/SERVICE$FUNCTION"
            yield Found(
                f"{link.outcome} goes to {shorten(link.text)}, an ARN of FC 2.0; FC 3.0 has no"
                " services",
                where(link),
                f"write {name}, the name that s cli fc3 s2tos3 writes",
            )


@rule("FCA022", "rocketmq-5", "error", "A destination in a RocketMQ instance that isn't 4.x.")
def rocketmq(context: Context) -> Iterator[Found]:
    """Only instances of the 4.0 series can be destinations."""
    for link, name in context.destinations():
        if isinstance(name, arn.RocketMqTopicArn) and (reason := name.refused):
            yield Found(
                f"{link.outcome}: {reason}",
                where(link),
                "use an instance whose id begins with MQ_INST_, or send to a queue or a bus",
            )


@rule("FCA023", "default-event-bus", "error", "A destination on EventBridge's default bus.")
def default_bus(context: Context) -> Iterator[Found]:
    """The default bus takes events of cloud services only; a custom bus is needed."""
    for link, name in context.destinations():
        if isinstance(name, arn.EventBusArn) and (reason := name.refused):
            yield Found(
                f"{link.outcome}: {reason}",
                where(link),
                "create a custom event bus and name it",
            )


@rule("FCA024", "empty-destination", "error", "An outcome without the destination it announces.")
def empty(context: Context) -> Iterator[Found]:
    """The service answers InvalidDestinationResources to this."""
    for resource, violation in context.violations("FCA024"):
        path = (BLOCK, *violation.path[:-1])
        outcome = path[-1]
        yield Found(
            f"{outcome} has no destination; the service refuses this with"
            " InvalidDestinationResources",
            resource.where(*path),
            f"write destination: with an ARN, or leave out {outcome}",
        )


@rule("FCA025", "cross-region", "warning", "A destination in another region.")
def regions(context: Context) -> Iterator[Found]:
    """The service is not known to deliver results to other regions."""
    for link, name in context.destinations():
        mine = link.resource.region
        if mine and name.region and name.region != mine:
            yield Found(
                f"{link.outcome} goes to {name.region}, the function is in {mine}",
                where(link),
                f"use a destination in {mine}, or leave the region out of the ARN",
            )


@rule("FCA026", "cross-account", "warning", "A destination of another account.")
def accounts(context: Context) -> Iterator[Found]:
    """Works only if the other account lets this function's role in."""
    for link, name in context.destinations():
        mine = link.resource.account_id
        if mine and name.account_id and name.account_id != mine:
            yield Found(
                f"{link.outcome} goes to account {name.account_id}, this is {mine}",
                where(link),
                "leave the account out of the ARN if it is a slip",
            )


@rule("FCA060", "no-role", "warning", "Destinations of a function without a role.")
def no_role(context: Context) -> Iterator[Found]:
    """The function's role must be allowed to send, publish, invoke or put events."""
    for resource, block in context.blocks:
        if is_of_fc2(resource):
            continue  # the role belongs to the service of FC 2.0, which may be set up elsewhere
        config = block.get("destinationConfig")
        has_role = resource.props.get("role") or "role" in resource.unset
        if isinstance(config, dict) and any(config.values()) and not has_role:
            yield Found(
                f"{resource.function_name} has destinations but no role: each delivery is answered"
                " 403 and lost",
                resource.where_key(BLOCK, "destinationConfig"),
                "set role: to a role that allows what this prints: fc-async policy",
            )


@rule(
    "FCA061",
    "role-lacks-permission",
    "error",
    "A role that may not reach a destination.",
    needs="--roles",
)
def lacking_role(context: Context) -> Iterator[Found]:
    """Known only when the roles were read in RAM. A delivery that isn't allowed is a 4xx: lost."""
    for link, name in context.destinations():
        role = str(link.resource.props.get("role") or "")
        granted = context.roles.get(role)
        if granted is None:
            continue
        place = name.resolve(region="*", account_id="*")
        if not ram.allows([granted], ram.checked_for(place), if_conditions_hold=True):
            missing = ram.permission_for(place)
            yield Found(
                f"{link.outcome} takes {missing.action} on {missing.resource}, which role"
                f" {role.rpartition('/')[2]} doesn't have: results are lost",
                where(link),
                "attach what this prints to the role: fc-async policy",
            )


@rule(
    "FCA062",
    "role-lacks-store",
    "error",
    "A role that may not use the bucket of large payloads.",
    needs="--roles",
)
def lacking_store(context: Context) -> Iterator[Found]:
    """Known only when the roles were read in RAM. Calls with large payloads fail without it."""
    for resource in context.functions:
        granted = context.roles.get(str(resource.props.get("role") or ""))
        bucket = bucket_of_payloads(resource)
        for missing in ram.to_store(bucket) if bucket and granted is not None else ():
            if not ram.allows([granted or {}], missing, if_conditions_hold=True):
                yield Found(
                    f"{resource.function_name} keeps large payloads in oss://{bucket}, and its role"
                    f" does not have {missing.action} on {missing.resource}",
                    resource.where("environmentVariables", VARIABLE),
                    "attach what this prints to the role: fc-async policy",
                )
