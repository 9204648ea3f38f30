"""Cuts what is new in the source into batches, and starts one task of `transform` for each.

The batches are stored before the tasks are started (transactional outbox). An extract that breaks
off, or runs twice, starts the same tasks again: their ids are known, so none runs twice.
"""

import os
from typing import Any

import fc_async_sdk

from database import Database, transaction
from messages import Batch

BATCH_ROWS = 500


class NotStarted(RuntimeError):
    """Some tasks were refused. Another attempt starts them."""


def handler(event: bytes, context: Any) -> dict[str, int]:
    """Start the tasks of all batches. The event, of the timer or by hand, is not read."""
    with transaction() as db:
        db.create_tables()  # move this to your migrations
    started = 0
    while batches := next_run():
        start(batches, context)
        started += len(batches)
    return {"batches": started}


def next_run() -> list[Batch]:
    """Return the batches of the run to start: one that broke off, or a new one, or none."""
    with transaction() as db:
        return unsent(db) or cut(db)


def unsent(db: Database) -> list[Batch]:
    """Return the batches of the oldest run whose tasks may be missing."""
    found = db.rows(
        "SELECT run, number FROM batches WHERE run = (SELECT MIN(run) FROM batches WHERE sent = 0)"
        " ORDER BY number"
    )
    return [Batch(*row) for row in found]


def cut(db: Database) -> list[Batch]:
    """Store the batches of a new run, and so move the watermark; return them."""
    newest = db.rows("SELECT run, upto_version FROM batches ORDER BY run DESC, number DESC LIMIT 1")
    run, watermark = (newest[0][0] + 1, newest[0][1]) if newest else (1, 0)
    batches: list[Batch] = []
    while versions := db.rows(
        "SELECT version FROM orders WHERE version > ? ORDER BY version LIMIT ?",
        *(watermark, BATCH_ROWS),
    ):
        after, watermark = watermark, versions[-1][0]
        batches.append(Batch(run, len(batches)))
        db.run(
            "INSERT INTO batches (run, number, after_version, upto_version) VALUES (?, ?, ?, ?)",
            *(run, batches[-1].number, after, watermark),
        )
    return batches


def start(batches: list[Batch], context: Any) -> None:
    """Start a task for each batch of a run.

    Raises:
        NotStarted: Some tasks were refused.
    """
    run = batches[0].run
    with fc_async_sdk.client(region_name=context.region, account_id=context.account_id) as client:
        transform = client.function(os.environ["TRANSFORM"], payload=Batch)
        group = transform.map(batches, task_ids=f"orders-{run}")  # orders-1-0, orders-1-1, ...
    if refused := group.failures:
        raise NotStarted(f"{len(refused)} of {len(batches)} tasks: {refused[0].error}")
    with transaction() as db:
        db.run("UPDATE batches SET sent = 1 WHERE run = ?", run)
