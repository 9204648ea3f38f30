# SPDX-License-Identifier: MIT
"""Requests to OSS that no client sends: keys that look like paths, broken heads and bodies."""

from __future__ import annotations

import hashlib
import http.client
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import oss2
import pytest

from fc_async_local.embedded import LocalRuntime
from fc_async_local.services.oss.local import Objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = [
    "../../escape",
    "..",
    ".",
    "a/../../b",
    "a//b",
    "nul\0in/the\0middle",
    "line\nfeed\rand\x1fcontrol",
    "<&>\"'",
    "%2e%2e%2f%25",
    "index.db",
    "ü中\U0001f600",
    "a",
    "a/b",
    "a/b/c/",
    "k" * 1023,
    "C:\\windows",
    "+ space ?#&=",
]


class Bucket:
    """The bucket ``bucket`` of a runtime."""

    def __init__(self, runtime: LocalRuntime) -> None:
        self.endpoint = runtime.addresses.oss
        self._objects = Objects(runtime.services.oss.service, runtime.call)
        self._objects.create_bucket("bucket")

    def put(self, key: str, data: bytes) -> None:
        self._objects.put("bucket", key, data)

    def get(self, key: str) -> bytes:
        return self._objects.get("bucket", key)

    def list_keys(self) -> list[str]:
        return self._objects.keys("bucket")

    def send(
        self, method: str, target: str, body: bytes = b"", **headers: str
    ) -> tuple[int, str, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=20)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body, given)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, text, answer.headers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def runtime(folder: Path) -> Iterator[LocalRuntime]:
    with LocalRuntime(data=folder / "data", port=0, store="memory") as runtime:
        yield runtime


@pytest.fixture
def bucket(runtime: LocalRuntime) -> Iterator[Bucket]:
    bucket = Bucket(runtime)
    yield bucket
    for key in bucket.list_keys():
        bucket.send("DELETE", f"/bucket/{quote(key, safe='')}")


def files_outside(folder: Path) -> list[str]:
    """Return files that lie neither in the folder of the bucket nor belong to the runtime."""
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    allowed = ("bucket", "index")
    return [
        str(path)
        for path in found
        if path.parts[0] != "data"
        or (path.parts[1] == "oss-memory" and path.parts[2].partition(".")[0] not in allowed)
    ]


def test_any_key_is_data_and_stays_within_its_bucket(
    bucket: Bucket, folder: Path, oss_session: oss2.Session
) -> None:
    for number, key in enumerate(KEYS):
        target = f"/bucket/{quote(key, safe='')}"
        assert bucket.send("PUT", target, b"%d" % number)[0] == 200
    for number, key in enumerate(KEYS):
        assert bucket.send("GET", f"/bucket/{quote(key, safe='')}")[1] == str(number)
        assert bucket.get(key) == b"%d" % number
    client = oss2.Bucket(oss2.AnonymousAuth(), bucket.endpoint, "bucket", session=oss_session)
    listed = sorted(KEYS, key=str.encode)
    for size in (1, 3, 100):
        assert [one.key for one in oss2.ObjectIterator(client, max_keys=size)] == listed
    assert [one.key for one in oss2.ObjectIterator(client, prefix="a/")] == [
        *("a/../../b", "a//b", "a/b", "a/b/c/"),
    ]
    assert files_outside(folder) == []


