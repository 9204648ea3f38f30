# SPDX-License-Identifier: MIT
"""The OSS story of the user guide, by a real upload and with official clients only.

A client puts a video, the trigger calls a function, the function puts the result, a queue is told.
The function uses its client as on the service: with the credentials of its context, at the internal
endpoint of its region.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import oss2
import pytest

from fc_async_sdk import events
from fc_async_sdk.errors import InvalidArgument
from fc_async_sdk.models import Code
from fc_async_tests.code import archive
from fc_async_tests.nodes import mns

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.filterwarnings("ignore::fc_async_local.testing.ImportedFromMachine")

CONSTANT = "def handler(event, context):\n    return {}\n"
CODE = """
import json
import oss2

def handler(event, context):
    (element,) = json.loads(event)["events"]
    name, key = element["oss"]["bucket"]["name"], element["oss"]["object"]["key"]
    keys = context.credentials
    auth = oss2.StsAuth(keys.access_key_id, keys.access_key_secret, keys.security_token)
    bucket = oss2.Bucket(auth, f"https://oss-{context.region}-internal.aliyuncs.com", name)
    video = bucket.get_object(key).read()
    result = key.replace("in/", "out/") + ".frames"
    bucket.put_object(result, str(len(video)))
    return json.dumps({"result": result})
"""


def test_a_video_is_uploaded_processed_and_its_result_is_announced(
    fc_local: FcLocal, tmp_path: Path, oss_session: oss2.Session
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "index.py").write_text(CODE)
    told = fc_local.create_queue("told")
    fc_local.deploy(
        "frames", code, async_config={"destinationConfig": {"onSuccess": {"destination": told}}}
    )
    fc_local.client.create_trigger(
        "frames",
        "uploads",
        trigger_type="oss",
        source_arn="acs:oss:cn-hangzhou:1234567890123456:videos",
        trigger_config={
            "events": ["oss:ObjectCreated:PutObject", "oss:ObjectCreated:CompleteMultipartUpload"],
            "filter": {"key": {"prefix": "in/", "suffix": ".mp4"}},
        },
    )
    bucket = oss2.Bucket(
        oss2.AuthV4("id", "secret"),
        fc_local.oss_endpoint,
        "videos",
        region="cn",
        session=oss_session,
    )
    bucket.create_bucket()
    bucket.put_object("in/one.mp4", b"v" * 1_000_000)
    large = tmp_path / "two.mp4"
    large.write_bytes(b"w" * 300_000)
    oss2.resumable_upload(
        *(bucket, "in/two.mp4", str(large)),
        multipart_threshold=100 * 1024,
        part_size=100 * 1024,
        store=oss2.ResumableStore(root=str(tmp_path)),
    )
    fc_local.run_until_idle()
    assert bucket.get_object("out/one.mp4.frames").read() == b"1000000"
    assert bucket.get_object("out/two.mp4.frames").read() == b"300000"
    with mns(fc_local.mns_endpoint) as account:
        queue = account.get_queue("told")
        found = [events.parse(queue.receive_message(0).message_body) for _ in range(2)]
    assert sorted(event.response.json()["result"] for event in found if event.succeeded) == [
        *("out/one.mp4.frames", "out/two.mp4.frames"),
    ]


def test_the_code_of_a_function_comes_from_a_bucket(fc_local: FcLocal) -> None:
    code = Code(oss_bucket_name="code", oss_object_name="built/f.zip")

    def create() -> None:
        fc_local.client.create_function(
            "f", runtime="python3.10", handler="index.handler", code=code
        )

    with pytest.raises(InvalidArgument, match=r"bucket 'code' cannot be read: .*does not exist"):
        create()
    fc_local.oss.put("code", "built/f.zip", b"not a zip")
    with pytest.raises(InvalidArgument, match="is not a zip"):
        create()
    fc_local.oss.put("code", "built/f.zip", archive(CONSTANT.format(1)))
    create()
    assert fc_local.client.invoke("f").json() == 1
    fc_local.oss.put("code", "built/f.zip", archive(CONSTANT.format(2)))
    assert fc_local.client.invoke("f").json() == 1
    fc_local.client.update_function("f", code=code)
    assert fc_local.client.invoke("f").json() == 2


def test_every_step_of_an_upload_in_parts_is_an_event(
    fc_local: FcLocal, oss_session: oss2.Session
) -> None:
    """A trigger on ``ObjectCreated:*`` fires for each part, as on the service."""
    seen: list[str] = []

    def note(event: bytes, _: object) -> None:
        seen.append(json.loads(event)["events"][0]["eventName"].partition(":")[2])

    fc_local.deploy("f", note)
    for number, names in enumerate((["oss:ObjectCreated:*"], ["oss:ObjectRemoved:DeleteObject"])):
        fc_local.client.create_trigger(
            "f",
            f"t{number}",
            trigger_type="oss",
            source_arn="acs:oss:cn-hangzhou:1234567890123456:videos",
            trigger_config={"events": names},
        )
    bucket = oss2.Bucket(
        oss2.Auth("id", "secret"), fc_local.oss_endpoint, "videos", session=oss_session
    )
    bucket.create_bucket()
    upload = bucket.init_multipart_upload("k").upload_id
    part = bucket.upload_part("k", upload, 1, b"1")
    bucket.complete_multipart_upload("k", upload, [oss2.models.PartInfo(1, part.etag)])
    bucket.copy_object("videos", "k", "copy")
    bucket.append_object("log", 0, b"1")
    bucket.delete_object("k")
    bucket.delete_object("k")
    fc_local.run_until_idle()
    assert seen == [
        "InitiateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
        "CopyObject",
        "AppendObject",
        "DeleteObject",
    ]


def test_a_handler_in_the_process_of_a_test_uses_its_client_too(
    fc_local: FcLocal, oss_session: oss2.Session
) -> None:
    bucket = oss2.Bucket(
        oss2.Auth("id", "secret"), fc_local.oss_endpoint, "videos", session=oss_session
    )

    def copy(event: bytes, _: object) -> None:
        key = json.loads(event)["events"][0]["oss"]["object"]["key"]
        bucket.put_object(key.replace("in/", "out/"), bucket.get_object(key).read() * 2)
        assert fc_local.oss.keys("videos", "out/") == [key.replace("in/", "out/")]

    fc_local.deploy("copy", copy)
    fc_local.client.create_trigger(
        "copy",
        "t",
        trigger_type="oss",
        source_arn="acs:oss:cn-hangzhou:1234567890123456:videos",
        trigger_config={
            "events": ["oss:ObjectCreated:PutObject"],
            "filter": {"key": {"prefix": "in/"}},
        },
    )
    fc_local.oss.put("videos", "in/a", b"ab")
    fc_local.run_until_idle()
    assert fc_local.oss.get("videos", "out/a") == b"abab"
