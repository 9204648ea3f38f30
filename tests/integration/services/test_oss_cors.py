# SPDX-License-Identifier: MIT
"""Pages of another origin: what the CORS rules of a bucket let them send."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import oss2
import pytest
from oss2.models import BucketCors, CorsRule

from fc_async_local.embedded import LocalRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = "http://localhost:3000"
ALLOWED = {
    "access-control-allow-origin": PAGE,
    "access-control-allow-methods": "GET, PUT",
    "access-control-expose-headers": "ETag, x-oss-request-id",
    "access-control-max-age": "60",
}


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRuntime]:
    data: Path = tmp_path_factory.mktemp("cors")
    with LocalRuntime(data=data, port=0, store="memory") as runtime:
        yield runtime


@pytest.fixture
def bucket(runtime: LocalRuntime, oss_session: oss2.Session) -> oss2.Bucket:
    """A bucket whose rules allow pages to read and to put."""
    auth = oss2.Auth("id", "secret")
    bucket = oss2.Bucket(auth, runtime.addresses.oss, "pages", session=oss_session)
    bucket.create_bucket()
    rule = CorsRule(
        allowed_origins=["https://*.example.com", PAGE],
        allowed_methods=["GET", "PUT"],
        allowed_headers=["content-type", "x-oss-*"],
        expose_headers=["ETag", "x-oss-request-id"],
        max_age_seconds=60,
    )
    bucket.put_bucket_cors(BucketCors([rule]))
    return bucket


def send(
    bucket: oss2.Bucket, method: str, url: str, origin: str = PAGE, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Send a request as a browser does for a page; return status, headers of CORS, and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    given = {"Origin": origin} | {name.replace("_", "-"): text for name, text in headers.items()}
    body = b"by a page" if method in {"PUT", "POST"} else None
    connection.request(method, f"{parts.path}?{parts.query}", body, given)
    answer = connection.getresponse()
    found = {k.lower(): v for k, v in answer.getheaders() if k.lower().startswith("access-")}
    content = answer.read()
    connection.close()
    return answer.status, found, content


def test_a_page_puts_and_reads_by_presigned_urls(bucket: oss2.Bucket) -> None:
    url = bucket.sign_url("PUT", "in/a.txt", 60, slash_safe=True)
    asked = {"Access_Control_Request_Method": "PUT"}
    wanted = {"Access_Control_Request_Headers": "content-type,x-oss-meta-k"}
    status, headers, _ = send(bucket, "OPTIONS", url, **asked, **wanted)
    allowed = {"access-control-allow-headers": "content-type, x-oss-meta-k"}
    assert (status, headers) == (200, ALLOWED | allowed)
    assert send(bucket, "PUT", url)[:2] == (200, ALLOWED)
    reading = bucket.sign_url("GET", "in/a.txt", 60, slash_safe=True)
    assert send(bucket, "GET", reading) == (200, ALLOWED, b"by a page")
    missing = bucket.sign_url("GET", "none", 60)
    assert send(bucket, "GET", missing)[:2] == (404, ALLOWED)
    assert send(bucket, "GET", reading, "https://a.example.com")[0] == 200


@pytest.mark.parametrize(
    ("method", "origin", "more"),
    [
        ("DELETE", PAGE, {}),
        ("GET", "http://localhost:3001", {}),
        ("GET", "null", {}),
        ("GET", "https://example.com", {}),
        ("OPTIONS", PAGE, {"Access_Control_Request_Method": "DELETE"}),
        (
            "OPTIONS",
            PAGE,
            {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "x-other"},
        ),
        ("OPTIONS", PAGE, {}),
    ],
)
def test_what_no_rule_allows_is_refused_and_does_nothing(
    bucket: oss2.Bucket, method: str, origin: str, more: dict[str, str]
) -> None:
    bucket.put_object("kept", b"content")
    url = bucket.sign_url("GET", "kept", 60)
    status, headers, content = send(bucket, method, url, origin, **more)
    assert (status, headers, b"<Code>AccessForbidden</Code>" in content) == (403, {}, True)
    assert bucket.get_object("kept").read() == b"content"


def test_a_page_cannot_change_the_rules_of_a_bucket_without_any(
    runtime: LocalRuntime, bucket: oss2.Bucket
) -> None:
    bucket.delete_bucket_cors()
    with pytest.raises(oss2.exceptions.NoSuchCors):
        bucket.get_bucket_cors()
    for url in (f"{runtime.addresses.oss}/pages?cors", f"{runtime.addresses.oss}/new"):
        assert send(bucket, "PUT", url)[0] == 403
    with pytest.raises(oss2.exceptions.NoSuchCors):
        bucket.get_bucket_cors()


def test_the_rules_of_a_bucket_are_kept_checked_and_returned(bucket: oss2.Bucket) -> None:
    (found,) = bucket.get_bucket_cors().rules
    assert (found.allowed_methods, found.max_age_seconds) == (["GET", "PUT"], 60)
    for wrong in (
        [],
        [CorsRule(allowed_origins=["*"], allowed_methods=["PATCH"])],
        [CorsRule(allowed_origins=["*.a.*"], allowed_methods=["GET"])],
        [CorsRule(allowed_origins=["*"], allowed_methods=["GET"], expose_headers=["*"])],
        [CorsRule(allowed_origins=["*"], allowed_methods=["GET"])] * 11,
        [CorsRule(allowed_methods=["GET"])],
    ):
        with pytest.raises(oss2.exceptions.ServerError) as caught:
            bucket.put_bucket_cors(BucketCors(wrong))
        assert caught.value.status == 400
    assert len(bucket.get_bucket_cors().rules) == 1
