# SPDX-License-Identifier: MIT
"""SIGKILL during uploads: acknowledged objects stay whole, others are old or new, never in part."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import threading
from typing import TYPE_CHECKING, Any

import oss2
import pytest

import fc_async_sdk
from fc_async_tests.code import archive
from fc_async_tests.nodes import node, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.real_time]

CODE = "def handler(event, context):\n    return event.decode()\n"
EVENTS = ["oss:ObjectCreated:PutObject", "oss:ObjectCreated:CompleteMultipartUpload"]
KILLS = 6


class Writer:
    """Puts, completes and appends until the runtime is killed, and notes what is acknowledged."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.acknowledged: dict[str, set[str]] = {}
        """Digests that the content of each key may have: the last one that was acknowledged, and
        what was sent after it."""
        self.fired: set[str] = set()
        self.log = 0

    def write(self, bucket: oss2.Bucket) -> None:
        key = f"in/{self._random.randrange(5)}"
        data = self._random.randbytes(self._random.choice([0, 10, 70_000, 3_000_000]))
        digest = hashlib.sha256(data).hexdigest()
        allowed = self.acknowledged.setdefault(key, {""})
        allowed.add(digest)
        if self._random.random() < 0.5:
            etag = bucket.put_object(key, data).etag
        else:
            upload = bucket.init_multipart_upload(key).upload_id
            part = bucket.upload_part(key, upload, 1, data)
            parts = [oss2.models.PartInfo(1, part.etag)]
            etag = bucket.complete_multipart_upload(key, upload, parts).etag
        self.acknowledged[key] = {digest}
        self.fired.add(f"{key} {etag}")
        self.log = bucket.append_object("log", self.log, b"0123456789").next_position


def connected(address: dict[str, Any], session: oss2.Session) -> oss2.Bucket:
    auth = oss2.Auth("id", "secret")
    options = {"connect_timeout": 60, "enable_crc": False, "session": session}
    return oss2.Bucket(auth, address["oss"], "videos", **options)


def set_up(address: dict[str, Any]) -> None:
    with fc_async_sdk.client(endpoint_url=address["fc"]) as client:
        client.create_function("f", runtime="python3.10", code=archive(CODE))
        client.put_async_invoke_config("f", async_task=True)
        client.create_trigger(
            *("f", "t"),
            trigger_type="oss",
            source_arn="acs:oss:cn-hangzhou:1234567890123456:videos",
            trigger_config={"events": EVENTS},
        )


def check(bucket: oss2.Bucket, writer: Writer) -> None:
    for key, allowed in writer.acknowledged.items():
        content = b"" if not bucket.object_exists(key) else bucket.get_object(key).read()
        found = hashlib.sha256(content).hexdigest() if bucket.object_exists(key) else ""
        assert found in allowed, key
        writer.acknowledged[key] = {found}
    if bucket.object_exists("log"):
        log = bucket.get_object("log").read()
        assert log == b"0123456789" * (len(log) // 10)
        assert len(log) >= writer.log
        writer.log = len(log)


def test_what_is_acknowledged_is_whole_and_has_fired_after_kills(
    tmp_path: Path, oss_session: oss2.Session
) -> None:
    writer = Writer(7)
    for _ in range(KILLS):
        with node(tmp_path) as (address, process):
            bucket = connected(address, oss_session)
            if not writer.fired:
                set_up(address)
            bucket.create_bucket()
            check(bucket, writer)
            timer = threading.Timer(
                random.Random(len(writer.fired)).uniform(0.3, 1.5), process.kill
            )
            timer.start()
            with contextlib.suppress(oss2.exceptions.RequestError, oss2.exceptions.ServerError):
                while True:
                    writer.write(bucket)
            timer.join()
    with node(tmp_path) as (address, _):
        bucket = connected(address, oss_session)
        check(bucket, writer)
        folder = tmp_path / "oss" / "videos"
        wait_for(lambda: len(list(folder.iterdir())) <= len(writer.acknowledged) + 1 + KILLS)
        with fc_async_sdk.client(endpoint_url=address["fc"]) as client:

            def fired() -> set[str]:
                pages = client.get_paginator("list_async_tasks").paginate("f", include_payload=True)
                events = [json.loads(task.task_payload)["events"][0] for task in pages.items()]
                found = [event["oss"]["object"] for event in events]
                return {f"{one['key']} {one['eTag']}" for one in found}

            wait_for(lambda: writer.fired <= fired())
    assert writer.fired
