"""Prices orders. Invoked asynchronously: an exception leads to a retry."""

from dataclasses import dataclass
from typing import Any

import fc_async_sdk


@dataclass
class Item:
    """A part of an order."""

    price: int
    count: int


@dataclass
class Order:
    """What the function is invoked with."""

    order: int
    items: list[Item]


@dataclass
class Priced:
    """What the function returns: the success destination gets it."""

    order: int
    total: int


@fc_async_sdk.handler(Order)
def handler(order: Order, context: Any) -> Priced:
    """Price an order such as {"order": 7, "items": [{"price": 3, "count": 2}]}."""
    if not order.items:
        raise ValueError(f"order {order.order} has no items")
    return Priced(order.order, sum(item.price * item.count for item in order.items))
