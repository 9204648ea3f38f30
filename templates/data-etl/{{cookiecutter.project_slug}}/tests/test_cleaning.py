"""Which rows of the source are clean."""

import pytest

from cleaning import BadRow, Order, Sale, clean


def test_a_clean_row_has_cents_and_no_needless_spaces() -> None:
    assert clean(Order(7, "  Alan   Turing ", " 19.90 ", 3)) == Sale(7, "Alan Turing", 1990, 3)


@pytest.mark.parametrize(
    ("customer", "amount", "reason"),
    [
        ("  ", "5", "it has no customer"),
        ("Ada", "five", "the amount is not a number: 'five'"),
        ("Ada", "-5", "not an amount of money: '-5'"),
        ("Ada", "0.001", "not an amount of money: '0.001'"),
        ("Ada", "nan", "not an amount of money: 'nan'"),
    ],
)
def test_a_bad_row_says_why(customer: str, amount: str, reason: str) -> None:
    with pytest.raises(BadRow, match="order 7: ") as bad:
        clean(Order(7, customer, amount, 1))
    assert reason in str(bad.value)
