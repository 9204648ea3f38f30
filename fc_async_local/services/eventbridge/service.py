# SPDX-License-Identifier: MIT
"""EventBridge as a service: matches events with rules and pushes them.

An event is acknowledged when a durable push job exists for each target of each rule that matches.
An event that cannot be pushed goes to the target's dead-letter queue; if that fails or there is
none, it becomes a dead event of the runtime.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import EVENT_PUSH, Job
from fc_async_local.services import common
from fc_async_local.services.eventbridge import model, pattern
from fc_async_local.services.eventbridge.documents import BusDocuments
from fc_async_local.services.eventbridge.model import Entry, EventBridgeError, RulePush, encode
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import arn, limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fc_async_local.domain.invocation import DeadEvent
    from fc_async_local.services.delivery import Pushed, PushNode
    from fc_async_local.services.eventbridge.model import Event, Rule, Target
    from fc_async_local.services.eventbridge.targets import PushResult, Targets
    from fc_async_local.settings import Settings
    from fc_async_local.store.document_cache import DocumentCache

_LOG: Final = logging.getLogger(__name__)

read_push: Final = msgspec.json.Decoder(RulePush).decode


class EventBridgeService:
    """Takes events and pushes them. Start :attr:`pushes` before use.

    Args:
        documents: Buses and rules.
        targets: RulePush events.
        node: Holds what is to be pushed.
        settings: Account and limits.
        bound: Returns the rules that are triggers of functions, as they are now.

    Attributes:
        documents: Buses and rules.
        recent: The newest events of each bus, and when they came.
        settings: As given.
        pushes: Pushes events to targets, also those of an earlier run.
    """

    def __init__(
        self,
        documents: DocumentCache,
        targets: Targets,
        node: PushNode,
        *,
        settings: Settings,
        bound: Callable[[], Sequence[Rule]] = tuple,
    ) -> None:
        self.documents = BusDocuments(documents, node.clock, targets.check)
        self._targets = targets
        self._node = node
        self.recent: common.Recent[tuple[int, Event]] = common.Recent()
        self._clock = node.clock
        self.settings = settings
        self.pushes = node.runner(EVENT_PUSH, self._attempt, _describe)
        self._bound = bound

    async def put_events(
        self,
        batch: Sequence[Event],
        *,
        bus: str | None = None,
        call_path: tuple[str, ...] = (),
    ) -> list[Entry]:
        """Accept events; return when the push jobs of all of them are durable.

        Args:
            batch: CloudEvents.
            bus: Name of the bus; None if each event names it (``aliyuneventbusname``).
            call_path: Functions that led here through destinations.

        Returns:
            For each event its id, or why it was refused.

        Raises:
            EventBridgeError: InvalidArgument, EntityTooLarge: no event was accepted.
        """
        # Of the whole batch: nothing of it is accepted.
        if not 0 < len(batch) <= model.BATCH_EVENTS:
            raise EventBridgeError(
                "InvalidArgument", f"{len(batch)} events: 1 to {model.BATCH_EVENTS} in a batch"
            )
        size = sum(len(encode(event)) for event in batch)
        if size > model.BATCH_BYTES:
            raise EventBridgeError("EntityTooLarge", f"the batch is over {model.BATCH_BYTES} bytes")
        await self.documents.refresh()
        entries: list[Entry] = []
        pushes: list[Job] = []
        for event in batch:
            # An event that is refused does not keep the others of the batch from being accepted.
            entry, its_pushes = self._take(event, bus, call_path)
            entries.append(entry)
            pushes += its_pushes
        await self._push(pushes)
        return entries

    async def publish(self, document: Mapping[str, Any]) -> None:
        """Put an event of a service on the default bus."""
        await self.documents.refresh()
        event = {name: model.raw(value) for name, value in document.items()}
        _, pushes = self._stamped(event, limits.DEFAULT_EVENT_BUS, ())
        await self._push(pushes)

    async def _push(self, pushes: Sequence[Job]) -> None:
        if pushes:
            await self._node.store.add_jobs(pushes)
            self.pushes.wake()

    def _take(
        self, event: Event, bus: str | None, call_path: tuple[str, ...]
    ) -> tuple[Entry, list[Job]]:
        event_id = ""
        try:
            model.check_event(event)
            event_id = model.text_of(event, "id")
            name = bus or model.text_of(event, "aliyuneventbusname")
            self.documents.bus(name)
        except EventBridgeError as error:
            refused = Entry(
                event_id=event_id,
                error_code=error.code,
                error_message=error.message,
            )
            return refused, []
        trace_id, pushes = self._stamped(event, name, call_path)
        return Entry(event_id=event_id, trace_id=trace_id), pushes

    def _stamped(self, event: Event, bus: str, call_path: tuple[str, ...]) -> tuple[str, list[Job]]:
        """Return the trace id of an event that a bus has accepted, and its pushes."""
        account = self.settings.account
        now = self._clock.now()
        trace_id = common.message_id()
        stamped = model.stamp(
            event,
            bus=bus,
            region=account.region,
            account_id=account.account_id,
            now=now,
        )
        self.recent.add(bus, (now, stamped))
        return trace_id, self._push_jobs(bus, stamped, trace_id, call_path)

    def _push_jobs(
        self,
        bus: str,
        event: Event,
        trace_id: str,
        call_path: tuple[str, ...],
    ) -> list[Job]:
        # Patterns compare the text of numbers, so they stay as they are written.
        lexical_event = pattern.lexical(encode(event))
        now = self._clock.now()
        jobs: list[Job] = []
        for rule in (*self.documents.rules_of(bus), *self._bound()):
            is_active = rule.bus == bus and rule.status == "ENABLE"
            if not is_active or not _matches(rule, lexical_event):
                continue
            for target in rule.targets:
                push = RulePush(
                    trace_id=trace_id,
                    bus=bus,
                    rule=rule.name,
                    target_id=target.id,
                    event=event,
                    call_path=call_path,
                )
                job = Job(
                    kind=EVENT_PUSH,
                    # By number: ids of targets may differ in characters that a URL does not have,
                    # and then had the same dead event.
                    key=f"{trace_id}/{len(jobs)}",
                    payload=encode(push),
                    created_at=now,
                    due_at=now,
                )
                jobs.append(job)
        return jobs

    async def _attempt(self, job: Job) -> Pushed:
        push = read_push(job.payload)
        await self.documents.refresh()
        target = self._target_of(push)
        if target is None:
            return None  # the rule or the target was deleted
        # Each target by itself: one that fails holds up no other, and is retried alone.
        pushed = await self._targets.push(target, push.event, call_path=push.call_path)
        of_trigger = push.rule.startswith(model.OF_TRIGGERS)
        if of_trigger:
            self._note(push.rule.removeprefix(model.OF_TRIGGERS), pushed)
        if not pushed.error:
            return None
        again = self._node.again(target.push_retry_strategy, job.tries + 1, pushed.error)
        # Retries of triggers are for 429 and 5xx (user guide, "Advanced trigger features").
        is_final = pushed.refused and of_trigger
        if again is None or is_final:
            return await self._give_up(job, target, f"{_describe(job)}: {pushed.error}")
        return again

    def _note(self, trigger: str, pushed: PushResult) -> None:
        now = self._clock.now()
        if pushed.error:
            self._node.log.failed(trigger, pushed.error, now)
        else:
            self._node.log.fired(trigger, pushed.request_id, now)

    async def dead_letter(self, queue: str, event: Event) -> str:
        """Put an event into a dead-letter queue; return the failure, "" if there was none.

        Args:
            queue: ARN of an MNS queue, a RocketMQ topic or a bus.
            event: The event.
        """
        try:
            target = arn.parse(queue)
            if isinstance(target, arn.EventBusArn):
                (entry,) = await self.put_events([event], bus=target.bus)
                return entry.error_message
            return await self._targets.dead_letter(target, event)
        except (InvalidArn, Rejected, StoreUnavailable) as error:
            return str(error)

    async def _give_up(self, job: Job, target: Target, error: str) -> DeadEvent | None:
        """Write an event to the dead-letter queue; return what is kept if that is impossible."""
        push = read_push(job.payload)
        queue = target.dead_letter_queue
        # Without a queue it becomes a dead event, which the service would drop: here it must be
        # seen.
        if queue is not None and queue.arn:
            failure = await self.dead_letter(queue.arn, push.event)
            if not failure:
                _LOG.warning("%s; given up, it is in %s", error, queue.arn)
                return None
            error = f"{error}; the dead-letter queue {queue.arn}: {failure}"
        # The key is part of a URL when the event is redriven.
        key = job.key.replace("/", ".")
        return self._targets.dead_event(
            target,
            push,
            key=key,
            error=error,
        )

    def _target_of(self, push: RulePush) -> Target | None:
        rule = self.documents.find_rule(push.bus, push.rule)
        if rule is None:
            rule = self._rule_of_trigger(push)
        targets = () if rule is None else rule.targets
        return next((target for target in targets if target.id == push.target_id), None)

    def _rule_of_trigger(self, push: RulePush) -> Rule | None:
        for rule in self._bound():
            if rule.bus == push.bus and rule.name == push.rule:
                return rule
        return None


def _describe(job: Job) -> str:
    push = read_push(job.payload)
    return f"bus {push.bus}, rule {push.rule}, target {push.target_id}, event {push.trace_id}"


def _matches(rule: Rule, event: Any) -> bool:
    try:
        return pattern.parse(rule.pattern).matches(event)
    except pattern.InvalidPattern as error:
        # Only of a trigger: rules of this service were checked when they were created.
        _LOG.warning("bus %s, rule %s: %s", rule.bus, rule.name, error)
        return False
