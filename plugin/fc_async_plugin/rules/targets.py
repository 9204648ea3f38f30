# SPDX-License-Identifier: MIT
"""Rules about the functions of destinations: whether the target and the qualifiers exist.

They use all templates of the run, and the account where it was read.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from fc_async_plugin.graph import build
from fc_async_plugin.rules.destinations import where
from fc_async_plugin.rules.rule import Found, Related, rule
from fc_async_plugin.template.desired import BLOCK
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import arn, limits
from fc_async_sdk.spec.graph import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.graph.build import Link
    from fc_async_plugin.rules.context import Context
    from fc_async_plugin.template.model import Resource

_MANY: Final = 1000
"""Functions in a run from which on no similar name is looked for: that compares each with each."""


def _functions(context: Context) -> Iterator[tuple[Link, arn.FunctionArn, Resource | None]]:
    """Yield every destination that is a function, with its resource if a template has it."""
    for link, name in context.destinations():
        if isinstance(name, arn.FunctionArn):
            yield link, name, context.nodes.get(Node.of(name)._replace(qualifier=""))


@rule("FCA040", "unknown-function", "warning", "A destination function that isn't in the file.")
def unknown_function(context: Context) -> Iterator[Found]:
    """The service checks only the form of the ARN; results of a missing function are lost."""
    for link, name, resource in _functions(context):
        foreign = name.account_id != link.resource.account_id
        if resource or foreign or name.region != link.resource.region:
            continue
        known = context.is_read(name)
        if known and context.live_function(name) is not None:
            continue
        place = "neither in a template nor in the account" if known else "in none of the templates"
        yield Found(
            f"{link.outcome} goes to function {shorten(name.function)}, which is {place}",
            where(link),
            _near(name.function, context) or "deploy it first; the service doesn't check this",
            severity="error" if known else "warning",
        )


def _near(name: str, context: Context) -> str:
    names = context.function_names
    found = difflib.get_close_matches(name, names, 1, 0.8) if len(names) < _MANY else []
    return f"did you mean {found[0]}?" if found else ""


@rule("FCA041", "http-function", "warning", "A destination function that has an HTTP trigger.")
def http_function(context: Context) -> Iterator[Found]:
    """The event comes as a payload, not as a request; pages about FC 2.0 say it is refused."""
    for link, name, resource in _functions(context):
        live = context.live_function(name)
        if (resource and _has_http_trigger(resource)) or (
            live and any(trigger.trigger_type == "http" for trigger in live.triggers)
        ):
            yield Found(
                f"{link.outcome} goes to {name.function}, which has an HTTP trigger: it gets the"
                " event as a payload, not as a request, and the service may refuse it",
                where(link),
                "name a function without HTTP trigger, or try it in your account first",
            )


def _has_http_trigger(resource: Resource) -> bool:
    listed = resource.props.get("triggers")
    return isinstance(listed, list) and any(
        isinstance(trigger, dict) and trigger.get("triggerType") == "http" for trigger in listed
    )


@rule(
    "FCA042",
    "unknown-target-qualifier",
    "error",
    "A destination qualifier that doesn't exist.",
    needs="--live",
)
def target_qualifier(context: Context) -> Iterator[Found]:
    """Known only when the account was read."""
    for link, name, _ in _functions(context):
        live = context.live_function(name)
        if live and not live.has_qualifier(name.qualifier):
            yield Found(
                f"{link.outcome} goes to {name.function}/{name.qualifier}, but the function has no"
                " version and no alias of this name",
                where(link),
                _known_qualifiers(live.aliases, live.versions),
            )


@rule(
    "FCA043",
    "unknown-qualifier",
    "error",
    "A qualifier that the function doesn't have.",
    needs="--live",
)
def own_qualifier(context: Context) -> Iterator[Found]:
    """Known only when the account was read. A configuration for nothing is never used."""
    for resource, block in context.blocks:
        node = build.source_node(resource)
        name = arn.FunctionArn(region=node.region, account_id=node.account_id, function=node.name)
        live = context.live_function(name)
        if live and not live.has_qualifier(node.qualifier):
            place = resource.where(BLOCK, "qualifier") if block else resource.position
            yield Found(
                f"{node.name} has no version and no alias {shorten(node.qualifier)}",
                place,
                _known_qualifiers(live.aliases, live.versions),
            )


def _known_qualifiers(aliases: dict[str, tuple[str, ...]], versions: frozenset[str]) -> str:
    known = [*sorted(aliases), *sorted(versions, key=int)]
    there = ", ".join(known[:8]) if known else "none yet"
    return f"create it first; there are {limits.DEFAULT_QUALIFIER} and: {there}"


@rule("FCA044", "configured-twice", "error", "Two blocks for the same function and qualifier.")
def configured_twice(context: Context) -> Iterator[Found]:
    """Each deployment overwrites what the other one wrote; the last one wins."""
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
