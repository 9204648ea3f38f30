"""Prices orders. Invoked asynchronously: an exception leads to a retry."""

import json
from typing import Any


def handler(event: bytes, context: Any) -> dict[str, int]:
    """Price an order such as {"order": 7, "items": [{"price": 3, "count": 2}]}."""
    order = json.loads(event)
    total = sum(item["price"] * item["count"] for item in order["items"])
    return {"order": order["order"], "total": total}
