# SPDX-License-Identifier: MIT
"""Rules about one destination at a time: its ARN, the permission to reach it, its function.

Rules about functions and qualifiers use all templates of the run, and the account where it was
read.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from fc_async_plugin.check.graph import build
from fc_async_plugin.check.rules.rule import Found, Related, rule
from fc_async_plugin.s_yaml.model import BLOCK, bucket_of_payloads, makes_function
from fc_async_sdk._payloads.claims import VARIABLE
from fc_async_sdk.errors import InvalidArn, shorten
from fc_async_sdk.spec import arn, limits, ram
from fc_async_sdk.spec.destinations import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.check.graph.build import Link
    from fc_async_plugin.check.rules.context import Context
    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_sdk.spec.graph import Node

_FC2_SERVICE: Final = ":services/"


@rule("FCA020", "invalid-arn", "error")
def grammar(context: Context) -> Iterator[Found]:
    """A destination that is not the ARN of a possible destination.

    The form of each kind, and the names in it.
    """
    for link in context.links:
        if isinstance(link.arn, InvalidArn) and _FC2_SERVICE not in link.text:
            yield Found(
                f"{link.outcome} goes to {shorten(link.text)}: {link.arn.reason}",
                link.where(),
                _grammar_fix(link, context),
            )


def _grammar_fix(link: Link, context: Context) -> str:
    region = link.resource.region or "{region}"
    if link.text in context.function_names:
        return f"name the function by its ARN: acs:fc:{region}::functions/{link.text}"
    examples = (KINDS[kind].example(region) for kind in ("function", "mns-queue"))
    return f"such as {' or '.join(examples)}"


@rule("FCA021", "fc2-arn", "error")
def fc2_arns(context: Context) -> Iterator[Found]:
    """A destination that names a function as FC 2.0 did.

    FC 3.0 has no services.
    """
    for link in context.links:
        if isinstance(link.arn, InvalidArn) and _FC2_SERVICE in link.text:
            # The function's name alone names nothing after s2tos3, which moves functions so.
            name = arn.without_service(link.text) or "acs:fc:{region}::functions/SERVICE$FUNCTION"
            yield Found(
                f"{link.outcome} goes to {shorten(link.text)}, an ARN of FC 2.0; FC 3.0 has no"
                " services",
                link.where(),
                f"write {name}, the name that s cli fc3 s2tos3 writes",
            )


@rule("FCA022", "rocketmq-5", "error")
def rocketmq(context: Context) -> Iterator[Found]:
    """A destination in a RocketMQ instance that isn't 4.x.

    Only instances of the 4.0 series can be destinations.
    """
    fix = "use an instance whose id begins with MQ_INST_, or send to a queue or a bus"
    return _refused(context, arn.RocketMqTopicArn, fix)


@rule("FCA023", "default-event-bus", "error")
def default_bus(context: Context) -> Iterator[Found]:
    """A destination on EventBridge's default bus.

    The default bus takes events of cloud services only; a custom bus is needed.
    """
    return _refused(context, arn.EventBusArn, "create a custom event bus and name it")


def _refused(
    context: Context, kind: type[arn.RocketMqTopicArn | arn.EventBusArn], fix: str
) -> Iterator[Found]:
    for link, name in context.destinations():
        if isinstance(name, kind) and name.refused:
            yield Found(f"{link.outcome}: {name.refused}", link.where(), fix)


@rule("FCA024", "empty-destination", "error")
def empty(context: Context) -> Iterator[Found]:
    """An outcome without the destination it announces.

    The service answers InvalidDestinationResources to this.
    """
    for resource, violation in context.violations("FCA024"):
        path = (BLOCK, *violation.path[:-1])
        outcome = path[-1]
        yield Found(
            f"{outcome} has no destination; the service refuses this with"
            " InvalidDestinationResources",
            resource.where(*path),
            f"write destination: with an ARN, or leave out {outcome}",
        )


@rule("FCA025", "cross-region", "warning")
def regions(context: Context) -> Iterator[Found]:
    """A destination in another region.

    The service is not known to deliver results to other regions.
    """
    for link, name in context.destinations():
        mine = link.resource.region
        if mine and name.region and name.region != mine:
            yield Found(
                f"{link.outcome} goes to {name.region}, the function is in {mine}",
                link.where(),
                f"use a destination in {mine}, or leave the region out of the ARN",
            )


@rule("FCA026", "cross-account", "warning")
def accounts(context: Context) -> Iterator[Found]:
    """A destination of another account.

    Works only if the other account lets this function's role in.
    """
    for link, name in context.destinations():
        mine = link.resource.account_id
        if mine and name.account_id and name.account_id != mine:
            yield Found(
                f"{link.outcome} goes to account {name.account_id}, this is {mine}",
                link.where(),
                "leave the account out of the ARN if it is a slip",
            )


# A warning: a note is not shown by default, and without a role each result is lost.
@rule("FCA060", "no-role", "warning")
def no_role(context: Context) -> Iterator[Found]:
    """Destinations of a function without a role.

    The function's role must be allowed to send, publish, invoke or put events.
    """
    for resource, block in context.blocks:
        if not makes_function(resource):
            continue  # its role may be set elsewhere: with the function, or its service of FC 2.0
        config = block.get("destinationConfig")
        # A role from a variable without a value on this machine has one where it is deployed.
        has_role = resource.props.get("role") or "role" in resource.unset
        if isinstance(config, dict) and any(config.values()) and not has_role:
            yield Found(
                f"{resource.function_name} has destinations but no role: each delivery is answered"
                " 403 and lost",
                resource.where_key(BLOCK, "destinationConfig"),
                "set role: to a role that allows what this prints: fc-async policy",
            )


@rule("FCA061", "role-lacks-permission", "error", needs="--roles")
def lacking_role(context: Context) -> Iterator[Found]:
    """A role that may not reach a destination.

    Known only when the roles were read in RAM. A delivery that isn't allowed is a 4xx: lost.
    """
    for link, name in context.destinations():
        role = str(link.resource.props.get("role") or "")
        granted = context.roles.get(role)
        if granted is None:
            continue
        resolved = name.resolve(region="*", account_id="*")
        if not ram.allows([granted], ram.checked_for(resolved), if_conditions_hold=True):
            missing = ram.permission_for(resolved)
            yield Found(
                f"{link.outcome} takes {missing.action} on {missing.resource}, which role"
                f" {role.rpartition('/')[2]} doesn't have: results are lost",
                link.where(),
                "attach what this prints to the role: fc-async policy",
            )


@rule("FCA062", "role-lacks-store", "error", needs="--roles")
def lacking_store(context: Context) -> Iterator[Found]:
    """A role that may not use the bucket of large payloads.

    Known only when the roles were read in RAM. Calls with large payloads fail without it.
    """
    for resource in context.functions:
        granted = context.roles.get(str(resource.props.get("role") or ""))
        bucket = bucket_of_payloads(resource)
        if not bucket or granted is None:
            continue
        for missing in ram.to_store(bucket):
            if not ram.allows([granted], missing, if_conditions_hold=True):
                yield Found(
                    f"{resource.function_name} keeps large payloads in oss://{bucket}, and its role"
                    f" does not have {missing.action} on {missing.resource}",
                    resource.where("environmentVariables", VARIABLE),
                    "attach what this prints to the role: fc-async policy",
                )


_MANY: Final = 1000
"""Functions in a run from which on no similar name is looked for: that compares each with each."""


@rule("FCA040", "unknown-function", "warning")
def unknown_function(context: Context) -> Iterator[Found]:
    """A destination function that isn't in the file.

    The service checks only the form of the ARN; results of a missing function are lost.
    """
    for link, name, resource in context.links_to_functions:
        # What another account or region has is not read, and is not expected in a template here.
        is_foreign = name.account_id != link.resource.account_id
        if resource or is_foreign or name.region != link.resource.region:
            continue
        is_read = context.is_read(name)
        if is_read and context.live_function(name) is not None:
            continue
        searched = (
            "neither in a template nor in the account" if is_read else "in none of the templates"
        )
        yield Found(
            f"{link.outcome} goes to function {shorten(name.function)}, which is {searched}",
            link.where(),
            _near(name.function, context) or "deploy it first; the service doesn't check this",
            severity="error" if is_read else "warning",
        )


def _near(name: str, context: Context) -> str:
    names = context.function_names
    if len(names) >= _MANY:
        return ""
    near = difflib.get_close_matches(name, names, 1, 0.8)
    return f"did you mean {near[0]}?" if near else ""


@rule("FCA041", "http-function", "warning")
def http_function(context: Context) -> Iterator[Found]:
    """A destination function that has an HTTP trigger.

    The event comes as a payload, not as a request; pages about FC 2.0 say it is refused.
    """
    for link, name, resource in context.links_to_functions:
        live = context.live_function(name)
        kinds = [trigger.trigger_type for trigger in live.triggers] if live else []
        if resource:
            kinds += (trigger.get("triggerType") for _, trigger in resource.each("triggers"))
        if "http" in kinds:
            yield Found(
                f"{link.outcome} goes to {name.function}, which has an HTTP trigger: it gets the"
                " event as a payload, not as a request, and the service may refuse it",
                link.where(),
                "name a function without HTTP trigger, or try it in your account first",
            )


@rule("FCA042", "unknown-target-qualifier", "error", needs="--live")
def target_qualifier(context: Context) -> Iterator[Found]:
    """A destination qualifier that doesn't exist.

    Known only when the account was read.
    """
    for link, name, _ in context.links_to_functions:
        live = context.live_function(name)
        if live and not live.has_qualifier(name.qualifier):
            yield Found(
                f"{link.outcome} goes to {name.function}/{name.qualifier}, but the function has no"
                " version and no alias of this name",
                link.where(),
                _known_qualifiers(live.aliases, live.versions),
            )


@rule("FCA043", "unknown-qualifier", "error", needs="--live")
def own_qualifier(context: Context) -> Iterator[Found]:
    """A qualifier that the function doesn't have.

    Known only when the account was read. A configuration for nothing is never used.
    """
    for resource, block in context.blocks:
        node = build.source_node(resource)
        name = arn.FunctionArn(region=node.region, account_id=node.account_id, function=node.name)
        live = context.live_function(name)
        if live and not live.has_qualifier(node.qualifier):
            position = resource.where(BLOCK, "qualifier") if block else resource.position
            yield Found(
                f"{node.name} has no version and no alias {shorten(node.qualifier)}",
                position,
                _known_qualifiers(live.aliases, live.versions),
            )


def _known_qualifiers(aliases: dict[str, tuple[str, ...]], versions: frozenset[str]) -> str:
    qualifiers = [*sorted(aliases), *sorted(versions, key=int)]
    listed = ", ".join(qualifiers[:8]) if qualifiers else "none yet"
    return f"create it first; there are {limits.DEFAULT_QUALIFIER} and: {listed}"


@rule("FCA044", "configured-twice", "error")
def configured_twice(context: Context) -> Iterator[Found]:
    """Two blocks for the same function and qualifier.

    Each deployment overwrites what the other one wrote; the last one wins.
    """
    first: dict[Node, Resource] = {}
    for resource, block in context.blocks:
        node = build.source_node(resource)
        other = first.setdefault(node, resource)
        if block and other is not resource:
            yield Found(
                f"{node.label} is configured a second time, the last one deployed wins",
                resource.where_key(BLOCK),
                "remove one of the two, or give one of them another qualifier",
                (Related(other.where_key(BLOCK), f"{node.label} is configured here first"),),
            )
