"""Gets each result of `process` as a destination event."""

import json
from typing import Any


def handler(event: bytes, context: Any) -> dict[str, str]:
    """Report the total of an order."""
    result = json.loads(json.loads(event)["responsePayload"])
    message = f"order {result['order']} comes to {result['total']}"
    print(message)
    return {"message": message}
