"""Gets each result of `process` as a destination event, and posts it to NOTIFY_URL, if set."""

import json
import os
import urllib.request
from typing import Any


def handler(event: bytes, context: Any) -> dict[str, str]:
    """Report the total of an order. An error of the other side is one of ours: it is retried."""
    result = json.loads(json.loads(event)["responsePayload"])
    message = {"message": f"order {result['order']} comes to {result['total']}"}
    print(message["message"])
    if url := os.environ.get("NOTIFY_URL"):
        body = json.dumps(message).encode()
        with urllib.request.urlopen(url, data=body, timeout=10) as answer:
            print(url, answer.status)
    return message
