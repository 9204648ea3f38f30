"""The first stage: reads the source. Invoked asynchronously with what to read."""

import json
from typing import Any


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Read lines.

    event: bytes, such as b'{"batch": "monday", "lines": ["a,1", "b,2"]}'

    A real one would read from OSS or a database by the name of the batch. Results of a stage go to
    the next one whole, and 128 KB is the most: pass large data by name.
    """
    job = json.loads(event)
    return {"batch": job["batch"], "lines": [line.strip() for line in job["lines"]]}