@pytest.mark.parametrize("form", ["{}", "&#{:d};", "&#x{:02X};"])
def test_keys_with_control_characters_are_deleted_with_others(bucket: Bucket, form: str) -> None:
    keys = [f"a{chr(code)}b" for code in (1, 9, 31)]
    for key in keys:
        bucket.put(key, b"")
    names = [form.format(ord(key[1])) if "#" in form else key[1] for key in keys]
    objects = "".join(f"<Object><Key>a{name}b</Key></Object>" for name in names)
    assert bucket.send("POST", "/bucket?delete", f"<Delete>{objects}</Delete>".encode())[0] == 200
    assert bucket.list_keys() == []


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/bucket/%ff", "InvalidObjectName"),
        ("/bucket/%2Fetc%2Fpasswd", "InvalidObjectName"),
        ("/bucket/%5Ca", "InvalidObjectName"),
        ("/bucket/" + "k" * 1024, "InvalidObjectName"),
        ("/missing/k", "NoSuchBucket"),
        ("/../k", "NoSuchBucket"),
        ("/%2e%2e/k", "NoSuchBucket"),
        ("/bucket/k?position=-1&append", "NotImplemented"),
        ("/bucket/k?uploadId=x&partNumber=0", "InvalidArgument"),
        ("/bucket/k?uploadId=x&partNumber=" + "9" * 5000, "InvalidArgument"),
        ("/bucket/k?uploadId=%27&partNumber=1", "NoSuchUpload"),
        ("/bucket/k?acl&%ff", "InvalidArgument"),
        ("/bucket/k?policy", "NotImplemented"),
    ],
)
def test_a_put_that_cannot_be_done_is_refused_in_the_form_of_oss(
    bucket: Bucket, target: str, code: str
) -> None:
    _, text, headers = bucket.send("PUT", target, b"x" * 100_000)
    assert f"<Code>{code}</Code>" in text
    for element in ("Message", "RequestId", "HostId"):
        assert f"<{element}>" in text
    assert headers["x-oss-request-id"] in text
    assert bucket.list_keys() == []


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("Delete", b"<Delete></Delete>"),
        ("Delete", b"no xml"),
        (
            "Delete",
            b"<!DOCTYPE x [<!ENTITY a 'b'>]><Delete><Object><Key>&a;</Key></Object></Delete>",
        ),
        ("Delete", b"<Delete><Object><Key>/</Key></Object></Delete>"),
        ("Delete", b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>"),
        ("Delete", b"x" * (2 * 1024 * 1024 + 1)),
    ],
)
def test_a_document_that_cannot_be_read_is_refused(bucket: Bucket, name: str, body: bytes) -> None:
    bucket.put("k", b"")
    status, text, _ = bucket.send("POST", "/bucket?delete", body)
    assert (status, text[:5]) == (400, "<?xml")
    assert bucket.list_keys() == ["k"]


def test_a_header_of_the_answer_cannot_be_split(bucket: Bucket) -> None:
    bucket.put("k", b"content")
    status, text, headers = bucket.send("GET", "/bucket/k?response-content-type=a%0d%0aX-Own:%201")
    assert (status, headers["x-own"]) == (400, None)
    assert "InvalidArgument" in text


def test_a_name_that_is_not_of_this_machine_is_refused(bucket: Bucket) -> None:
    bucket.put("k", b"content")
    assert bucket.send("GET", "/bucket/k", Host="example.com")[0] == 403
    assert bucket.send("GET", "/bucket/k", Origin="http://example.com")[0] == 403
    page = "http://.oss-cn-hangzhou.aliyuncs.com"
    for host in (".example.com", ".oss-cn-hangzhou.aliyuncs.com.example.com", "..localhost.com"):
        assert bucket.send("GET", "/", Host=host)[0] == 403
    own = ".oss-cn-hangzhou.aliyuncs.com"
    assert bucket.send("GET", "/", Host=own, Origin=page)[0] == 403


def test_a_client_lists_buckets_though_it_leaves_out_the_bucket_in_its_name(bucket: Bucket) -> None:
    status, text, _ = bucket.send("GET", "/", Host=".oss-cn-hangzhou.aliyuncs.com")
    assert (status, "<Name>bucket</Name>" in text) == (200, True)


@pytest.mark.parametrize(
    "host",
    [
        "bucket.localhost:1",
        "bucket.oss-cn-hangzhou.aliyuncs.com",
        "bucket.oss-cn-hangzhou-internal.aliyuncs.com:80",
    ],
)
def test_a_bucket_is_named_by_the_host_or_by_the_path(bucket: Bucket, host: str) -> None:
    bucket.put("in/k", b"content")
    assert bucket.send("GET", "/in/k", Host=host)[1] == "content"
    service = host.partition(".")[2]
    assert bucket.send("GET", "/bucket/in/k", Host=service)[1] == "content"


@pytest.mark.parametrize(
    ("asked", "found", "standard"),
    [
        ("bytes=0-3", (206, "0123"), (206, "0123")),
        ("bytes=-2", (206, "89"), (206, "89")),
        ("bytes=5-", (206, "56789"), (206, "56789")),
        ("bytes=0-9", (206, "0123456789"), (206, "0123456789")),
        ("bytes=8-10", (200, "0123456789"), (206, "89")),
        ("bytes=8-99", (200, "0123456789"), (206, "89")),
        ("bytes=-99", (200, "0123456789"), (206, "0123456789")),
        ("bytes=10-", (200, "0123456789"), (416, "")),
        ("bytes=10-20", (200, "0123456789"), (416, "")),
        ("bytes=5-4", (200, "0123456789"), (416, "")),
        ("bytes=-0", (200, "0123456789"), (416, "")),
        ("bytes=-", (200, "0123456789"), (416, "")),
        ("bytes=0-1,3-4", (206, "01"), (416, "")),
        ("bytes=0-1, 3-99", (206, "01"), (416, "")),
        ("lines=0-1", (200, "0123456789"), (416, "")),
        ("bytes=" + "9" * 50 + "-", (200, "0123456789"), (416, "")),
    ],
)
def test_a_reader_in_blocks_gets_the_bytes_that_the_service_would_send(
    bucket: Bucket, asked: str, found: tuple[int, str], standard: tuple[int, str]
) -> None:
    bucket.put("k", b"0123456789")
    assert bucket.send("GET", "/bucket/k", Range=asked)[:2] == found
    status, text, _ = bucket.send("GET", "/bucket/k", Range=asked, x_oss_range_behavior="standard")
    assert (status, "" if status == 416 else text) == standard


