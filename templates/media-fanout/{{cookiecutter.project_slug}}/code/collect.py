"""Gets the destination event of each transcoded part, and starts `join` after the last one."""

import os
from contextlib import suppress
from typing import Any

import fc_async_sdk
from fc_async_sdk import DestinationEvent
from fc_async_sdk.errors import AsyncTaskAlreadyExists

from files import store
from jobs import Complete, Part, Result, done_key


@fc_async_sdk.destination_handler
def collect(event: DestinationEvent, context: Any) -> dict[str, Any]:
    """Look for the parts of a job, the last one first, and start `join` if all are there.

    Events of the last two parts may both find all parts. The id of the task is the job, so the
    service accepts one of the two.
    """
    part = event.response.decode(Part)
    complete = all(store.exists(done_key(part.job, index)) for index in reversed(range(part.count)))
    if complete:
        with fc_async_sdk.client() as client, suppress(AsyncTaskAlreadyExists):
            join = client.function(os.environ["JOIN"], payload=Complete, result=Result)
            join.spawn(Complete(part.job, part.count, part.codec), task_id=part.job)
    return {"job": part.job, "complete": complete}
