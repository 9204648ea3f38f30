"""Transcodes one part. Invoked asynchronously with a Part; its result goes to `collect`."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fc_async_sdk

import files
import media
from jobs import Part, done_key, source_key


@fc_async_sdk.handler(Part)
def transcode(part: Part, context: Any) -> Part:
    """Transcode a part, unless an earlier execution has stored it."""
    key = done_key(part.job, part.index)
    if files.store.exists(key):
        context.getLogger().info("part %s of %s is there already", part.index, part.job)
        return part
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        files.get(source_key(part.job, part.index), source)
        media.codec(part.codec).transcode(
            source,
            target,
            gain_db=part.gain_db,
            height=part.height,
            clip=os.environ.get("PEAKS") == "clip",
        )
        files.put(target, key)
    return part