@pytest.mark.parametrize("target", ["legalHold", "accessmonitor", "x-oss-acl=private", "acl&x=1"])
def test_a_put_with_an_unknown_parameter_does_not_overwrite_the_object(
    bucket: Bucket, target: str
) -> None:
    bucket.put("k", b"old")
    status, text, _ = bucket.send("PUT", f"/bucket/k?{target}", b"<LegalHold/>")
    assert (status, "<Code>NotImplemented</Code>" in text) == (501, True)
    assert f"the parameter '{target.rpartition('&')[2].partition('=')[0]}'" in text
    assert bucket.get("k") == b"old"


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("DELETE", "/bucket?overwriteConfig"),
        ("DELETE", "/bucket?metadataConfiguration&acl"),
        ("DELETE", "/bucket/k?overwriteConfig"),
        ("DELETE", "/bucket/k?versionId=1"),
    ],
)
def test_a_delete_with_an_unknown_parameter_deletes_nothing(
    bucket: Bucket, method: str, target: str
) -> None:
    if "/k" in target:
        bucket.put("k", b"old")
    before = bucket.list_keys()
    assert bucket.send(method, target)[0] == 501
    assert bucket.send("GET", "/bucket?acl")[0] == 200
    assert bucket.list_keys() == before


@pytest.mark.parametrize(
    "header",
    [
        "content-range",
        "if-match",
        "if-none-match",
        "x-oss-callback",
        "x-oss-object-worm-mode",
        "x-oss-server-side-encryption-customer-algorithm",
        "x-oss-symlink-target",
        "x-oss-acl",
    ],
)
def test_a_header_that_would_change_a_put_is_refused_by_its_name(
    bucket: Bucket, header: str
) -> None:
    bucket.put("k", b"old")
    status, text, _ = bucket.send("PUT", "/bucket/k", b"new", **{header: "*"})
    assert (status, f"the header '{header}'" in text) == (501, True)
    assert bucket.get("k") == b"old"


def test_a_delete_with_the_condition_of_another_operation_deletes_nothing(bucket: Bucket) -> None:
    bucket.put("k", b"old")
    assert bucket.send("DELETE", "/bucket/k", If_Match='"other"')[0] == 501
    assert bucket.send("DELETE", "/bucket/k", x_oss_forbid_overwrite="true")[0] == 501
    assert bucket.get("k") == b"old"


def test_a_list_that_would_be_filtered_is_not_returned_whole(bucket: Bucket) -> None:
    for target in ("/?tag-key=a", "/bucket?versions", "/bucket?list-type=2&x-oss-filter=a"):
        assert bucket.send("GET", target)[0] == 501
    assert bucket.send("GET", "/", x_oss_resource_group_id="rg")[0] == 501
    assert bucket.send("GET", "/bucket?list-type=3")[0] == 400


def test_an_upload_whose_client_hangs_up_leaves_nothing(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("k", b"old")
    connection = http.client.HTTPConnection(urlsplit(bucket.endpoint).netloc, timeout=5)
    connection.putrequest("PUT", "/bucket/k")
    connection.putheader("Content-Length", "10000000")
    connection.endheaders()
    connection.send(b"x" * 3_000_000)
    connection.close()
    bucket.put("other", b"")  # comes after what was sent before
    assert bucket.get("k") == b"old"


def test_readers_see_the_object_before_or_after_a_change_and_never_a_part(bucket: Bucket) -> None:
    bucket.put("k", b"")
    done = threading.Event()

    def read() -> int:
        seen = 0
        while not done.is_set():
            status, text, headers = bucket.send("GET", "/bucket/k")
            assert status == 200
            digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()
            assert headers["etag"] == f'"{digest}"'
            seen += 1
        return seen

    def write(letter: str) -> None:
        for number in range(15):
            assert bucket.send("PUT", "/bucket/k", letter.encode() * number * 50_000)[0] == 200

    with ThreadPoolExecutor(4) as threads:
        reading = [threads.submit(read) for _ in range(2)]
        for writing in [threads.submit(write, letter) for letter in "ab"]:
            writing.result()
        done.set()
        assert all(one.result() for one in reading)
