# SPDX-License-Identifier: MIT
"""One function, thousands of payloads.

::

    run = client.fan_out("resize", payloads, task_ids="batch-7")
    for outcome in run:
        if outcome.error:
            print(outcome.index, outcome.error)

Payloads are taken from the input as they are needed, a bounded number is on its way at any time,
and outcomes come as they complete, each with the index of its payload. A payload that can't be
sent is an outcome too: nothing is lost and nothing stops the rest.

With task ids a run that broke can be started again as it was: what had been accepted is recognised
by its id and counts as accepted (``duplicate``); ids given as ``resume`` are not even sent.

``client.replay_events(messages)`` is such a run over failed events of a destination.
"""

from fc_async_sdk.fanout.feeds import Fed, check_fed, status_of
from fc_async_sdk.fanout.plan import Job, Outcome, Plan, TaskIds
from fc_async_sdk.fanout.progress import Progress
from fc_async_sdk.fanout.replay import ReplayPlan, is_replay, next_id, replay_id
from fc_async_sdk.fanout.runs import AsyncFanOut, FanOut
from fc_async_sdk.fanout.senders import LoopSender, Sender, ThreadSender

__all__ = [
    "AsyncFanOut",
    "FanOut",
    "Fed",
    "Job",
    "LoopSender",
    "Outcome",
    "Plan",
    "Progress",
    "ReplayPlan",
    "Sender",
    "TaskIds",
    "ThreadSender",
    "check_fed",
    "is_replay",
    "next_id",
    "replay_id",
    "status_of",
]
