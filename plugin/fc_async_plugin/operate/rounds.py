# SPDX-License-Identifier: MIT
"""Evaluates the conditions of alarms since the round before, and tells what has changed.

A scheduler starts one round after the other; what a round must know of those before is kept.

Invariants:

- Every minute since the round before is looked at, by a week at most; what is left out is said.
- One change is told when a condition begins to hold, and one when it ends.
- A change that was not taken is told again in the next round, and so is one whose round was killed.
- A condition whose metrics cannot be read stays as it was, and the next round begins where the
  last one ended that could read them.
- A round tells :data:`MOST` changes at most; the others wait for the next round.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account import connection
from fc_async_plugin.check import conditions
from fc_async_plugin.check.conditions import CONDITIONS, History
from fc_async_plugin.operate import metrics
from fc_async_plugin.operate.failures import opened_queue
from fc_async_plugin.operate.locking import alone_in
from fc_async_plugin.operate.webhooks import AlarmChange
from fc_async_sdk import _project_folder
from fc_async_sdk._decoding import prepare
from fc_async_sdk.errors import FcAsyncError, NoCredentials
from fc_async_sdk.spec import metrics as spec
from fc_async_sdk.spec.graph import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.check.conditions import Rule
    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_sdk import Client
    from fc_async_sdk.admin.models import MetricPoint

MOST: Final = 20
_KEPT: Final = 1_000
"""Changes that wait for a webhook; beyond them the oldest are dropped."""
_FILE: Final = _project_folder.ALARMS / "rounds.json"
_MINUTE: Final = 60_000
_DAY: Final = 86_400_000
_FIRST: Final = 60 * _MINUTE
"""Time that the first round looks back, in milliseconds."""
_LONGEST: Final = 7 * _DAY
"""Longest time that a round looks back, in milliseconds."""
_LATE: Final = 5 * _MINUTE
"""Time after a minute in which CloudMonitor may add to it: ours, the service does not say it."""
_HISTORY: Final = "7d"


class Known(msgspec.Struct, kw_only=True):
    """Facts of the rounds before, of one account or runtime.

    Attributes:
        ends: Until when the metrics of functions were looked at, by region and function.
        broken: Keys of the rules whose conditions hold.
        untold: Changes that were not taken yet.
        histories: How often functions ran and failed, by region and function.
        histories_at: When that was read; milliseconds since the epoch.
    """

    ends: dict[str, int] = {}
    broken: list[str] = []
    untold: list[AlarmChange] = []
    histories: dict[str, History] = {}
    histories_at: int = 0


prepare(Known, dict[str, Known])


class RecentMetrics(NamedTuple):
    """Metrics of one function by minutes; times are milliseconds since the epoch.

    Attributes:
        begin: The first moment that is looked at.
        end: The end of the newest complete minute.
        points: Of each metric, from the periods before ``begin`` on.
    """

    begin: int
    end: int
    points: Mapping[str, Sequence[MetricPoint]]


class QueueState(NamedTuple):
    """The state of a failure queue.

    Attributes:
        depth: Number of messages that can be received.
        oldest: Age of the oldest one that was seen, in seconds; 0 if there is none.
        retention: For how many seconds the queue keeps a message, if that is known.
        now: Milliseconds since the epoch.
    """

    depth: int
    oldest: float
    retention: int | None
    now: int


class Reader:
    """Reads metrics and queues of the account or of a local runtime.

    Args:
        clients: A client for each region.
        account: The options.
    """

    def __init__(self, clients: Mapping[str, Client], account: Account) -> None:
        self._clients = clients
        self._account = account
        self._here = connection.is_here(account)

    def function(self, region: str, function: str, begin: int | None) -> RecentMetrics:
        """Read the metrics of a function.

        Args:
            region: Its region.
            function: Its name.
            begin: The end of the last minute that was looked at; None: there was no round before.

        Raises:
            FcAsyncError: They cannot be read.
        """
        client = self._clients[region]
        # The minute that goes on is not complete; in the account that holds for the one before.
        end = metrics.now_of(client) // _MINUTE * _MINUTE
        late = 0
        if not self._here:
            end -= _MINUTE
            late = _LATE
        begin = end - _FIRST if begin is None else begin // _MINUTE * _MINUTE - late
        begin = min(max(begin, end - _LONGEST), end)
        longest = max(condition.times * condition.period for condition in CONDITIONS)
        names = tuple({spec.INVOCATIONS, *(condition.metric for condition in CONDITIONS)})
        points: dict[str, list[MetricPoint]] = {}
        length = spec.POINTS * _MINUTE
        # One answer has so many points.
        for start in range(begin - longest * 1_000, end, length):
            query = metrics.Query(function, names, start, min(start + length, end), 60)
            for series in metrics.read(client, self._account, query):
                points.setdefault(series.metric, []).extend(series.points)
        return RecentMetrics(begin, end, points)

    def queue(self, region: str, queue: str) -> QueueState:
        """Look at a failure queue; its messages stay visible.

        Raises:
            FcAsyncError: It cannot be read.
            ModuleNotFoundError: The extra ``events`` is not installed.
        """
        client = self._clients[region]
        node = Node("mns-queue", region, client.account_id or "", queue)
        with opened_queue(node, self._account) as opened:
            seen = opened.peek()
        now = metrics.now_of(client)
        times = [shown.event.timestamp for shown in seen.messages if shown.event is not None]
        oldest = min(filter(None, times), default=now)
        return QueueState(seen.depth, (now - oldest) / 1_000, seen.retention, now)


class Round:
    """One round over rules.

    Args:
        rules: The rules.
        known: What is known of the rounds before; is changed.
        reader: Reads metrics and queues.
        since: Where the round begins, whatever is known; milliseconds since the epoch.

    Attributes:
        changes: Conditions that have begun to hold or have ended.
        unread: Sentences about what could not be read.
        begin: The first moment that was looked at; milliseconds since the epoch.
        end: The last one.
        skipped: Functions of which a part of the time was left out.
    """

    def __init__(
        self, rules: Sequence[Rule], known: Known, reader: Reader, since: int | None = None
    ) -> None:
        self._rules = rules
        self._known = known
        self._reader = reader
        self._since = since
        self.changes: list[AlarmChange] = []
        self.unread: list[str] = []
        self.begin = 0
        self.end = 0
        self.skipped: list[str] = []

    @property
    def holding(self) -> list[str]:
        """The rules of this round whose conditions hold."""
        # Of a function that left the template, a condition would hold for ever.
        return sorted({_key(rule) for rule in self._rules}.intersection(self._known.broken))

    def look(self) -> None:
        """Read all metrics and queues, and note what has changed.

        Raises:
            NoCredentials: There are no keys to read them with.
        """
        for subject, rules in groupby(self._rules, key=_subject):
            try:
                self._look_at(subject, list(rules))
            # One error, not a sentence for each function.
            except NoCredentials:
                raise
            except (FcAsyncError, ModuleNotFoundError) as error:
                self.unread.append(f"{subject}: it cannot be read, and its alarms stay: {error}")

    def _look_at(self, subject: str, rules: Sequence[Rule]) -> None:
        first = rules[0]
        if first.condition.is_of_queue:
            state = self._reader.queue(first.region, first.subject)
            values = {"waiting": state.depth, "oldest": state.oldest}
            for rule in conditions.queue_rules(first.region, first.subject, state.retention):
                value = values[rule.condition.name]
                self._note(rule, value, state.now, broken=rule.broken_by([value]))
            return
        last_end = self._known.ends.get(subject) if self._since is None else self._since
        seen = self._reader.function(first.region, first.subject, last_end)
        if last_end is not None and seen.begin > last_end:
            self.skipped.append(first.subject)
        self._known.ends[subject] = seen.end
        self.begin = min(self.begin or seen.begin, seen.begin)
        self.end = max(self.end, seen.end)
        for rule in rules:
            moments = list(_moments(rule, seen))
            broken = [value for value, is_broken in moments if is_broken]
            newest = broken[-1] if broken else moments[-1][0]
            self._note(rule, newest, seen.end, broken=bool(broken))

    def _note(self, rule: Rule, value: float, at: int, *, broken: bool) -> None:
        key = _key(rule)
        if broken == (key in self._known.broken):
            return
        if broken:
            self._known.broken.append(key)
        else:
            self._known.broken.remove(key)
        self.changes.append(AlarmChange.of(rule, alarm=broken, value=value, time=at))


def _subject(rule: Rule) -> str:
    kind = "queue " if rule.condition.is_of_queue else ""
    return f"{kind}{rule.subject} ({rule.region})"


def _key(rule: Rule) -> str:
    return f"{rule.region}/{rule.name}"


def _moments(rule: Rule, seen: RecentMetrics) -> Iterator[tuple[float, bool]]:
    """Yield, for each minute that is looked at, the newest value and whether the rule is broken."""
    values_by_minute = _by_minute(seen.points.get(rule.condition.metric, ()))
    executions_by_minute: dict[int, float] = {}
    if rule.share:
        executions_by_minute = _by_minute(seen.points.get(spec.INVOCATIONS, ()))
    first = min(seen.begin + _MINUTE, seen.end)
    for end in range(first, seen.end + 1, _MINUTE):
        values = values_of(rule, values_by_minute, end)
        executions = values_of(rule, executions_by_minute, end)
        yield values[-1], rule.broken_by(values, executions)


def _by_minute(points: Sequence[MetricPoint]) -> dict[int, float]:
    return {point.timestamp // _MINUTE: point.value for point in points}


def values_of(rule: Rule, by_minute: Mapping[int, float], end: int) -> list[float]:
    """Return one value for each period that a rule compares, the newest last.

    Args:
        rule: The rule.
        by_minute: The metric, by minutes since the epoch; one that is missing counts as 0.
        end: End of the newest period; milliseconds since the epoch.
    """
    condition = rule.condition
    length = condition.period * 1_000 // _MINUTE
    values = []
    for number in range(condition.times, 0, -1):
        first = end // _MINUTE - number * length
        span = [by_minute.get(minute, 0) for minute in range(first, first + length)]
        values.append(metrics.whole(condition.statistic, span))
    return values


def tell(
    known: Known,
    changes: Sequence[AlarmChange],
    send: Callable[[AlarmChange], None],
    note: Callable[[str], None],
) -> list[AlarmChange]:
    """Tell changes, those that were not taken before first; return those that were taken.

    Args:
        known: What is known of the rounds before; gets what was not taken.
        changes: The changes of this round.
        send: Sends a change; raises PluginError if it was not taken.
        note: Gets a sentence for a person.
    """
    # What is lost first: a round sends some only, and the oldest are dropped.
    waiting = [*known.untold, *sorted(changes, key=lambda change: not change.critical)]
    known.untold = waiting[MOST:]
    taken: list[AlarmChange] = []
    refused: list[AlarmChange] = []
    for change in waiting[:MOST]:
        try:
            send(change)
        except PluginError as error:
            refused.append(change)
            note(f"{error}, which was not told: {change.text}")
        else:
            taken.append(change)
    known.untold = [*refused, *known.untold][-_KEPT:]
    return taken


@contextmanager
def kept(target: str) -> Iterator[Known]:
    """Yield what is known of the rounds before; keep what it is at the end, if there is no error.

    Args:
        target: The account or runtime, in words.

    Raises:
        ForeignFolder: The folder is not this user's.
        OSError: It cannot be read or written.
    """
    _project_folder.make_private(_FILE.parent)
    with alone_in(_FILE.parent):
        by_target = _read()
        known = by_target.setdefault(target, Known())
        yield known
        with _project_folder.replacing(_FILE) as unfinished:
            unfinished.write_bytes(msgspec.json.encode(by_target))


def _read() -> dict[str, Known]:
    try:
        content = _project_folder.read_private(_FILE)
    except FileNotFoundError:
        return {}
    try:
        return msgspec.json.decode(content, type=dict[str, Known])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PluginError(
            f"{_FILE} cannot be read: {error}\n"
            "Remove it: the next round is the first one then, and looks back an hour."
        ) from None


@contextmanager
def clients_of(functions: Sequence[Resource], account: Account) -> Iterator[dict[str, Client]]:
    """Yield a client for each region of functions and of their failure queues."""
    rules = conditions.rules_of(functions)
    with ExitStack() as opened:
        yield {
            region: opened.enter_context(connection.client(account, region))
            for region in dict.fromkeys(rule.region for rule in rules)
        }


def histories(
    functions: Sequence[Resource],
    clients: Mapping[str, Client],
    account: Account,
    begins: Callable[[int], int],
    span: str = _HISTORY,
) -> dict[tuple[str, str], History]:
    """Read how often functions ran and failed, by region and function.

    Args:
        functions: The functions.
        clients: A client for each region.
        account: The options.
        begins: Returns since when, from the present; milliseconds since the epoch.
        span: The same in words.

    Raises:
        FcAsyncError: The metrics cannot be read.
    """
    by_place: dict[tuple[str, str], History] = {}
    for resource in functions:
        client = clients[resource.region]
        begin = begins(metrics.now_of(client))
        name = resource.function_name
        by_place[resource.region, name] = metrics.history(client, account, name, begin, span)
    return by_place


def rules_with_history(
    functions: Sequence[Resource], clients: Mapping[str, Client], account: Account, known: Known
) -> list[Rule]:
    """Return the rules of functions by their history of a week, which is read once a day."""
    now = max(metrics.now_of(client) for client in clients.values())
    names = {f"{each.region}/{each.function_name}" for each in functions}
    if now - known.histories_at >= _DAY or not names <= known.histories.keys():
        try:
            read = histories(functions, clients, account, lambda at: at - _LONGEST)
        except NoCredentials:
            raise
        except FcAsyncError:
            read = {}  # the round says of each function that it cannot be read
        known.histories.update({"/".join(place): history for place, history in read.items()})
        known.histories_at = now if read else 0
    by_place = {
        (each.region, each.function_name): known.histories[f"{each.region}/{each.function_name}"]
        for each in functions
        if f"{each.region}/{each.function_name}" in known.histories
    }
    return conditions.rules_of(functions, by_place)
