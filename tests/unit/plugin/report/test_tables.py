# SPDX-License-Identifier: MIT
"""Tables fit the terminal, and lose nothing in a pipe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_plugin.report.tables import Column, cell_width, cut, lay_out

COLUMNS = (Column("task"), Column("took", optional=1, right=True), Column("error"))
ID = "1-6b082510-64f1b68f-e263cd095fcb"


def test_columns_are_aligned_and_a_missing_value_is_a_dash() -> None:
    assert lay_out(COLUMNS, [("a", 1, None), ("long-name", 200, "why")], None) == [
        "task       took  error",
        "a             1  -",
        "long-name   200  why",
    ]


def test_a_pipe_gets_every_column_and_whole_values() -> None:
    assert lay_out(COLUMNS, [(ID, "1 ms", "word " * 40)], None)[1].endswith("word " * 39 + "word")


def test_the_last_column_is_cut_to_the_terminal_with_a_mark() -> None:
    lines = lay_out(COLUMNS, [(ID, "1 ms", "word " * 40)], 80)
    assert lines[1] == f"{ID}  1 ms  word word word word word word word word…"
    assert len(lines[1]) <= 80


def test_less_important_columns_are_left_out_before_the_error_is_too_short() -> None:
    lines = lay_out(COLUMNS, [("order-2026-11-26-0001", "1 ms", "word " * 40)], 46)
    assert lines == [f"{'task':<21}  error", "order-2026-11-26-0001  word word word word wo…"]


def test_an_id_that_leaves_no_room_has_a_line_of_its_own() -> None:
    rows = [("x" * 90, "1 ms", "why"), ("short", "20 ms", "word " * 40)]
    assert lay_out(COLUMNS, rows, 40) == [
        "task    took  error",
        "x" * 90,
        "        1 ms  why",
        "short  20 ms  word word word word word…",
    ]


def test_chinese_characters_take_two_columns() -> None:
    lines = lay_out(COLUMNS, [("订单", "1 ms", "x"), ("orders", "1 ms", "x")], None)
    assert {cell_width(line.partition("1 ms")[0]) for line in lines[1:]} == {8}
    assert cut("订单失败", 5) == "订单…"


def test_a_cell_with_line_ends_stays_one_line() -> None:
    assert lay_out(COLUMNS, [("a\nb", "", "c\x1b[2J")], None)[1] == "a\\nb     -  c\\x1b[2J"


@given(
    rows=st.lists(st.tuples(st.text(max_size=120), st.text(max_size=30), st.text(max_size=200))),
    width=st.integers(20, 130),
)
def test_ids_are_never_broken_and_no_other_line_is_wider_than_the_terminal(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    whole = lay_out((Column("id"), Column("a", optional=1), Column("b")), rows, None)
    lines = lay_out((Column("id"), Column("a", optional=1), Column("b")), rows, width)
    ids = [lay_out((Column("id"),), [(row[0],)], None)[1] for row in rows]
    assert len(whole) == len(rows) + 1
    for one in ids:
        assert any(line.startswith(one.rstrip()) for line in lines)
    widest = max(map(cell_width, ids), default=0)
    assert all(cell_width(line) <= max(width, widest, 8) for line in lines)


@pytest.mark.parametrize("width", [None, 80])
def test_a_table_without_rows_has_its_headings(width: int | None) -> None:
    assert lay_out(COLUMNS, [], width) == ["task  took  error"]
