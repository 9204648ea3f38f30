# SPDX-License-Identifier: MIT
"""Evaluates the conditions again and again, and tells a webhook what has changed.

Invariants:

- One message for each condition and change: when it begins to hold, and when it ends.
- A change that the webhook did not take is told again in the next round.
- A condition whose metrics cannot be read stays as it was.
- A round sends :data:`MOST` messages at most; the others wait for the next round.
- The URL of a webhook is a secret: only its host is shown.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

import requests

from fc_async_plugin import PluginError
from fc_async_plugin.account import connection
from fc_async_plugin.check.conditions import CONDITIONS
from fc_async_plugin.operate import metrics
from fc_async_sdk.errors import FcAsyncError, NoCredentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.check.conditions import Rule
    from fc_async_sdk import Client
    from fc_async_sdk.admin.models import MetricPoint

MOST: Final = 20
_KEPT: Final = 1_000
"""Changes that wait for a webhook; beyond them the oldest are dropped."""
_MINUTE: Final = 60_000
_CATCH_UP: Final = 60
"""Minutes before the newest one that a late round still looks at."""
_TIMEOUTS: Final = (5.0, 10.0)
_HOSTS: Final = {
    "oapi.dingtalk.com": "dingtalk",
    "qyapi.weixin.qq.com": "dingtalk",  # WeCom takes the same body
    "open.feishu.cn": "feishu",
}
FORMS: Final[dict[str, Callable[[AlarmChange], Any]]] = {
    "json": lambda change: change.as_data(),
    "dingtalk": lambda change: {"msgtype": "text", "text": {"content": change.text}},
    "feishu": lambda change: {"msg_type": "text", "content": {"text": change.text}},
}
"""Bodies of messages by the service that takes them; Slack takes the ``text`` of ``json``."""


class AlarmChange(NamedTuple):
    """A condition that has begun to hold, or has ended.

    Attributes:
        value: The newest value of its metric.
        at: Milliseconds since the epoch.
    """

    rule: Rule
    broken: bool
    value: float
    at: int

    @property
    def text(self) -> str:
        """The change in one line."""
        rule = self.rule
        name = f"{rule.function} ({rule.region}): {rule.condition.name}"
        value = f"{rule.condition.metric} {self.value:g}"
        if not self.broken:
            return f"{name} is over: {value}, alarm at {rule.threshold}"
        return f"{name}: {value}, alarm at {rule.threshold}: {rule.reason}"

    def as_data(self) -> dict[str, Any]:
        """Return the change as plain data for JSON."""
        return {
            "function": self.rule.function,
            "region": self.rule.region,
            "condition": self.rule.condition.name,
            "metric": self.rule.condition.metric,
            "alarm": self.broken,
            "value": self.value,
            "threshold": self.rule.threshold,
            "reason": self.rule.reason,
            "time": self.at,
            "text": self.text,
        }


def values_of(rule: Rule, points: Sequence[MetricPoint], end: int) -> list[float]:
    """Return one value for each period that a rule compares, the newest last.

    Args:
        rule: The rule.
        points: The metric by minutes; a minute without a point counts as 0.
        end: End of the newest period.
    """
    condition = rule.condition
    length = condition.period * 1_000
    values = []
    for number in range(condition.times, 0, -1):
        first = end - number * length
        span = [point.value for point in points if 0 <= point.timestamp - first < length]
        values.append(metrics.whole(condition.statistic, span or [0]))
    return values


class RecentMetrics(NamedTuple):
    """Metrics of one function by minutes, up to a time in milliseconds since the epoch."""

    end: int
    points: Mapping[str, Sequence[MetricPoint]]


class RuleWatch:
    """Knows which conditions hold, and tells each change once.

    Args:
        rules: The rules.
        read: Returns the metrics of a region and a function for so many minutes.
        tell: Sends a change; raises PluginError if it was not taken.
        note: Gets a sentence for a person.

    Attributes:
        broken: The rules whose conditions hold.
        unread: Regions and functions whose metrics could not be read in the latest round, with the
            reason.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        read: Callable[[str, str, int], RecentMetrics],
        tell: Callable[[AlarmChange], None],
        note: Callable[[str], None],
    ) -> None:
        self._rules: dict[tuple[str, str], list[Rule]] = {}
        for rule in rules:
            # By region, too: a function that could not be read hid one of the same name in another
            # region.
            self._rules.setdefault((rule.region, rule.function), []).append(rule)
        self._read = read
        self._tell = tell
        self._note = note
        self._ends: dict[tuple[str, str], int] = {}
        self._waiting: deque[AlarmChange] = deque(maxlen=_KEPT)
        self.broken: set[Rule] = set()
        self.unread: dict[tuple[str, str], str] = {}

    def look(self) -> None:
        """Read all metrics and tell what has changed.

        Raises:
            NoCredentials: There are no keys to read them with.
        """
        changes: list[AlarmChange] = []
        for source, rules in self._rules.items():
            changes += self._changes(source, rules)
        # Critical ones first: a round sends some only, and the queue drops the oldest.
        self._waiting += sorted(changes, key=lambda change: not change.rule.condition.critical)
        # A change that was not taken stays: it was forgotten if its condition was over by the next
        # round.
        for change in list(self._waiting)[:MOST]:
            try:
                self._tell(change)
            except PluginError as error:
                self._note(f"{error}, which was not told: {change.text}")
            else:
                self._waiting.remove(change)

    def _changes(self, source: tuple[str, str], rules: Sequence[Rule]) -> Iterator[AlarmChange]:
        minutes = max(rule.condition.times * rule.condition.period // 60 for rule in rules)
        try:
            seen = self._read(*source, minutes + _CATCH_UP)
        # One error, not a note for each function.
        except NoCredentials:
            raise
        except FcAsyncError as error:
            # Once for each reason, not in each round.
            if self.unread.get(source) != str(error):
                name = f"{source[1]} ({source[0]})"
                self._note(f"{name}: its metrics cannot be read, and its alarms stay: {error}")
            self.unread[source] = str(error)
            return
        self.unread.pop(source, None)
        # Every minute since the round before is looked at: a round may be late.
        next_end = self._ends.get(source, seen.end) + _MINUTE
        oldest_end = seen.end - _CATCH_UP * _MINUTE
        first = min(max(next_end, oldest_end), seen.end)
        ends = range(first, seen.end + 1, _MINUTE)
        self._ends[source] = seen.end
        for rule in rules:
            points = seen.points.get(rule.condition.metric, ())
            moments = [values_of(rule, points, end) for end in ends]
            broken = [values for values in moments if rule.broken_by(values)]
            if bool(broken) == (rule in self.broken):
                continue
            self.broken ^= {rule}
            newest = (broken or moments)[-1]
            yield AlarmChange(rule, bool(broken), newest[-1], seen.end)


class Webhook:
    """Sends changes to a URL.

    Args:
        url: The URL, which may have a key.
        form: Name of a form of :data:`FORMS`; None: by the host.

    Raises:
        PluginError: It is not a URL of HTTP.
    """

    def __init__(self, url: str, form: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise PluginError("the webhook must be a URL that begins with https:// or http://")
        self.host = parts.hostname
        self._url = url
        self._body = FORMS[form or _HOSTS.get(self.host, "json")]

    def __call__(self, change: AlarmChange) -> None:
        """Send a change.

        Raises:
            PluginError: It was not taken.
        """
        try:
            answer = requests.post(
                self._url, json=self._body(change), timeout=_TIMEOUTS, allow_redirects=False
            )
        except requests.RequestException as error:
            # Its text has the URL.
            raise PluginError(f"the webhook at {self.host}: {type(error).__name__}") from None
        # Chat robots answer 200 to what they refuse, with a code in the body.
        code = _code(answer) if answer.ok else answer.status_code
        if code or not 200 <= answer.status_code < 300:  # noqa: PLR2004 -- statuses of success
            raise PluginError(f"the webhook at {self.host} answered {code or answer.status_code}")


def _code(answer: requests.Response) -> int:
    try:
        body = answer.json()
    except ValueError:
        return 0
    if not isinstance(body, dict):
        return 0
    code = body.get("errcode") or body.get("code")
    return code if isinstance(code, int) else 0


def reader(
    clients: Mapping[str, Client], account: Account
) -> Callable[[str, str, int], RecentMetrics]:
    """Return what reads metrics of the account or of a local runtime.

    Args:
        clients: A client for each region.
        account: The options.
    """
    local = connection.is_here(account)

    def read(region: str, function: str, minutes: int) -> RecentMetrics:
        client = clients[region]
        # The minute that goes on is not complete; in the account that holds for the one before.
        end = metrics.now_of(client) // _MINUTE * _MINUTE
        if not local:
            end -= _MINUTE
        names = tuple(condition.metric for condition in CONDITIONS)
        query = metrics.Query(function, names, end - minutes * _MINUTE, end, 60)
        answer = metrics.read(client, account, query)
        return RecentMetrics(end, {series.metric: series.points for series in answer})

    return read
