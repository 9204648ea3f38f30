"""The second stage: makes rows of lines. Raises on a line it can't read."""

from typing import Any

from stages import handed_on


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Split every line into a name and a number."""
    batch = handed_on(event)
    return {"batch": batch["batch"], "rows": [row(line) for line in batch["lines"]]}


def row(line: str) -> dict[str, Any]:
    """Such as {"name": "a", "count": 1} for "a,1"."""
    name, count = line.split(",")
    return {"name": name, "count": int(count)}
