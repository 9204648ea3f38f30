# SPDX-License-Identifier: MIT
"""The questions of the shipped templates. Pure.

Invariants:

- A name means the same question in each template; a template gives its own default.
- What the service accepts is read from :mod:`fc_async_sdk.spec`, not repeated here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk.spec import destinations, limits, runtimes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fc_async_sdk.spec.destinations import NameRule

_OSS_NAME: Final = "[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"
"""Names of buckets; names of Log Service have the same form."""
_NUMBER: Final = re.compile("0|[1-9][0-9]{0,9}")


class Kind(NamedTuple):
    """A question of ``init``, and the answers that it allows.

    Attributes:
        text: The question.
        allowed: The allowed answers, in words.
        allows: Returns whether an answer is allowed.
        refused: Returns why an allowed answer cannot be used; None if it can.
    """

    text: str
    allowed: str
    allows: Callable[[str], bool]
    refused: Callable[[str], str | None] = lambda _: None


def problem(name: str, value: str) -> str:
    """Return what is wrong with the answer to a question, "" if it is allowed."""
    kind = QUESTIONS[name]
    if not kind.allows(value):
        return f"{name} must be {kind.allowed}, got {value!r}"
    reason = kind.refused(value)
    return f"{name}: {reason}" if reason else ""


def _is_plain_text(value: str) -> bool:
    return value.isprintable() and bool(value.strip()) and not re.search(r"\$\{|<%", value)


def _matching(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


def _name(text: str, rule: NameRule) -> Kind:
    return Kind(text, rule.allowed, lambda value: rule.problem(value) is None, rule.refused)


def _number(text: str, limit: limits.Range) -> Kind:
    def allows(value: str) -> bool:
        return _NUMBER.fullmatch(value) is not None and limit.low <= int(value) <= limit.high

    return Kind(text, f"a whole number from {limit.low} to {limit.high}", allows)


# python3 is 3.6, and fc-async does not support 3.9.
_PYTHONS: Final = tuple(
    sorted(name.removeprefix("python") for name in runtimes.PYTHON - {"python3", "python3.9"})
)

QUESTIONS: Final[Mapping[str, Kind]] = {
    "project_name": Kind(
        "Name of the project; functions are named after it",
        "one line of text without '${' and '<%'",
        _is_plain_text,
    ),
    "project_slug": Kind(
        "Folder and prefix of the functions",
        "lower-case letters, digits and '-', at most 51, a letter first",
        _matching("[a-z][a-z0-9-]{0,50}"),
    ),
    "database": Kind(
        "Database of the functions",
        "sqlite (this machine only) or postgresql (SQLite for tests, too)",
        ("sqlite", "postgresql").__contains__,
    ),
    "region": Kind("Region", "a region id such as cn-hangzhou", _matching("[a-z]+(-[a-z0-9]+)+")),
    "retries": _number("Retries after a function error", limits.RETRY_ATTEMPTS),
    "max_age_seconds": _number("Seconds after which an event is dropped", limits.EVENT_AGE_SECONDS),
    "failure_queue": _name("MNS queue for requests that failed for good", destinations.QUEUE_NAME),
    "event_bus": _name("EventBridge bus for results", destinations.BUS_NAME),
    "rocketmq_instance": _name("Instance of RocketMQ 4.x", destinations.ROCKETMQ_INSTANCE),
    "rocketmq_topic": _name("Topic of RocketMQ", destinations.ROCKETMQ_TOPIC),
    "access_alias": Kind(
        "Access alias of s (~/.s/access.yaml)",
        "letters, digits, '_', '.' and '-', at most 64",
        _matching("[A-Za-z0-9_.-]{1,64}"),
    ),
    "role": Kind(
        "RAM role of the functions",
        "letters, digits, '.' and '-', at most 64",
        _matching("[A-Za-z0-9.-]{1,64}"),
    ),
    "reports_bucket": Kind(
        "OSS bucket for reports",
        "3 to 63 lower-case letters, digits and '-'",
        _matching(_OSS_NAME),
    ),
    "log_project": Kind(
        "Log Service project for the logs of the functions, if there is one",
        "nothing, or 3 to 63 lower-case letters, digits and '-'",
        _matching(f"({_OSS_NAME})?"),
    ),
    "python_version": Kind("Python of the functions", " or ".join(_PYTHONS), _PYTHONS.__contains__),
}
