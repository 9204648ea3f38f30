"""What a clean row is. Pure: no database, no network."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True)
class Order:
    """A row of the source, as it is."""

    id: int
    customer: str
    amount: str
    version: int


@dataclass(frozen=True)
class Sale:
    """A row of the target."""

    order_id: int
    customer: str
    cents: int
    version: int


class BadRow(ValueError):
    """A row that cannot be loaded, with the reason."""


def clean(order: Order) -> Sale:
    """Return the sale that an order is.

    Raises:
        BadRow: A value is missing or is not what its column must hold.
    """
    customer = " ".join(order.customer.split())
    if not customer:
        raise BadRow(f"order {order.id}: it has no customer")
    return Sale(order.id, customer, _cents(order), order.version)


def _cents(order: Order) -> int:
    try:
        cents = Decimal(order.amount.strip()) * 100
    except InvalidOperation:
        raise BadRow(f"order {order.id}: the amount is not a number: {order.amount!r}") from None
    if not cents.is_finite() or cents < 0 or cents != int(cents):
        raise BadRow(f"order {order.id}: not an amount of money: {order.amount!r}")
    return int(cents)
