"""Puts the parts of a job together. Its result goes to the event bus."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fc_async_sdk

import files
import media
from jobs import Complete, Result, done_key, result_key


@fc_async_sdk.handler(Complete)
def join(job: Complete, context: Any) -> Result:
    """Join the transcoded parts in order, and store the result. A repeat writes the same file."""
    codec = media.codec(job.codec)
    with TemporaryDirectory() as folder:
        parts = [Path(folder, f"{index:05d}") for index in range(job.count)]
        for index, part in enumerate(parts):
            files.get(done_key(job.job, index), part)
        target = Path(folder, f"result{codec.suffix}")
        seconds = codec.join(parts, target)
        key = result_key(job.job, codec.suffix)
        files.put(target, key)
    return Result(job.job, key, round(seconds, 3), job.count)
