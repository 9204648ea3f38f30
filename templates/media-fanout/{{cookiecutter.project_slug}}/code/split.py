"""Cuts a file into parts, and starts a task for each. Invoked asynchronously with a Request."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fc_async_sdk

import files
import media
from jobs import Part, Request, Started, request_key, source_key


@fc_async_sdk.handler(Request)
def split(request: Request, context: Any) -> Started:
    """Cut the source, store the parts, and start `transcode` for each of them.

    A repeat writes the same files, and the service refuses task ids that it has accepted: no part
    is transcoded twice.
    """
    name = media.available()
    with TemporaryDirectory() as folder:
        work = Path(folder)
        files.get(request.source, work / "source")
        cut = media.codec(name).split(work / "source", work, request.part_seconds)
        _remember(request, work / "request.json")
        for index, file in enumerate(cut):
            files.put(file, source_key(request.job, index))
    parts = [
        Part(request.job, index, len(cut), name, request.gain_db, request.height)
        for index in range(len(cut))
    ]
    with fc_async_sdk.client() as client:
        transcode = client.function(os.environ["TRANSCODE"], payload=Part, result=Part)
        group = transcode.map(parts, task_ids=request.job)
    for refused in group.failures:
        raise refused.error or RuntimeError(f"part {refused.index} was not accepted")
    return Started(request.job, len(parts))


def _remember(request: Request, file: Path) -> None:
    """Store the request of a new job.

    Raises:
        ValueError: The job was started with another request: its parts would be mixed.
    """
    try:
        files.get(request_key(request.job), file)
    except FileNotFoundError:
        file.write_text(json.dumps(asdict(request)), encoding="utf-8")
        files.put(file, request_key(request.job))
    if json.loads(file.read_text(encoding="utf-8")) != asdict(request):
        raise ValueError(f"job {request.job!r} exists with another request: choose another name")
