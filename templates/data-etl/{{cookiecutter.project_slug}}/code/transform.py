"""Cleans the rows of a batch, and stages the good ones for `load`.

A bad row does not hold up the others. It becomes a task of its own of `transform-row`, which fails
with the reason and so puts the row into the failure queue. After the fix, a replay of this task
loads the row.
"""

import os
from collections.abc import Iterable
from typing import Any

import fc_async_sdk

from cleaning import BadRow, Order, Sale, clean
from database import Database, transaction
from messages import Batch, OneOrder, Part

MAX_BAD_ROWS = 20
"""With more bad rows in a batch, the source or the code is wrong: the batch fails as a whole."""

COLUMNS = "id, customer, amount, version"


class TooManyBadRows(ValueError):
    """A batch has more bad rows than one expects."""


@fc_async_sdk.handler(Batch)
def batch(batch: Batch, context: Any) -> Part:
    """Stage the good rows of a batch, and start a task for each bad one."""
    with transaction() as db:
        sales, bad = sort_out(rows_of(db, batch))
        if len(bad) > MAX_BAD_ROWS:
            raise TooManyBadRows(f"{len(bad)} rows are bad, such as {next(iter(bad.values()))}")
        part = f"orders-{batch.run}-{batch.number}"
        stage(db, part, sales)
    if bad:
        start([OneOrder(batch.run, order) for order in bad], context)
    return Part(part)


@fc_async_sdk.handler(OneOrder)
def row(one: OneOrder, context: Any) -> Part:
    """Stage one row, as the source has it now."""
    with transaction() as db:
        found = db.rows(f"SELECT {COLUMNS} FROM orders WHERE id = ?", one.order)
        if not found:
            raise BadRow(f"order {one.order}: it is not in the source any more")
        part = f"order-{one.run}-{one.order}"
        stage(db, part, [clean(Order(*found[0]))])
    return Part(part)


def rows_of(db: Database, batch: Batch) -> list[Order]:
    """Return the rows of a batch. One that has changed since it was cut is in a later run."""
    limits = db.rows(
        "SELECT after_version, upto_version FROM batches WHERE run = ? AND number = ?",
        *(batch.run, batch.number),
    )
    if not limits:
        raise LookupError(f"run {batch.run} has no batch {batch.number}")
    found = db.rows(f"SELECT {COLUMNS} FROM orders WHERE version > ? AND version <= ?", *limits[0])
    return [Order(*values) for values in found]


def sort_out(orders: Iterable[Order]) -> tuple[list[Sale], dict[int, str]]:
    """Return the clean rows, and the reasons of the others by id."""
    sales: list[Sale] = []
    bad: dict[int, str] = {}
    for order in orders:
        try:
            sales.append(clean(order))
        except BadRow as reason:
            bad[order.id] = str(reason)
    return sales, bad


def stage(db: Database, part: str, sales: Iterable[Sale]) -> None:
    """Replace what is staged under a name, so that a repeated execution changes nothing."""
    db.run("DELETE FROM staging WHERE part = ?", part)
    db.run_many(
        "INSERT INTO staging (part, order_id, customer, cents, version) VALUES (?, ?, ?, ?, ?)",
        [(part, sale.order_id, sale.customer, sale.cents, sale.version) for sale in sales],
    )


def start(orders: list[OneOrder], context: Any) -> None:
    """Start a task for each bad row; one that was started before is not started again."""
    with fc_async_sdk.client(region_name=context.region, account_id=context.account_id) as client:
        outcomes = client.fan_out(
            os.environ["TRANSFORM_ROW"],
            orders,
            task_ids=lambda _, one: f"order-{one.run}-{one.order}",
        )
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
