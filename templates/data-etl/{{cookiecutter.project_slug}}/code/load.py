"""Moves staged rows into the target. Gets the success events of `transform` and `transform-row`.

It may run twice for the same rows, also at the same time: all of it is one transaction, and each
order has one row. So it needs no record of what it has done.
"""

from typing import Any

from fc_async_sdk import DestinationEvent, destination_handler

from database import transaction
from messages import Part


@destination_handler
def handler(event: DestinationEvent, context: Any) -> dict[str, str | int]:
    """Insert or update the sales of a part, and say how many they were."""
    part = event.response.decode(Part).part
    with transaction() as db:
        [(rows,)] = db.rows("SELECT COUNT(*) FROM staging WHERE part = ?", part)
        # Parts end in any order: an older state of an order does not replace a newer one.
        db.run(
            "INSERT INTO sales (order_id, customer, cents, version)"
            " SELECT order_id, customer, cents, version FROM staging WHERE part = ?"
            " ON CONFLICT (order_id) DO UPDATE SET customer = excluded.customer,"
            " cents = excluded.cents, version = excluded.version"
            " WHERE excluded.version >= sales.version",
            part,
        )
        db.run("DELETE FROM staging WHERE part = ?", part)
    return {"part": part, "rows": rows}
