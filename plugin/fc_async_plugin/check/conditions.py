# SPDX-License-Identifier: MIT
"""The conditions under which asynchronous invocations need a person: one table. Pure.

``fc-async alarms`` prints a rule of CloudMonitor for each, ``fc-async alarms check`` evaluates
them, and ``fc-async failures`` shows what their metrics counted. Thresholds follow from the numbers
of the template, and from what metrics say of the past if they were read, so that a rule says why
its threshold is what it is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.check.graph import build
from fc_async_plugin.s_yaml.model import BLOCK, is_function
from fc_async_sdk.spec import limits, metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.s_yaml.model import Resource


_DAY: Final = 86_400
_HOUR: Final = 3_600
_ERRORS_PERIOD: Final = 300


class Numbers(NamedTuple):
    """The numbers of one function on which thresholds depend; durations are seconds.

    Attributes:
        retention: For how long its failure queue keeps a message.
    """

    age: int = limits.EVENT_AGE_SECONDS.default
    retries: int = limits.RETRY_ATTEMPTS.default
    timeout: int = limits.FUNCTION_TIMEOUT_SECONDS.default
    concurrency: int = limits.INSTANCE_CONCURRENCY.default
    retention: int = limits.QUEUE_RETENTION_SECONDS.default

    @property
    def slow(self) -> bool:
        """True if the attempts of one invocation may take longer than errors are counted."""
        return self.timeout * (self.retries + 1) > _ERRORS_PERIOD


class History(NamedTuple):
    """The executions of a function over some time, as its metrics have them.

    Attributes:
        executions: Number of executions.
        errors: Number of those that ended in a function error.
        busiest: Number of executions in the busiest hour.
        span: How far back that is, such as ``7d``.
    """

    executions: float
    errors: float
    busiest: float
    span: str

    @property
    def share(self) -> float:
        """The usual share of errors."""
        return self.errors / self.executions if self.executions else 0.0


class Condition(NamedTuple):
    """One row of the table.

    Attributes:
        name: In names of rules and in messages.
        metric: CloudMonitor's name; "" if it has none.
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
    def is_of_queue(self) -> bool:
        """True if a queue of failures meets it, False for a function."""
        return self.metric not in metrics.METRICS

    @property
    def statistic(self) -> metrics.Statistic:
        """The aggregate of a period that is compared."""
        return "Maximum" if self.is_of_queue else metrics.METRICS[self.metric].statistic

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
        _ERRORS_PERIOD,
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

QUEUE_DEPTH: Final = Condition(
    "waiting",
    metrics.QUEUE_VISIBLE,
    60,
    1,
    critical=False,
    threshold=lambda _: 1,
    reason=lambda _: "a failure waits: fc-async failures shows it",
)
QUEUE_AGE: Final = Condition(
    "oldest",
    "",
    60,
    1,
    critical=True,
    threshold=lambda numbers: numbers.retention // 2,
    reason=lambda numbers: (
        f"half of the {numbers.retention / _DAY:.3g} days for which the queue keeps a failure"
    ),
)
"""CloudMonitor has no metric for it: ``alarms check`` looks at the messages."""

_LEAST_SHARE: Final = 0.01
_TIMES_USUAL: Final = 3
_LARGEST_SHARE: Final = 0.5


class Rule(NamedTuple):
    """A condition for one function or one queue, with its threshold and the reason for it.

    Attributes:
        subject: Name of the function or of the queue.
        share: Of errors: the share of all executions that must be reached; 0: any. CloudMonitor
            compares one metric with one number, so its rules have the threshold alone.
        least: The smallest number of errors that counts, if there is a share.
    """

    condition: Condition
    subject: str
    region: str
    threshold: int
    reason: str
    share: float = 0.0
    least: int = 0

    @property
    def name(self) -> str:
        """Such as ``fc-async-orders-backlog``; unique within a region."""
        # A queue and a function may have one name.
        kind = "queue-" if self.condition.is_of_queue else ""
        return f"fc-async-{kind}{self.subject}-{self.condition.name}"

    def broken_by(self, values: Sequence[float], executions: Sequence[float] = ()) -> bool:
        """Return whether the newest values, one for each period, all reach the threshold.

        Args:
            values: The values of the metric.
            executions: The executions of the same periods, for a share.
        """
        times = self.condition.times
        newest = values[-times:]
        if len(newest) < times:
            return False
        if not self.share:
            return min(newest) >= self.threshold
        totals = executions[-times:]
        limits_of_periods = [max(self.least, self.share * total) for total in totals]
        return all(value >= limit for value, limit in zip(newest, limits_of_periods, strict=True))


