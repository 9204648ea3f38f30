# SPDX-License-Identifier: MIT
"""Rows in a table of Tablestore, through the client ``tablestore``.

Each verb is one conditional write; ``create`` reads after a refusal. A row has the columns
``token``, ``record`` and ``expires``. A refused condition answers ``OTSConditionCheckFail``; see
https://www.alibabacloud.com/help/en/tablestore/latest/conditional-update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk.stores.counters import Counter, advance_by_replacing
from fc_async_sdk.stores.rows import decode

if TYPE_CHECKING:
    from fc_async_sdk.stores.counters import Step
    from fc_async_sdk.stores.rows import R, Row

_KEY: Final = "id"
_REFUSED: Final = "OTSConditionCheckFail"
_RACES: Final = 20


class TablestoreStore:
    """A :class:`~fc_async_sdk.stores.Store` in Tablestore.

    Args:
        client: A ``tablestore.OTSClient``.
        table: A table with one primary key column ``id`` of type STRING and one version for each
            column; :meth:`create_table` makes it.
    """

    def __init__(self, client: Any, table: str = "fc_async_idempotency") -> None:
        self._client = client
        self._table = table

    def create_table(self, *, keep_days: int = 14) -> None:
        """Make the table.

        Args:
            keep_days: When Tablestore deletes a record, counted from its last write; at least as
                long as ``expires_after`` of the handlers.
        """
        import tablestore  # noqa: PLC0415 -- 26 MB, only where it is used

        self._client.create_table(
            tablestore.TableMeta(self._table, [(_KEY, "STRING")]),
            tablestore.TableOptions(time_to_live=keep_days * 86_400, max_version=1),
            tablestore.ReservedThroughput(tablestore.CapacityUnit(0, 0)),
        )

    def create(self, record: R) -> R | None:
        """Store a record if its key has none; else return that one.

        Raises:
            RuntimeError: Others made and deleted records of the key again and again.
        """
        import tablestore  # noqa: PLC0415

        absent = tablestore.Condition(tablestore.RowExistenceExpectation.EXPECT_NOT_EXIST)
        row = tablestore.Row([(_KEY, record.key)], _columns(record))
        for _ in range(_RACES):
            if self._written(self._client.put_row, row, absent):
                return None
            text = self._read(record.key)
            if text is not None:
                return decode(type(record), text)
        raise RuntimeError(f"the key {record.key!r} was made and deleted {_RACES} times")

    def replace(self, record: Row, expected: str) -> bool:
        """Store a record if the stored one has the expected token or its own."""
        import tablestore  # noqa: PLC0415

        row = tablestore.Row([(_KEY, record.key)], {"PUT": _columns(record)})
        return self._written(self._client.update_row, row, _has_token(expected, record.token))

    def remove(self, key: str, expected: str) -> bool:
        """Delete a record if it has the expected token."""
        import tablestore  # noqa: PLC0415

        row = tablestore.Row([(_KEY, key)])
        return self._written(self._client.delete_row, row, _has_token(expected))

    def advance(self, key: str, step: Step) -> int:
        """Move a counter on by conditional writes; see :func:`fc_async_sdk.stores.advanced`.

        Raises:
            RuntimeError: No write won against others.
        """

        def stored() -> Counter | None:
            text = self._read(key)
            return None if text is None else decode(Counter, text)

        return advance_by_replacing(self, key, step, stored)

    def _read(self, key: str) -> str | None:
        _, row, _ = self._client.get_row(self._table, [(_KEY, key)], ["record"], max_version=1)
        if row is None:
            return None
        for name, value, *_ in row.attribute_columns:
            if name == "record":
                return str(value)
        return None

    def _written(self, write: Any, row: Any, condition: Any) -> bool:
        try:
            write(self._table, row, condition)
        except Exception as error:
            if getattr(error, "code", None) != _REFUSED:
                raise
            return False
        return True


def _columns(record: Row) -> list[tuple[str, str | int]]:
    return [("token", record.token), ("record", record.encode()), ("expires", record.expires)]


def _has_token(*tokens: str) -> Any:
    import tablestore  # noqa: PLC0415

    # pass_if_missing is True by default: a row without the column would fulfil the condition.
    conditions = [
        tablestore.SingleColumnCondition(
            "token", token, tablestore.ComparatorType.EQUAL, pass_if_missing=False
        )
        for token in tokens
    ]
    column = conditions[0]
    if len(conditions) > 1:
        column = tablestore.CompositeColumnCondition(tablestore.LogicalOperator.OR)
        for condition in conditions:
            column.add_sub_condition(condition)
    return tablestore.Condition(tablestore.RowExistenceExpectation.EXPECT_EXIST, column)
