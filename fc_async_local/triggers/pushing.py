# SPDX-License-Identifier: MIT
"""Triggers whose services push: a topic of MNS subscribes a function, a bus has a rule for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.services.delivery import function_arn
from fc_async_local.services.eventbridge.model import (
    OF_TRIGGERS,
    DeadLetterQueue,
    Parameter,
    Rule,
    Target,
)
from fc_async_local.services.mns.topic import Subscription
from fc_async_local.triggers.bindings import BusSource, TopicSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.triggers.bindings import Binding


class PushingTriggers:
    """The triggers of topics and buses that there are now. Their registry stores them."""

    def __init__(self) -> None:
        self._subscriptions: Sequence[Subscription] = ()
        self._rules: Sequence[Rule] = ()

    def replace(self, bindings: Sequence[Binding]) -> None:
        """Push to the functions of these triggers from now on, and to no others."""
        self._subscriptions = [
            _subscription(binding, binding.source)
            for binding in bindings
            if isinstance(binding.source, TopicSource)
        ]
        self._rules = [
            _rule(binding, binding.source)
            for binding in bindings
            if isinstance(binding.source, BusSource)
        ]

    def subscriptions(self) -> Sequence[Subscription]:
        """Return the subscriptions of functions to topics."""
        return self._subscriptions

    def rules(self) -> Sequence[Rule]:
        """Return the rules that have a function as their only target."""
        return self._rules


def _subscription(binding: Binding, source: TopicSource) -> Subscription:
    return Subscription(
        topic=source.topic,
        name=f"{binding.function}-{binding.trigger}",
        endpoint=function_arn(binding.function, binding.qualifier),
        trigger=binding.key,
        function=binding.function,
        qualifier=binding.qualifier,
        created_at=0,
        modified_at=0,
        notify_strategy=source.notify_strategy,
        notify_content_format="JSON" if source.notify_content_format == "JSON" else "SIMPLIFIED",
        filter_tag=source.filter_tag,
    )


def _rule(binding: Binding, source: BusSource) -> Rule:
    """Return the rule of a trigger on a bus, with the function as its only target."""
    parameters = {
        "functionName": binding.function,
        "Qualifier": binding.qualifier,
        "InvocationType": "Async" if binding.asynchronous else "Sync",
    }
    target = Target(
        id="function",
        type="acs.fc.function",
        param_list=tuple(
            Parameter(resource_key=key, value=value) for key, value in parameters.items()
        ),
        push_retry_strategy=binding.strategy,
        errors_tolerance="ALL" if binding.tolerant else "NONE",
        dead_letter_queue=DeadLetterQueue(arn=binding.dead_letter) if binding.dead_letter else None,
    )
    return Rule(
        bus=source.bus,
        name=f"{OF_TRIGGERS}{binding.key}",
        pattern=source.pattern,
        targets=(target,),
        created_at=0,
        modified_at=0,
    )
