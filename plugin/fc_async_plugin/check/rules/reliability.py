# SPDX-License-Identifier: MIT
"""Rules about what is lost silently or not served: failures, ages, sizes, task mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.check.graph import build
from fc_async_plugin.check.graph.build import source_node
from fc_async_plugin.check.rules import numbers
from fc_async_plugin.check.rules.rule import RELATED, Found, Related, rule
from fc_async_plugin.check.rules.triggers import written_triggers
from fc_async_plugin.s_yaml.model import BLOCK, is_unresolved
from fc_async_sdk.spec import limits, regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.check.rules.context import Context
    from fc_async_sdk.spec.graph import Node

_KIB: Final = 1024
_DAY: Final = 86_400
_KEPT: Final = f"listed for {limits.TASK_RETENTION_SECONDS // _DAY} days and then dropped"


@rule("FCA050", "no-failure-destination", "warning")
def no_failure_destination(context: Context) -> Iterator[Found]:
    """Failed invocations are dropped silently.

    After its last retry an invocation without failure destination is gone.
    """
    for resource, block in context.blocks:
        config = block.get("destinationConfig")
        # What only s resolves may be a destination: a finding would be a guess.
        has_destination = is_unresolved(config)
        if isinstance(config, dict):
            has_destination = bool(config.get("onFailure"))
        if block and not has_destination:
            is_task = block.get("asyncTask") is True
            yield Found(
                f"{resource.function_name} has no failure destination: an invocation that fails"
                f" for good is {_KEPT if is_task else 'dropped'}",
                resource.where_key(BLOCK),
                "add destinationConfig.onFailure, such as a queue",
            )


@rule("FCA051", "empty-block", "warning")
def empty_block(context: Context) -> Iterator[Found]:
    """An empty block, which changes nothing.

    Nothing is sent for it by s, so what is configured in the account stays.
    """
    for resource, block in context.blocks:
        if not block:
            yield Found(
                f"{BLOCK} of {resource.function_name} is empty: s deploy leaves in place whatever"
                " the account has",
                resource.where_key(BLOCK),
                "write what you want, or leave the block out and run: fc-async deploy --prune",
            )


@rule("FCA052", "age-shorter-than-retries", "warning")
def age_shorter_than_retries(context: Context) -> Iterator[Found]:
    """Retries that cannot all take place.

    The age counts from the trigger; what is too old is dropped, retries left or not.
    """
    for resource, _ in context.blocks:
        age = numbers.event_age(resource)
        retries = numbers.valid(resource.at(BLOCK, "maxAsyncRetryAttempts"), limits.RETRY_ATTEMPTS)
        timeout = numbers.timeout(resource)
        # What is invalid has a finding of its own; a comparison would add a wrong one.
        if age is None or retries is None or timeout is None:
            continue
        longest = timeout * (retries + 1)
        if age < longest:
            yield Found(
                f"an invocation of {resource.function_name} may be dropped before its last retry:"
                f" it lives {age} s, and {retries + 1} executions of up to {timeout} s take"
                f" {longest} s without any waiting",
                resource.where(BLOCK, "maxAsyncEventAgeInSeconds"),
                f"raise maxAsyncEventAgeInSeconds to more than {longest}, or lower"
                " maxAsyncRetryAttempts or timeout",
            )


@rule("FCA053", "age-shorter-than-delay", "note")
def age_shorter_than_delay(context: Context) -> Iterator[Found]:
    """Long delays expire before they run.

    The age counts from the trigger, the time of a delay included.
    """
    for resource, _ in context.blocks:
        age = numbers.event_age(resource)
        if age is not None and age <= limits.DELAY_SECONDS.high:
            yield Found(
                f"an invocation of {resource.function_name} with x-fc-async-delay of {age} s or"
                " more expires before it runs",
                resource.where(BLOCK, "maxAsyncEventAgeInSeconds"),
                "keep delays below, or raise the age",
            )


@rule("FCA054", "payload-limit", "note")
def payload_limit(context: Context) -> Iterator[Found]:
    """Events that may be larger than the destination takes.

    An event holds the request and the response; what is too large is refused, not retried.
    """
    small = [
        (link, name)
        for link, name in context.destinations()
        if name.payload_limit < limits.ASYNC_PAYLOAD_BYTES
    ]
    if not small:
        return
    link, name = small[0]
    yield Found(
        f"{name.kind} takes events of up to {name.payload_limit // _KIB} KB, a request alone may"
        f" have {limits.ASYNC_PAYLOAD_BYTES // _KIB} KB: larger events are refused and not retried",
        link.where(),
        "send large payloads through a store (large=store), or use a RocketMQ topic (4 MB)",
        tuple(Related(other.where(), "here too") for other, _ in small[1:RELATED]),
    )


@rule("FCA058", "failures-dropped-early", "warning", needs="--live")
def failures_dropped_early(context: Context) -> Iterator[Found]:
    """A failure queue that drops its messages earlier than it must.

    Known only when the account was read. A queue is made for four days unless its maker says more.
    """
    longest = limits.QUEUE_RETENTION_SECONDS.high
    links = build.failure_queues(context.links)
    for queue, seconds in context.queues.items():
        if seconds is not None and seconds < longest:
            link = links[queue]
            yield Found(
                f"queue {queue.queue} keeps a failure for {_days(seconds)}: what was not sent again"
                " by then is lost",
                link.where(),
                f"set its MessageRetentionPeriod to {longest}: {_days(longest)}, the longest;"
                " a file keeps them for longer: fc-async failures export FILE",
            )


def _days(seconds: int) -> str:
    days = f"{seconds / _DAY:.3g}"
    return f"{days} {'day' if days == '1' else 'days'}"


@rule("FCA077", "task-mode-region", "warning")
def task_mode_region(context: Context) -> Iterator[Found]:
    """Task mode in a region that may not offer it.

    The list of regions is dated; the service adds regions.
    """
    for resource, block in context.blocks:
        region = resource.region
        unknown = not region or is_unresolved(region) or region not in regions.ALL  # see FCA016
        fine = unknown or region in regions.TASK_MODE
        if block.get("asyncTask") is True and not fine:
            yield Found(
                f"task mode of {resource.function_name}: {region} is not among the regions that"
                f" offer it, as of {regions.TASK_MODE_AS_OF}",
                resource.where(BLOCK, "asyncTask"),
                "try it there before you rely on it, or choose another region",
            )


@rule("FCA078", "task-mode-load", "note")
def task_mode_load(context: Context) -> Iterator[Found]:
    """Task mode has a cost at high rates and low latencies.

    It is not meant for thousands of calls per second or latencies below 100 ms.

    A function that only timers invoke has neither.
    """
    kinds: dict[Node, set[str]] = {}
    for trigger in written_triggers(context):
        kinds.setdefault(trigger.target._replace(qualifier=""), set()).add(trigger.kind)
    in_task_mode = []
    for resource, block in context.blocks:
        # By node, not by name: a timer of a function in another region is not one of this.
        node = source_node(resource)._replace(qualifier="")
        if block.get("asyncTask") is True and kinds.get(node) != {"timer"}:
            in_task_mode.append(resource)
    if not in_task_mode:
        return
    first, *later = in_task_mode
    positions = [other.where(BLOCK, "asyncTask") for other in later[:RELATED]]
    yield Found(
        f"task mode of {first.function_name} records every step: it is not meant for thousands"
        " of calls per second or latencies below 100 ms",
        first.where(BLOCK, "asyncTask"),
        "leave asyncTask out where nothing reads the tasks",
        tuple(Related(position, "here too") for position in positions),
    )