def rules_of(
    resources: Sequence[Resource], histories: Mapping[tuple[str, str], History] | None = None
) -> list[Rule]:
    """Return the rules of functions with asynchronous configuration, then of their failure queues.

    Args:
        resources: Resources of templates.
        histories: What metrics say, by region and function; None: they were not read.
    """
    configured = [resource for resource in resources if is_configured(resource)]
    rules: list[Rule] = []
    for resource in configured:
        place = (resource.region, resource.function_name)
        history = (histories or {}).get(place)
        numbers = numbers_of(resource.props)
        for condition in CONDITIONS:
            if condition.metric == metrics.FUNCTION_ERRORS:
                rules.extend(_errors(condition, numbers, history, place))
            else:
                rules.append(_rule(condition, numbers, place))
    for queue, link in build.failure_queues(build.links(configured)).items():
        # The keys of this account do not read the queue of another one.
        if queue.account_id in {"", link.resource.account_id}:
            rules += queue_rules(queue.region, queue.queue)
    return rules


def queue_rules(region: str, queue: str, retention: int | None = None) -> list[Rule]:
    """Return the rules of a failure queue, which keeps messages for so many seconds."""
    numbers = Numbers(retention=retention or Numbers().retention)
    return [_rule(condition, numbers, (region, queue)) for condition in (QUEUE_DEPTH, QUEUE_AGE)]


def without_errors(resources: Iterable[Resource], rules: Iterable[Rule]) -> list[str]:
    """Return the functions that have no rule for errors."""
    with_errors = {
        (rule.region, rule.subject)
        for rule in rules
        if rule.condition.metric == metrics.FUNCTION_ERRORS
    }
    return [
        resource.function_name
        for resource in resources
        if (resource.region, resource.function_name) not in with_errors
    ]


def is_configured(resource: Resource) -> bool:
    """Return whether a resource is a function with asynchronous configuration."""
    return is_function(resource) and isinstance(resource.props.get(BLOCK), dict)


def _rule(condition: Condition, numbers: Numbers, place: tuple[str, str]) -> Rule:
    region, subject = place
    return Rule(condition, subject, region, condition.threshold(numbers), condition.reason(numbers))


def _errors(
    condition: Condition, numbers: Numbers, history: History | None, place: tuple[str, str]
) -> Iterator[Rule]:
    """Yield the rule for errors, if a number of errors says something about the function."""
    rule = _rule(condition, numbers, place)
    if history is None or not history.executions:
        # The attempts of one invocation are hours apart: their errors never come together.
        if not numbers.slow:
            yield rule
        return
    usual = history.share
    # The history of a function that fails right now says that it always does, hence the largest.
    share = min(max(_LEAST_SHARE, _TIMES_USUAL * usual), _LARGEST_SHARE)
    in_busy_period = history.busiest * _ERRORS_PERIOD / _HOUR
    count = math.ceil(share * in_busy_period)
    if numbers.slow and count < rule.threshold:
        return
    reason = (
        f"{share:.2%} of the {in_busy_period:,.0f} executions in {_ERRORS_PERIOD} s of the busiest"
        f" hour since {history.span}, in which {usual:.2%} failed"
    )
    if count < rule.threshold:
        reason = f"{rule.reason}; {reason} are fewer"
    threshold = max(count, rule.threshold)
    yield rule._replace(threshold=threshold, reason=reason, share=share, least=rule.threshold)


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
