# SPDX-License-Identifier: MIT
"""Code that no function uses and old metrics are forgotten; what is in use stays."""

from __future__ import annotations

import pytest

from fc_async_local.embedded import LocalRuntime
from fc_async_local.execution import archive as archive_module
from fc_async_local.execution.archive import checksum, digest
from fc_async_local.functions.records import CodeRef
from fc_async_local.settings import Settings
from fc_async_sdk import errors
from fc_async_sdk.admin.models import PREFIX
from fc_async_sdk.models import Code
from fc_async_tests import runtime_requests as requests
from fc_async_tests.code import archive

HOUR = 3_600
DAY = 24 * HOUR


def code(text):
    return archive(f"def handler(event, context): return {text!r}\n")


def create(fc_local, name, text):
    fc_local.client.create_function(
        name, runtime="python3.10", handler="index.handler", code=code(text)
    )


def kept(fc_local, text):
    """Whether the archive is still in the store."""
    registry = fc_local.runtime.registry
    wanted = CodeRef(digest=digest(code(text)))
    return fc_local.runtime.call(registry.code.fetch(wanted)) is not None


def metrics(fc_local):
    return requests.get(f"{fc_local.endpoint}{PREFIX}/metrics", timeout=5).json()["metrics"]


def test_code_that_no_function_uses_is_forgotten_after_its_retention(fc_local):
    create(fc_local, "kept", "kept")
    create(fc_local, "gone", "gone")
    fc_local.client.delete_function("gone")
    fc_local.advance(23 * HOUR)
    assert kept(fc_local, "gone")
    fc_local.advance(2 * HOUR)
    assert not kept(fc_local, "gone")
    fc_local.advance(10 * DAY)
    assert kept(fc_local, "kept")


def test_code_of_a_published_version_stays(fc_local):
    create(fc_local, "f", "one")
    fc_local.client.publish_function_version("f")
    fc_local.client.update_function("f", code=code("two"))
    fc_local.advance(10 * DAY)
    assert kept(fc_local, "one")
    fc_local.client.delete_function_version("f", "1")
    fc_local.advance(2 * DAY)
    assert not kept(fc_local, "one")
    assert kept(fc_local, "two")


def test_code_that_was_in_use_until_now_stays_for_its_retention(fc_local):
    create(fc_local, "f", "one")
    fc_local.advance(10 * DAY)
    fc_local.client.update_function("f", code=code("two"))
    fc_local.advance(20 * HOUR)
    assert kept(fc_local, "one")


def test_metrics_are_forgotten_after_thirty_days(fc_local):
    fc_local.deploy("f", lambda *_: "done")
    fc_local.client.invoke_async("f", {})
    fc_local.advance(29 * DAY)
    assert metrics(fc_local)
    fc_local.advance(2 * DAY)
    assert metrics(fc_local) == []


def upload(endpoint, data, name):
    """Put an archive into the temporary bucket, as deploy tools do; where it is."""
    token = requests.get(f"{endpoint}/2016-08-15/tempBucketToken", timeout=5).json()
    headers = {
        "host": f"{token['ossBucket']}.{token['ossRegion']}.aliyuncs.com",
        "x-oss-security-token": token["credentials"]["SecurityToken"],
    }
    answer = requests.put(f"{endpoint}/123/{name}", data=data, headers=headers, timeout=5)
    assert answer.status_code == 200
    return Code(oss_bucket_name=token["ossBucket"], oss_object_name=f"123/{name}")


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_an_upload_under_an_existing_object_name_replaces_the_object(tmp_path, store):
    with LocalRuntime(data=tmp_path, port=0, store=store) as local:
        upload(local.endpoint, code("first"), "object")
        place = upload(local.endpoint, code("second"), "object")
        body = {
            "functionName": "f",
            "runtime": "python3.10",
            "handler": "index.handler",
            "code": {
                "ossBucketName": place.oss_bucket_name,
                "ossObjectName": place.oss_object_name,
            },
        }
        created = local.call(local.registry.functions.create(body))
    assert created["codeChecksum"] == checksum(code("second"))


def test_an_uploaded_object_is_forgotten_after_its_retention(fc_local):
    place = upload(fc_local.endpoint, code("one"), "object")
    fc_local.advance(26 * HOUR)
    with pytest.raises(errors.InvalidArgument):
        fc_local.client.create_function(
            "f", runtime="python3.10", handler="index.handler", code=place
        )


class TestShorter:
    @pytest.fixture
    def fc_local_settings(self):
        return Settings.of(metric_retention_ms=HOUR * 1_000)

    def test_metrics_are_kept_as_long_as_settings_say(self, fc_local):
        fc_local.deploy("f", lambda *_: "done")
        fc_local.client.invoke_async("f", {})
        fc_local.advance(3 * HOUR)
        assert metrics(fc_local) == []


def test_two_archives_that_were_made_to_have_one_checksum_each_run_their_own_code(
    fc_local, monkeypatch
):
    monkeypatch.setattr(archive_module, "checksum", lambda _: "1234567890")
    for name in ("mine", "theirs"):
        create(fc_local, name, name)
    for name in ("mine", "theirs"):
        assert fc_local.client.invoke(name).payload == name.encode()
        assert fc_local.client.get_function(name).code_checksum == "1234567890"
