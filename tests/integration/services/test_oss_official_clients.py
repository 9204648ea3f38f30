# SPDX-License-Identifier: MIT
"""The official Python clients of OSS on a whole runtime; signatures are verified."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import os

import alibabacloud_oss_v2 as oss
import oss2
import pytest
import requests
from alibabacloud_oss_v2.transport import RequestsHttpClient
from oss2.models import BucketLifecycle, LifecycleExpiration, LifecycleRule, PartInfo

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings

KEYS = ("testid", "testsecret")
KEY = "in/a b+ü~中.txt"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    settings = Settings.of(strict_auth=True, access_keys=dict([KEYS]))
    with LocalRuntime(data=tmp_path_factory.mktemp("oss"), port=0, settings=settings) as runtime:
        yield runtime


@pytest.fixture(params=["v1", "v4"])
def bucket(request, runtime, oss_session):
    """A bucket of its own, as ``oss2`` sees it, with each version of signatures."""
    auth = (oss2.Auth if request.param == "v1" else oss2.AuthV4)(*KEYS)
    name = f"bucket-{os.urandom(4).hex()}"
    bucket = oss2.Bucket(
        auth, runtime.addresses.oss, name, region="cn-hangzhou", session=oss_session
    )
    bucket.create_bucket()
    yield bucket
    for found in oss2.ObjectIterator(bucket):
        bucket.delete_object(found.key)
    bucket.delete_bucket()


def client_of(runtime, session, version: str = "v4", secret: str = KEYS[1]) -> oss.Client:
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(KEYS[0], secret)
    config.region, config.endpoint = "cn-hangzhou", runtime.addresses.oss
    config.signature_version = version
    config.retry_max_attempts = 1
    config.http_client = RequestsHttpClient(session=session.session)
    return oss.Client(config)


@pytest.fixture(params=["v1", "v4"])
def client(request, runtime, oss_session):
    return client_of(runtime, oss_session, request.param)


def code_of(call, *args, **named) -> str:
    """Return the code with which a call is refused."""
    try:
        call(*args, **named)
    except oss2.exceptions.ServerError as error:
        return error.code
    except oss.exceptions.OperationError as error:
        return error.unwrap().code
    raise AssertionError("the call was not refused")


def test_an_object_is_put_read_in_ranges_described_and_deleted(bucket):
    put = bucket.put_object(KEY, b"hello", headers={"x-oss-meta-k": "v", "Cache-Control": "no"})
    assert put.etag == "5D41402ABC4B2A76B9719D911017C592"
    got = bucket.get_object(KEY)
    assert (got.read(), got.headers["x-oss-meta-k"], got.headers["cache-control"]) == (
        *(b"hello", "v", "no"),
    )
    assert got.server_crc == got.client_crc == put.crc
    assert bucket.get_object(KEY, byte_range=(1, 2)).read() == b"el"
    assert bucket.get_object(KEY, byte_range=(None, 2)).read() == b"lo"
    head = bucket.head_object(KEY)
    assert (head.content_length, head.content_type, head.etag) == (5, "text/plain", put.etag)
    assert bucket.get_object_meta(KEY).content_length == 5
    assert bucket.object_exists(KEY)
    bucket.delete_object(KEY)
    bucket.delete_object(KEY)
    assert not bucket.object_exists(KEY)
    assert code_of(bucket.get_object, KEY) == "NoSuchKey"


def test_a_large_body_arrives_byte_for_byte(bucket):
    data = os.urandom(9 * 1024 * 1024 + 7)
    bucket.put_object("large", data)
    assert bucket.get_object("large").read() == data
    bucket.put_object("empty", b"")
    assert bucket.get_object("empty").read() == b""


def test_a_presigned_url_reads_and_writes_until_it_expires(bucket):
    url = bucket.sign_url("PUT", KEY, 60, slash_safe=True)
    assert requests.put(url, data=b"by url", timeout=5).status_code == 200
    reading = bucket.sign_url("GET", KEY, 60, params={"response-content-type": "text/x"})
    found = requests.get(reading, timeout=5)
    assert (found.content, found.headers["content-type"]) == (b"by url", "text/x")
    assert requests.get(reading.replace("text%2Fx", "text%2Fy"), timeout=5).status_code == 403
    expired = requests.get(bucket.sign_url("GET", KEY, -60), timeout=5)
    assert (expired.status_code, "AccessDenied" in expired.text) == (403, True)


def test_conditions_decide_whether_an_object_is_sent_or_replaced(bucket):
    etag = bucket.put_object("k", b"1").etag
    headers = {"x-oss-forbid-overwrite": "true"}
    assert code_of(bucket.put_object, "k", b"2", headers=headers) == "FileAlreadyExists"
    assert bucket.get_object("k", headers={"If-Match": f'"{etag}"'}).read() == b"1"
    assert code_of(bucket.get_object, "k", headers={"If-Match": '"other"'}) == "PreconditionFailed"
    later = "Fri, 31 Dec 9999 23:59:59 GMT"
    for condition in ({"If-None-Match": f'"{etag}"'}, {"If-Modified-Since": later}):
        with pytest.raises(oss2.exceptions.NotModified):
            bucket.get_object("k", headers=condition)


def test_a_wrong_content_md5_leaves_the_object_as_it_was(bucket):
    bucket.put_object("k", b"old")
    wrong = base64.b64encode(bytes(16)).decode()
    assert code_of(bucket.put_object, "k", b"new", headers={"Content-MD5": wrong}) == (
        "InvalidDigest"
    )
    assert bucket.get_object("k").read() == b"old"


def test_objects_are_listed_by_prefix_delimiter_and_page(bucket):
    keys = ["a", "a/", "a/1", "a/2", "b/1", "b/2", "c", "ü/1"]
    for key in keys:
        bucket.put_object(key, b"")
    assert [one.key for one in oss2.ObjectIterator(bucket, max_keys=3)] == keys
    assert [one.key for one in oss2.ObjectIteratorV2(bucket, max_keys=3)] == keys
    for iterator in (oss2.ObjectIterator, oss2.ObjectIteratorV2):
        for size in (1, 2, 100):
            top = [one.key for one in iterator(bucket, delimiter="/", max_keys=size)]
            assert top == ["a", "a/", "b/", "c", "ü/"]
    below = bucket.list_objects("a/", delimiter="/")
    assert [one.key for one in below.object_list] == ["a/", "a/1", "a/2"]
    assert [one.key for one in bucket.list_objects_v2(start_after="b/1").object_list] == keys[5:]


def test_an_object_is_uploaded_in_parts(bucket):
    first, second = os.urandom(100 * 1024), b"end"
    upload = bucket.init_multipart_upload("mp", headers={"Content-Type": "text/x"}).upload_id
    assert [one.key for one in oss2.MultipartUploadIterator(bucket)] == ["mp"]
    parts = []
    for number, data in ((1, b"replaced"), (1, first), (3, second)):
        done = bucket.upload_part("mp", upload, number, data)
        parts.append(PartInfo(number, done.etag, size=len(data), part_crc=done.crc))
    assert [one.part_number for one in oss2.PartIterator(bucket, "mp", upload)] == [1, 3]
    assert code_of(bucket.complete_multipart_upload, "mp", upload, parts[:1]) == "InvalidPart"
    assert not bucket.object_exists("mp")
    done = bucket.complete_multipart_upload("mp", upload, parts[1:])
    found = bucket.get_object("mp")
    assert found.read() == first + second
    assert done.etag.endswith("-2")
    assert (found.object_type, found.content_type) == ("Multipart", "text/x")
    assert code_of(bucket.list_parts, "mp", upload) == "NoSuchUpload"
    upload = bucket.init_multipart_upload("mp").upload_id
    copied = bucket.upload_part_copy(bucket.bucket_name, "mp", (0, 9), "mp", upload, 1)
    assert copied.etag == hashlib.md5(first[:10], usedforsecurity=False).hexdigest().upper()
    bucket.upload_part_copy(bucket.bucket_name, "mp", (10, 12), "mp", upload, 2)
    (small, last) = oss2.PartIterator(bucket, "mp", upload)
    assert (small.size, last.size) == (10, 3)
    assert code_of(bucket.complete_multipart_upload, "mp", upload, [small, last]) == (
        "EntityTooSmall"
    )
    bucket.abort_multipart_upload("mp", upload)
    assert code_of(bucket.abort_multipart_upload, "mp", upload) == "NoSuchUpload"
    assert bucket.get_object("mp").read() == first + second


def test_bytes_are_appended_at_the_end_and_nowhere_else(bucket):
    done = bucket.append_object("log", 0, b"abc")
    done = bucket.append_object("log", done.next_position, b"def", init_crc=done.crc)
    assert (done.next_position, bucket.get_object("log").read()) == (6, b"abcdef")
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as caught:
        bucket.append_object("log", 3, b"x")
    assert caught.value.next_position == 6
    bucket.copy_object(bucket.bucket_name, "log", "copy")
    assert code_of(bucket.append_object, "copy", 6, b"x") == "ObjectNotAppendable"
    bucket.append_object("log", 6, b"ghi")
    assert bucket.get_object("copy").read() == b"abcdef"


def test_a_copy_keeps_or_replaces_metadata(bucket):
    bucket.put_object(KEY, b"1", headers={"x-oss-meta-k": "v", "Content-Type": "text/x"})
    bucket.copy_object(bucket.bucket_name, KEY, "copy")
    bucket.delete_object(KEY)
    copy = bucket.get_object("copy")
    assert (copy.read(), copy.headers["x-oss-meta-k"], copy.content_type) == (b"1", "v", "text/x")
    bucket.update_object_meta("copy", {"x-oss-meta-new": "n"})
    assert "x-oss-meta-k" not in bucket.head_object("copy").headers
    assert bucket.get_object("copy").read() == b"1"
    unmet = {"x-oss-copy-source-if-match": "other"}
    name = bucket.bucket_name
    assert code_of(bucket.copy_object, name, "copy", "c", headers=unmet) == "PreconditionFailed"
    assert code_of(bucket.copy_object, name, "nothing", "c") == "NoSuchKey"


def test_a_copy_has_the_storage_class_and_encryption_that_its_request_names(bucket):
    encrypted = {
        "x-oss-server-side-encryption": "KMS",
        "x-oss-server-side-encryption-key-id": "key-1",
        "x-oss-server-side-data-encryption": "SM4",
    }
    put = bucket.put_object(KEY, b"1", headers={**encrypted, "x-oss-storage-class": "Archive"})
    name = bucket.bucket_name
    wanted = {"x-oss-storage-class": "IA", "x-oss-server-side-encryption": "AES256"}
    copied = bucket.copy_object(name, KEY, "copy", headers=wanted)
    bucket.copy_object(name, KEY, "plain")
    for answer in (put, bucket.head_object(KEY)):
        assert encrypted.items() <= {k.lower(): v for k, v in answer.headers.items()}.items()
    assert copied.headers["x-oss-server-side-encryption"] == "AES256"
    copy, plain = bucket.head_object("copy").headers, bucket.head_object("plain").headers
    assert (copy["x-oss-storage-class"], copy["x-oss-server-side-encryption"]) == ("IA", "AES256")
    assert "x-oss-server-side-encryption-key-id" not in copy
    assert plain["x-oss-storage-class"] == "Standard"
    assert "x-oss-server-side-encryption" not in plain


def test_a_directive_of_a_copy_that_the_service_does_not_know_is_refused(bucket):
    bucket.put_object("k", b"1")
    for header in ("x-oss-metadata-directive", "x-oss-tagging-directive"):
        named = {header: "MERGE"}
        code = code_of(bucket.copy_object, bucket.bucket_name, "k", "copy", headers=named)
        assert code == "InvalidArgument"
    assert not bucket.object_exists("copy")


def test_a_copied_part_that_leaves_its_source_is_refused(bucket):
    bucket.put_object("k", b"0123456789")
    name, upload = bucket.bucket_name, bucket.init_multipart_upload("mp").upload_id
    for wanted in ((5, 10), (10, 20)):
        copied = (name, "k", wanted, "mp", upload, 1)
        assert code_of(bucket.upload_part_copy, *copied) == "InvalidRange"
    bucket.abort_multipart_upload("mp", upload)


def test_an_upload_has_the_encryption_of_its_start_and_the_acl_of_its_end(bucket):
    encrypted = {"x-oss-server-side-encryption": "AES256"}
    started = bucket.init_multipart_upload("mp", headers=encrypted)
    part = bucket.upload_part("mp", started.upload_id, 1, b"end")
    parts, acl = [PartInfo(1, part.etag)], {"x-oss-object-acl": "public-read"}
    done = bucket.complete_multipart_upload("mp", started.upload_id, parts, headers=acl)
    for answer in (started, done, bucket.head_object("mp")):
        assert answer.headers["x-oss-server-side-encryption"] == "AES256"
    assert bucket.get_object_acl("mp").acl == "public-read"


def test_many_objects_are_deleted_at_once(bucket):
    for key in ("a", "b", "c"):
        bucket.put_object(key, b"")
    assert bucket.batch_delete_objects(["a", "c", "none"]).deleted_keys == ["a", "c", "none"]
    assert [one.key for one in oss2.ObjectIterator(bucket)] == ["b"]
    assert code_of(bucket.delete_bucket) == "BucketNotEmpty"


def test_rules_lists_of_access_and_tags_are_kept_and_returned(bucket):
    bucket.put_bucket_acl("public-read")
    assert bucket.get_bucket_acl().acl == "public-read"
    rule = LifecycleRule("r", "p/", expiration=LifecycleExpiration(days=8))
    bucket.put_bucket_lifecycle(BucketLifecycle([rule]))
    assert bucket.get_bucket_lifecycle().rules[0].prefix == "p/"
    bucket.delete_bucket_lifecycle()
    assert code_of(bucket.get_bucket_lifecycle) == "NoSuchLifecycle"
    bucket.put_object("k", b"", headers={"x-oss-tagging": "a=1&b=2"})
    assert bucket.get_object_tagging("k").tag_set.tagging_rule == {"a": "1", "b": "2"}
    many = "&".join(f"{number}=x" for number in range(11))
    for wrong in (many, "=v", f"{'k' * 129}=v", f"k={'v' * 257}", "k=%24"):
        assert code_of(bucket.put_object, "k", b"", headers={"x-oss-tagging": wrong}) == (
            "InvalidTag"
        )
    assert bucket.get_object_tagging("k").tag_set.tagging_rule == {"a": "1", "b": "2"}
    bucket.put_object_acl("k", "private")
    assert bucket.get_object_acl("k").acl == "private"
    info = bucket.get_bucket_info()
    assert (info.name, info.location) == (bucket.bucket_name, "oss-cn-hangzhou")
    assert bucket.get_bucket_location().location == "oss-cn-hangzhou"
    service = oss2.Service(
        bucket.auth, bucket.endpoint, region="cn-hangzhou", session=bucket.session
    )
    assert bucket.bucket_name in [one.name for one in oss2.BucketIterator(service)]


def test_what_is_not_served_is_refused_as_not_implemented(bucket):
    bucket.put_object("k", b"")
    assert code_of(bucket.get_bucket_website) == "NotImplemented"
    assert code_of(bucket.put_symlink, "k", "link") == "NotImplemented"
    assert code_of(bucket.get_object, "k", process="image/resize,w_100") == "NotImplemented"


def test_another_secret_key_or_bucket_is_refused(runtime, bucket):
    url, name = runtime.addresses.oss, bucket.bucket_name
    for auth, code in (
        (oss2.Auth(KEYS[0], "wrong"), "SignatureDoesNotMatch"),
        (oss2.AuthV4(KEYS[0], "wrong"), "SignatureDoesNotMatch"),
        (oss2.Auth("unknown", KEYS[1]), "InvalidAccessKeyId"),
        (oss2.AnonymousAuth(), "AccessDenied"),
    ):
        other = oss2.Bucket(auth, url, name, region="cn-hangzhou", session=bucket.session)
        assert code_of(other.put_object, "k", b"x" * 1_000_000) == code
    missing = oss2.Bucket(bucket.auth, url, "missing", region="cn", session=bucket.session)
    assert code_of(missing.put_object, "k", b"x") == "NoSuchBucket"
    assert not bucket.object_exists("k")


def test_the_second_client_does_the_same_round(runtime, client, oss_session):
    name = f"second-{os.urandom(4).hex()}"
    client.put_bucket(oss.PutBucketRequest(bucket=name))
    assert client.is_bucket_exist(name)
    assert not client.is_bucket_exist("missing")
    place = {"bucket": name, "key": KEY}
    data = os.urandom(200_000)
    put = client.put_object(
        oss.PutObjectRequest(**place, body=data, metadata={"k": "v"}, tagging="a=b")
    )
    got = client.get_object(oss.GetObjectRequest(**place))
    assert (got.body.read(), got.metadata["k"], got.etag) == (data, "v", put.etag)
    request = oss.PutObjectRequest(**place, body=b"", forbid_overwrite=True)
    assert code_of(client.put_object, request) == "FileAlreadyExists"
    signed = client.presign(oss.GetObjectRequest(**place), expires=dt.timedelta(minutes=1))
    assert requests.get(signed.url, timeout=5).content == data
    assert not client.is_object_exist(name, "none")
    client.uploader(part_size=100 * 1024).upload_from(
        oss.PutObjectRequest(bucket=name, key="parts"), io.BytesIO(data)
    )
    upload = client.initiate_multipart_upload(
        oss.InitiateMultipartUploadRequest(bucket=name, key="part")
    ).upload_id
    part = {"bucket": name, "key": "part", "upload_id": upload}
    done = client.upload_part(oss.UploadPartRequest(**part, part_number=1, body=b"hello"))
    assert done.content_md5 == "XUFAKrxLKna5cZ2REBfFkg=="
    client.abort_multipart_upload(oss.AbortMultipartUploadRequest(**part))
    client.copier().copy(
        oss.CopyObjectRequest(bucket=name, key="copy", source_bucket=name, source_key=KEY)
    )
    pages = client.list_objects_v2_paginator(limit=1).iter_page(oss.ListObjectsV2Request(name))
    assert [one.key for page in pages for one in page.contents] == ["copy", KEY, "parts"]
    found = client.get_object(oss.GetObjectRequest(bucket=name, key="parts"))
    assert found.body.read() == data
    objects = [oss.DeleteObject(key=key) for key in ("copy", KEY, "parts")]
    client.delete_multiple_objects(oss.DeleteMultipleObjectsRequest(name, objects=objects))
    client.delete_bucket(oss.DeleteBucketRequest(name))
    wrong = client_of(runtime, oss_session, secret="wrong")
    assert code_of(wrong.list_buckets, oss.ListBucketsRequest()) == "SignatureDoesNotMatch"
