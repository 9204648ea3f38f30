# SPDX-License-Identifier: MIT
"""Explains the backlog of one function: asks the local runtime, or reads an account and judges.

Invariants:

- A source of an account that refuses or has nothing is named in what is not known; the others are
  read all the same.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from fc_async_plugin.account import connection
from fc_async_plugin.account.runtime import ask
from fc_async_plugin.operate import metrics
from fc_async_plugin.operate.pausing import reserved_of
from fc_async_plugin.project import paused
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import FcAsyncError
from fc_async_sdk.spec import backlog as spec
from fc_async_sdk.spec import limits
from fc_async_sdk.spec import metrics as names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.project.paused import Pause
    from fc_async_sdk import Client
    from fc_async_sdk.models import AsyncTask

_MINUTES: Final = 10
"""Ours: CloudMonitor shows a minute some minutes later."""
_SAMPLE: Final = 100
"""Tasks whose durations are looked at."""
_READ: Final = (
    names.BACKLOG,
    names.IN_PROCESS,
    names.ENQUEUED,
    names.DEQUEUED,
    names.THROTTLES,
    names.RESOURCE_THROTTLES,
    names.SERVER_ERRORS,
    names.DURATION_AVERAGE,
    names.DURATION_P90,
)


def explanation_of(
    function: str,
    client: Client,
    account: Account,
    monitor: str | None = None,
) -> spec.Explanation:
    """Return why calls of a function wait.

    Args:
        function: Function name.
        client: A client of its region, or of the local runtime.
        account: The options, with the access alias of the template.
        monitor: URL of CloudMonitor; None: that of the region.

    Raises:
        FcAsyncError: The function does not exist, or nothing can be read.
    """
    if monitor is None and connection.is_here(account):
        return ask(client, admin.get_backlog(function))
    return spec.explain(facts_of_account(function, client, account, monitor))


def facts_of_account(
    function: str,
    client: Client,
    account: Account,
    monitor: str | None = None,
) -> spec.Backlog:
    """Read what CloudMonitor and the API tell of the backlog of a function in an account.

    Raises:
        FcAsyncError: The function does not exist, or cannot be read.
    """
    unknown = [
        "the account's quota of instances: pages of the service disagree on its default",
        "whether calls are delayed or wait for a Pace: the service does not tell them apart",
    ]
    ceilings, pause = _limits_of(function, client)
    now = time.time_ns() // 1_000_000
    values: dict[str, float] = {}
    query = metrics.Query(function, _READ, now - _MINUTES * spec.MINUTE_MS, now, spec.MINUTE)
    endpoint = monitor or metrics.cloud_endpoint(client.region_name)
    try:
        series = metrics.read(client, account, query, endpoint)
        values = {each.metric: each.value for each in series}
    except FcAsyncError as error:
        unknown.append(f"what CloudMonitor has counted: {error}")
    else:
        if names.BACKLOG not in values:
            unknown.append(
                f"what waits: CloudMonitor has no point of {names.BACKLOG} for {_MINUTES} minutes"
            )
    durations = _durations_of_tasks(function, client) or _durations_of_metrics(values)
    return spec.Backlog(
        function=function,
        now=now,
        running=_number(values, names.IN_PROCESS),
        waiting=_waiting(values),
        traffic=_traffic(values),
        durations=durations,
        ceilings=ceilings,
        paused_since=None if pause is None else pause.since,
        unknown=tuple(unknown),
    )


def _limits_of(function: str, client: Client) -> tuple[spec.Ceilings, Pause | None]:
    """Return the limits of a function, and its pause."""
    described = client.get_function(function)
    reserved = reserved_of(function, client)
    ceilings = spec.Ceilings(
        instance_concurrency=described.instance_concurrency or limits.INSTANCE_CONCURRENCY.default,
        reserved=reserved,
    )
    # A reservation that was set since has ended the pause, whatever the tag says.
    return ceilings, paused.read(described.tags) if reserved == 0 else None


def _number(values: dict[str, float], name: str) -> int | None:
    return round(values[name]) if name in values else None


def _waiting(values: dict[str, float]) -> spec.Waiting | None:
    total = _number(values, names.BACKLOG)
    return None if total is None else spec.Waiting(total=total)


def _traffic(values: dict[str, float]) -> spec.Traffic | None:
    # Without a point of either nothing is known; with one of them, the other was 0.
    if names.ENQUEUED not in values and names.DEQUEUED not in values:
        return None
    return spec.Traffic(
        seconds=_MINUTES * spec.MINUTE,
        arrivals=round(values.get(names.ENQUEUED, 0)),
        ends=round(values.get(names.DEQUEUED, 0)),
        throttles=round(values.get(names.THROTTLES, 0)),
        resource_throttles=round(values.get(names.RESOURCE_THROTTLES, 0)),
        system_errors=round(values.get(names.SERVER_ERRORS, 0)),
    )


def _durations_of_tasks(function: str, client: Client) -> spec.Durations | None:
    """Return the durations of the latest tasks; None without task mode or permission."""
    try:
        page = client.list_async_tasks(function, status="Succeeded", limit=_SAMPLE)
    except FcAsyncError:
        return None
    return spec.durations_of(_durations(page.tasks))


def _durations(tasks: Sequence[AsyncTask]) -> list[int]:
    """Return the durations of tasks that succeeded at once: others have waits in theirs."""
    durations = []
    for task in tasks:
        if task.already_retried_times or not task.started_time or not task.end_time:
            continue
        durations.append(task.end_time - task.started_time)
    return durations


def _durations_of_metrics(values: dict[str, float]) -> spec.Durations | None:
    mean = values.get(names.DURATION_AVERAGE)
    if mean is None:
        return None
    return spec.Durations(mean_ms=mean, p90_ms=values.get(names.DURATION_P90))
