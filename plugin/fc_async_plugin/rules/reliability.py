# SPDX-License-Identifier: MIT
"""Rules about silent losses: missing failure destinations, ages, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_plugin.rules.destinations import where
from fc_async_plugin.rules.rule import Found, Related, rule
from fc_async_plugin.template.desired import BLOCK, is_unresolved
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.rules.context import Context

_KIB: Final = 1024
_KEPT: Final = f"listed for {limits.TASK_RETENTION_SECONDS // 86_400} days and then dropped"


@rule("FCA050", "no-failure-destination", "warning", "Failed invocations are dropped silently.")
def no_failure_destination(context: Context) -> Iterator[Found]:
    """After its last retry an invocation without failure destination is gone."""
    for resource, block in context.blocks:
        config = block.get("destinationConfig")
        if is_unresolved(config):
            continue
        if block and not (isinstance(config, dict) and config.get("onFailure")):
            kept = block.get("asyncTask") is True
            yield Found(
                f"{resource.function_name} has no failure destination: an invocation that fails"
                f" for good is {_KEPT if kept else 'dropped'}",
                resource.where_key(BLOCK),
                "add destinationConfig.onFailure, such as a queue",
            )


@rule("FCA051", "empty-block", "warning", "An empty block, which changes nothing.")
def empty_block(context: Context) -> Iterator[Found]:
    """Nothing is sent for it by s, so what is configured in the account stays."""
    for resource, block in context.blocks:
        if not block:
            yield Found(
                f"{BLOCK} of {resource.function_name} is empty: s deploy leaves in place whatever"
                " the account has",
                resource.where_key(BLOCK),
                "write what you want, or leave the block out and run: fc-async deploy --prune",
            )


@rule("FCA052", "age-shorter-than-retries", "warning", "Retries that cannot all take place.")
def age_shorter_than_retries(context: Context) -> Iterator[Found]:
    """The age counts from the trigger; what is too old is dropped, retries left or not."""
    for resource, block in context.blocks:
        age = _number(block, "maxAsyncEventAgeInSeconds", limits.EVENT_AGE_SECONDS)
        retries = _number(block, "maxAsyncRetryAttempts", limits.RETRY_ATTEMPTS)
        timeout = _number(resource.props, "timeout", limits.FUNCTION_TIMEOUT_SECONDS)
        if None in {age, retries, timeout}:
            continue
        assert age is not None and retries is not None and timeout is not None  # noqa: PT018 -- for the type checker
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


@rule("FCA053", "age-shorter-than-delay", "note", "Long delays expire before they run.")
def age_shorter_than_delay(context: Context) -> Iterator[Found]:
    """The age counts from the trigger, the time of a delay included."""
    for resource, block in context.blocks:
        age = _number(block, "maxAsyncEventAgeInSeconds", limits.EVENT_AGE_SECONDS)
        if age is not None and age <= limits.DELAY_SECONDS.high:
            yield Found(
                f"an invocation of {resource.function_name} with x-fc-async-delay of {age} s or"
                " more expires before it runs",
                resource.where(BLOCK, "maxAsyncEventAgeInSeconds"),
                "keep delays below, or raise the age",
            )


def _number(block: dict[str, Any], key: str, allowed: limits.Range) -> int | None:
    """Return a valid value, the service's default if it is not set, None if it is invalid."""
    value = block.get(key)
    if value is None:
        return allowed.default
    return value if value in allowed else None


@rule("FCA054", "payload-limit", "note", "Events that may be larger than the destination takes.")
def payload_limit(context: Context) -> Iterator[Found]:
    """An event holds the request and the response; what is too large is refused, not retried."""
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
        where(link),
        "send large payloads through a store (large=store), or use a RocketMQ topic (4 MB)",
        tuple(Related(where(other), "here too") for other, _ in small[1:20]),
    )
