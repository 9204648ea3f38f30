"""What a report says about a table. No runtime is needed."""

import pytest

from sheets import Column, Sheet
from summarize import BadSheet, summarize


def test_a_column_of_numbers_has_a_total() -> None:
    report = summarize(Sheet("Fruit", "price\n3.5\n2\n\n"))
    assert (report.title, report.rows) == ("Fruit", 2)
    assert report.columns == [Column("price", 2, 2, total=5.5, lowest=2, highest=3.5)]


def test_a_column_with_other_texts_has_none() -> None:
    report = summarize(Sheet("", "item,size\napple,1\napple,nan\n,"))
    assert report.columns == [Column("item", 2, 1), Column("size", 2, 2)]


def test_quoted_cells_may_have_commas_and_line_ends() -> None:
    report = summarize(Sheet("", 'a,b\r\n"1,\r\n5",2\r\n'))
    assert (report.rows, report.columns[1].total) == (1, 2)


@pytest.mark.parametrize(
    ("csv", "problem"),
    [("", "The table is empty"), ("a,b\n1,2\n3", "Line 3 has 1 of 2 cells")],
)
def test_a_table_that_cannot_be_read_is_refused_with_its_line(csv: str, problem: str) -> None:
    with pytest.raises(BadSheet, match=problem):
        summarize(Sheet("", csv))
