# SPDX-License-Identifier: MIT
"""Every operation of the official client of OSS: answered as documented, or refused by name."""

from __future__ import annotations

import inspect
from typing import Any, Final

import alibabacloud_oss_v2 as oss
import pytest
from alibabacloud_oss_v2.transport import RequestsHttpClient

from fc_async_local.embedded import LocalRuntime
from fc_async_local.services.oss.local import Objects
from fc_async_local.settings import Settings

KEYS: Final = ("testid", "testsecret")
CONTENT: Final = b"what a user keeps"

REFUSED: Final = "NotImplemented"
SERVED: Final = {
    "abort_multipart_upload": "NoSuchUpload",
    "append_object": "ObjectNotAppendable",
    "complete_multipart_upload": "NoSuchUpload",
    "copy_object": "",
    "delete_bucket": "",
    "delete_bucket_cors": "",
    "delete_bucket_lifecycle": "",
    "delete_multiple_objects": "",
    "delete_object": "",
    "delete_object_tagging": "",
    "get_bucket_acl": "",
    "get_bucket_cors": "NoSuchCORSConfiguration",
    "get_bucket_info": "",
    "get_bucket_lifecycle": "NoSuchLifecycle",
    "get_bucket_location": "",
    "get_object": "",
    "get_object_acl": "",
    "get_object_meta": "",
    "get_object_tagging": "",
    "get_object_to_file": "",
    "head_object": "",
    "initiate_multipart_upload": "",
    "list_buckets": "",
    "list_multipart_uploads": "",
    "list_objects": "",
    "list_objects_v2": "",
    "list_parts": "NoSuchUpload",
    "option_object": "AccessForbidden",
    "put_bucket": "",
    "put_bucket_acl": "",
    "put_bucket_cors": "MalformedXML",
    "put_bucket_lifecycle": "MalformedXML",
    "put_object": "",
    "put_object_acl": "",
    "put_object_from_file": "",
    "put_object_tagging": "",
    "upload_part": "NoSuchUpload",
    "upload_part_copy": "NoSuchUpload",
}
"""Operations that are served, with the code of a request without a body ("": it succeeds)."""


def requests_of_the_client() -> dict[str, type[Any]]:
    """Return the operations of the client with the types of their requests."""
    found = {}
    for name, method in inspect.getmembers(oss.Client, inspect.isfunction):
        request = inspect.signature(method).parameters.get("request")
        if request is not None and name != "presign":  # sends nothing
            found[name] = request.annotation
    return found


OPERATIONS: Final = requests_of_the_client()


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    settings = Settings.of(strict_auth=True, access_keys=dict([KEYS]))
    folder = tmp_path_factory.mktemp("oss")
    with LocalRuntime(data=folder, port=0, store="memory", settings=settings) as runtime:
        yield runtime


@pytest.fixture
def client(runtime, oss_session):
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(*KEYS)
    config.region, config.endpoint = "cn-hangzhou", runtime.addresses.oss
    config.retry_max_attempts = 1
    config.http_client = RequestsHttpClient(session=oss_session.session)
    return oss.Client(config)


@pytest.fixture
def objects(runtime):
    return Objects(runtime.services.oss.service, runtime.call)


@pytest.fixture
def bucket(objects):
    """A bucket without objects, which DeleteBucket would delete."""
    objects.create_bucket("bucket")
    return "bucket"


@pytest.fixture
def key(objects):
    """An object in another bucket."""
    objects.put("keeping", "key", CONTENT)
    return "key"


def attributes_of(kind: type[Any]) -> dict[str, dict[str, Any]]:
    """Return the attributes of a request, and whether the client asks for them."""
    found: dict[str, dict[str, Any]] = kind._attribute_map  # noqa: SLF001 -- no public list
    return found


def filled(kind: type[Any], bucket: str, path: str) -> Any:
    """Return a request with everything that the client asks for, and nothing else."""
    values = {
        "access_control_request_method": "PUT",
        "acl": "private",
        "bucket": bucket,
        "filepath": path,
        "key": "key",
        "objects": [oss.DeleteObject("none")],
        "origin": "http://a.example",
        "part_number": 1,
        "policy": "{}",
        "position": 1,
        "select_meta_request": oss.models.SelectRequest(),
        "select_request": oss.models.SelectRequest(),
        "source_bucket": "keeping",
        "source_key": "key",
        "tagging": oss.models.Tagging(
            tag_set=oss.models.TagSet(tags=[oss.models.Tag(key="a", value="b")])
        ),
    }
    optional = {"acl", "objects", "origin", "source_bucket", "source_key"}
    wanted = [
        name
        for name, attribute in attributes_of(kind).items()
        if attribute.get("required") or name in optional
    ]
    return kind(**{name: values.get(name, "text") for name in wanted})


def outcome(client: oss.Client, name: str, request: Any, path: str) -> tuple[str, str]:
    """Return code and message of the error, or empty texts."""
    files = {"put_object_from_file": [path], "get_object_to_file": [path]}
    try:
        getattr(client, name)(request, *files.get(name, []))
    except oss.exceptions.OperationError as error:
        failed = error.unwrap()
        return failed.code, failed.message
    return "", ""


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_that_is_not_served_changes_no_object_and_no_bucket(
    objects, client, bucket, key, tmp_path, name
):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    kind = OPERATIONS[name]
    holder = "keeping" if "key" in attributes_of(kind) else bucket
    code, message = outcome(client, name, filled(kind, holder, str(path)), str(path))
    assert code == SERVED.get(name, REFUSED), message
    if name not in SERVED:
        assert "is not implemented on this machine" in message
        assert client.is_bucket_exist(bucket)
        assert objects.keys(bucket) == []
        assert objects.get("keeping", key) == CONTENT
