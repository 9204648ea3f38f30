# SPDX-License-Identifier: MIT
"""The conditions under which asynchronous invocations need a person: one table. Pure.

``fc-async alarms`` prints a rule of CloudMonitor for each, ``fc-async watch`` evaluates them, and
``fc-async failures`` shows what their metrics counted. Thresholds follow from the numbers of the
template, so that a rule says why its threshold is what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.s_yaml.model import BLOCK, is_function
from fc_async_sdk.spec import limits, metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fc_async_plugin.s_yaml.model import Resource


class Numbers(NamedTuple):
    """The numbers of one function on which thresholds depend; durations are seconds."""

    age: int = limits.EVENT_AGE_SECONDS.default
    retries: int = limits.RETRY_ATTEMPTS.default
    timeout: int = limits.FUNCTION_TIMEOUT_SECONDS.default
    concurrency: int = limits.INSTANCE_CONCURRENCY.default


class Condition(NamedTuple):
    """One row of the table.

    Attributes:
        name: In names of rules and in messages.
        metric: CloudMonitor's name.
        period: Length of the periods that are compared, in seconds.
        times: Number of periods in a row that must reach the threshold.
        critical: Whether invocations are lost already.
        threshold: Returns the threshold, which is reached by an equal value.
        reason: Returns why it is this threshold.
    """

    name: str
    metric: str
    period: int
    times: int
    critical: bool
    threshold: Callable[[Numbers], int]
    reason: Callable[[Numbers], str]

    @property
    def statistic(self) -> metrics.Statistic:
        """The aggregate of a period that is compared."""
        return metrics.METRICS[self.metric].statistic

    @property
    def counts(self) -> bool:
        """True if each unit is something that went wrong, not a level or a duration."""
        return self.statistic == "Sum"


def _backlog(numbers: Numbers) -> int:
    at_once = limits.ACCOUNT_INSTANCES * numbers.concurrency
    return max(at_once * numbers.age // (2 * numbers.timeout), 1)


CONDITIONS: Final = (
    Condition(
        "backlog",
        metrics.BACKLOG,
        60,
        3,
        critical=False,
        threshold=_backlog,
        reason=lambda numbers: (
            f"with the timeout of {numbers.timeout} s, {limits.ACCOUNT_INSTANCES} instances may "
            f"need half of the maximum age ({numbers.age} s) for so many"
        ),
    ),
    Condition(
        "age",
        metrics.LATENCY_MAXIMUM,
        60,
        1,
        critical=False,
        threshold=lambda numbers: max(numbers.age * 1_000 // 2, 1),
        reason=lambda numbers: (
            f"half of the maximum age ({numbers.age} s), after which it is dropped"
        ),
    ),
    Condition(
        "expired",
        metrics.EXPIRED,
        60,
        1,
        critical=True,
        threshold=lambda _: 1,
        reason=lambda numbers: f"an invocation was dropped: it was older than {numbers.age} s",
    ),
    Condition(
        "errors",
        metrics.FUNCTION_ERRORS,
        300,
        1,
        critical=False,
        threshold=lambda numbers: numbers.retries + 1,
        reason=lambda numbers: (
            f"1 attempt and {numbers.retries} retries: one invocation that fails for good"
        ),
    ),
    Condition(
        "destination-errors",
        metrics.DESTINATION_ERRORS,
        60,
        1,
        critical=True,
        threshold=lambda _: 1,
        reason=lambda _: "an event did not reach its destination, and is lost in the cloud",
    ),
)
"""The table. Lengths and thresholds are ours; metrics: docs/reference/sources.md, "Metrics"."""


class Rule(NamedTuple):
    """A condition for one function, with its threshold and the reason for it."""

    condition: Condition
    function: str
    region: str
    threshold: int
    reason: str

    @property
    def name(self) -> str:
        """Such as ``fc-async-orders-backlog``; unique within a region."""
        return f"fc-async-{self.function}-{self.condition.name}"

    def broken_by(self, values: Sequence[float]) -> bool:
        """Return whether the newest values, one for each period, all reach the threshold."""
        newest = values[-self.condition.times :]
        return len(newest) == self.condition.times and min(newest) >= self.threshold


def rules_of(resources: Iterable[Resource]) -> list[Rule]:
    """Return a rule for each condition and each function that has asynchronous configuration."""
    rules = []
    for resource in resources:
        has_block = isinstance(resource.props.get(BLOCK), dict)
        if not has_block or not is_function(resource):
            continue
        numbers = numbers_of(resource.props)
        for condition in CONDITIONS:
            threshold = condition.threshold(numbers)
            reason = condition.reason(numbers)
            rules.append(
                Rule(condition, resource.function_name, resource.region, threshold, reason)
            )
    return rules


def numbers_of(props: dict[str, Any]) -> Numbers:
    """Return the numbers of a function; what is missing or invalid has its default."""
    block = props.get(BLOCK)
    block = block if isinstance(block, dict) else {}
    return Numbers(
        _in(limits.EVENT_AGE_SECONDS, block.get("maxAsyncEventAgeInSeconds")),
        _in(limits.RETRY_ATTEMPTS, block.get("maxAsyncRetryAttempts")),
        _in(limits.FUNCTION_TIMEOUT_SECONDS, props.get("timeout")),
        _in(limits.INSTANCE_CONCURRENCY, props.get("instanceConcurrency")),
    )


def _in(allowed: limits.Range, value: Any) -> int:
    return value if value in allowed else allowed.default
