"""The demo's three functions: plain Function Compute handlers that know nothing of fc-async."""

import json
import time


def transcode(event, context):
    """Turn one upload; the time it ran goes into the result."""
    upload = json.loads(event)
    time.sleep(upload.get("seconds", 0))
    return {"upload": upload["name"], "ran_at_ms": int(time.time() * 1000)}


def publish(event, context):
    """Success destination of ``transcode``: the event is what FC says about its result."""
    result = json.loads(json.loads(event)["responsePayload"])
    return {"published": result["upload"]}


def inspect(event, context):
    """Fail, always."""
    upload = json.loads(event)
    raise ValueError(f"{upload['name']} is damaged")
