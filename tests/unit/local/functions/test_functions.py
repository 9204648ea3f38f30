# SPDX-License-Identifier: MIT
"""Functions and versions: what is kept, what is answered, what goes."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.functions.functions import FunctionFilter
from fc_async_local.functions.paging import Page


def refused(run, coroutine) -> tuple[int, str]:
    with pytest.raises(Rejected) as caught:
        run(coroutine)
    return caught.value.status, caught.value.code


def test_a_created_function_is_answered_with_what_was_set_and_what_the_service_adds(
    run, registry, function_body, archive
):
    answer = run(
        registry.functions.create(
            function_body(
                timeout=10, environmentVariables={"A": "b"}, unknownKey=1, tracingConfig={}
            )
        )
    )
    assert answer == {
        "functionName": "orders",
        "functionArn": "acs:fc:cn-hangzhou:123:functions/orders",
        "functionId": "id-1",
        "runtime": "python3.10",
        "handler": "index.handler",
        "timeout": 10,
        "memorySize": 512,
        "environmentVariables": {"A": "b"},
        "tracingConfig": {},
        "role": "",
        "codeChecksum": answer["codeChecksum"],
        "codeSize": len(archive()),
        "createdTime": "2023-11-14T22:13:20Z",
        "lastModifiedTime": "2023-11-14T22:13:20Z",
        "state": "Active",
        "lastUpdateStatus": "Successful",
    }
    assert run(registry.functions.get("orders")) == answer


def packed(name: str, data: bytes = b"x = 1") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def damaged(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


GOOD = packed("index.py", b"print('hello hello hello')" * 9)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"hello", id="not a zip"),
        pytest.param(packed(""), id="empty name"),
        pytest.param(packed("x" * 256 + ".py"), id="long name"),
        pytest.param(packed("../index.py"), id="leads out"),
        pytest.param(packed("/index.py"), id="absolute"),
        pytest.param(damaged(GOOD, GOOD.index(b"PK\x01\x02")), id="central directory"),
        pytest.param(damaged(GOOD, 45), id="data"),
        pytest.param(GOOD[:-10], id="cut off"),
    ],
)
@pytest.mark.parametrize("way", ["create", "update", "uploaded"])
def test_code_that_cannot_be_unpacked_is_refused(run, registry, function_body, data, way):
    code = {"zipFile": base64.b64encode(data).decode()}
    if way == "uploaded":
        run(registry.code.upload("bucket", "o.zip", data))
        code = {"ossBucketName": "bucket", "ossObjectName": "o.zip"}
    if way == "update":
        run(registry.functions.create(function_body()))
        change = registry.functions.update("orders", {"code": code})
    else:
        change = registry.functions.create(function_body(code=code))
    assert refused(run, change) == (400, "InvalidArgument")


def test_a_second_function_of_the_same_name_is_refused(run, registry, function_body):
    run(registry.functions.create(function_body()))
    assert refused(run, registry.functions.create(function_body())) == (
        409,
        "FunctionAlreadyExists",
    )


def test_two_nodes_that_create_at_once_do_not_overwrite_each_other(
    run, documents, blobs, clock, function_body, make_catalog
):
    one = make_catalog(documents, blobs, clock)
    other = make_catalog(documents, blobs, clock)
    run(other.functions.names())  # loaded before the other one writes
    run(one.functions.create(function_body()))
    assert refused(run, other.functions.create(function_body())) == (409, "FunctionAlreadyExists")


def test_a_shared_catalog_sees_what_another_node_wrote(
    run, documents, blobs, clock, function_body, make_catalog
):
    one = make_catalog(documents, blobs, clock, shared=True)
    other = make_catalog(documents, blobs, clock, shared=True)
    assert run(other.functions.names()) == []
    run(one.functions.create(function_body()))
    assert run(other.functions.names()) == ["orders"]


def test_a_catalog_of_its_own_loads_once(run, documents, registry, function_body):
    run(registry.functions.names())
    run(registry.functions.create(function_body()))
    run(registry.functions.names())
    assert documents.loads == 1


def test_update_keeps_what_it_does_not_name_and_runs_under_a_new_revision(
    run, registry, clock, function_body
):
    run(registry.functions.create(function_body(timeout=10)))
    before = run(registry.deployment("orders", "LATEST", roll=0))
    clock.set(clock.now() + 5_000)
    answer = run(registry.functions.update("orders", {"memorySize": 1024, "functionName": "other"}))
    after = run(registry.deployment("orders", "LATEST", roll=0))
    assert (answer["functionName"], answer["timeout"], answer["memorySize"]) == ("orders", 10, 1024)
    assert answer["lastModifiedTime"] == "2023-11-14T22:13:25Z"
    assert before.revision != after.revision
    assert before.code_checksum == after.code_checksum


def test_update_with_code_changes_the_checksum(run, registry, function_body, archive):
    before = run(registry.functions.create(function_body()))
    code = {"zipFile": base64.b64encode(archive("x = 1")).decode()}
    after = run(registry.functions.update("orders", {"code": code}))
    assert before["codeChecksum"] != after["codeChecksum"]


def test_a_recreated_function_never_runs_under_the_revision_of_the_old_one(
    run, registry, function_body
):
    run(registry.functions.create(function_body()))
    before = run(registry.deployment("orders", "LATEST", roll=0)).revision
    run(registry.functions.delete("orders"))
    run(registry.functions.create(function_body()))
    assert run(registry.deployment("orders", "LATEST", roll=0)).revision != before


def test_deleting_a_function_takes_all_that_is_configured_on_it_along(run, registry, function_body):
    for name in ("orders", "orders2"):
        run(registry.functions.create(function_body(name)))
        run(registry.functions.publish_version(name, {}))
        run(registry.aliases.create(name, {"aliasName": "prod", "versionId": "1"}))
        run(registry.async_configs.put(name, "prod", {"asyncTask": True}))
    run(registry.functions.delete("orders"))
    run(registry.functions.create(function_body()))
    assert run(registry.functions.list_versions("orders", Page())) == ([], "")
    assert run(registry.aliases.listing("orders", Page())) == ([], "")
    assert run(registry.async_config("orders", "prod")) is None
    assert run(registry.async_config("orders2", "prod")) is not None


def test_nothing_runs_for_a_deleted_function(run, registry, function_body):
    run(registry.functions.create(function_body()))
    run(registry.functions.delete("orders"))
    assert refused(run, registry.deployment("orders", "LATEST", roll=0)) == (
        404,
        "FunctionNotFound",
    )
    assert refused(run, registry.functions.delete("orders")) == (404, "FunctionNotFound")


def test_a_version_keeps_the_code_and_settings_of_its_moment(run, registry, function_body):
    run(registry.functions.create(function_body(timeout=10)))
    version = run(registry.functions.publish_version("orders", {"description": "first"}))
    run(registry.functions.update("orders", {"timeout": 20}))
    assert (version["versionId"], version["description"]) == ("1", "first")
    assert run(registry.functions.get("orders", "1"))["timeout"] == 10
    assert run(registry.deployment("orders", "1", roll=0)).timeout_ms == 10_000
    assert run(registry.deployment("orders", "LATEST", roll=0)).timeout_ms == 20_000


def test_version_ids_are_not_used_twice(run, registry, function_body):
    run(registry.functions.create(function_body()))
    run(registry.functions.publish_version("orders", {}))
    run(registry.functions.delete_version("orders", "1"))
    assert run(registry.functions.publish_version("orders", {}))["versionId"] == "2"


def test_versions_are_listed_by_number_in_both_directions(run, registry, function_body):
    run(registry.functions.create(function_body()))
    for _ in range(11):
        run(registry.functions.publish_version("orders", {}))
    backward, token = run(registry.functions.list_versions("orders", Page(limit=3)))
    further, _ = run(registry.functions.list_versions("orders", Page(limit=3, token=token)))
    forward, _ = run(registry.functions.list_versions("orders", Page(limit=3), backward=False))
    assert [v["versionId"] for v in backward + further] == ["11", "10", "9", "8", "7", "6"]
    assert [v["versionId"] for v in forward] == ["1", "2", "3"]


def test_a_version_that_an_alias_points_to_stays(run, registry, function_body):
    run(registry.functions.create(function_body()))
    run(registry.functions.publish_version("orders", {}))
    run(registry.aliases.create("orders", {"aliasName": "prod", "versionId": "1"}))
    assert refused(run, registry.functions.delete_version("orders", "1")) == (
        400,
        "InvalidArgument",
    )


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (FunctionFilter(), ["alpha", "beta", "beta2"]),
        (FunctionFilter(prefix="beta"), ["beta", "beta2"]),
        (FunctionFilter(name="eta"), ["beta", "beta2"]),
        (FunctionFilter(runtime="python3.12"), ["beta2"]),
        (FunctionFilter(description="mail"), ["alpha"]),
        (FunctionFilter(tags='[{"Key":"team","Value":"a"}]'), ["alpha"]),
        (FunctionFilter(tags='[{"Key":"team","Value":"b"}]'), []),
    ],
)
def test_functions_are_listed_by_what_is_asked_for(run, registry, function_body, wanted, names):
    tags = [{"Key": "team", "Value": "a"}]
    run(registry.functions.create(function_body("alpha", description="sends mail", tags=tags)))
    run(registry.functions.create(function_body("beta")))
    run(registry.functions.create(function_body("beta2", runtime="python3.12")))
    found, token = run(registry.functions.listing(wanted, Page()))
    assert ([f["functionName"] for f in found], token) == (names, "")


def test_pages_stay_right_while_functions_come_and_go(run, registry, function_body):
    for name in "abcd":
        run(registry.functions.create(function_body(name)))
    first, token = run(registry.functions.listing(FunctionFilter(), Page(limit=2)))
    run(registry.functions.delete("b"))
    run(registry.functions.create(function_body("aa")))
    rest, end = run(registry.functions.listing(FunctionFilter(), Page(limit=2, token=token)))
    assert [f["functionName"] for f in first + rest] == ["a", "b", "c", "d"]
    assert end == ""


@pytest.mark.parametrize("page", [Page(token="!"), Page(token="_w")])
def test_a_page_that_can_not_be_is_refused(run, registry, page):
    assert refused(run, registry.functions.listing(FunctionFilter(), page)) == (
        400,
        "InvalidArgument",
    )


def test_code_may_be_an_object_that_was_uploaded_before(run, registry, function_body, archive):
    run(registry.code.upload("bucket", "o.zip", archive()))
    code = {"ossBucketName": "bucket", "ossObjectName": "o.zip"}
    answer = run(registry.functions.create(function_body(code=code)))
    assert answer["codeSize"] == len(archive())
    _, data = run(registry.functions.code("orders"))
    assert data == archive()


def test_code_that_was_never_uploaded_is_refused(run, registry, function_body):
    code = {"ossBucketName": "bucket", "ossObjectName": "o.zip"}
    assert refused(run, registry.functions.create(function_body(code=code))) == (
        400,
        "InvalidArgument",
    )


def test_a_checksum_that_is_not_the_archives_is_refused(run, registry, function_body):
    body = function_body()
    body["code"]["checksum"] = "1"
    assert refused(run, registry.functions.create(body)) == (400, "InvalidArgument")


def test_a_container_image_needs_no_code(run, registry):
    answer = run(
        registry.functions.create(
            {
                "functionName": "image",
                "runtime": "custom-container",
                "customContainerConfig": {"image": "registry/image:1"},
            }
        )
    )
    assert (answer["codeChecksum"], answer["codeSize"]) == ("", 0)


def test_a_filter_by_tags_that_is_no_json_is_refused(run, registry):
    assert refused(run, registry.functions.listing(FunctionFilter(tags="{"), Page())) == (
        400,
        "InvalidArgument",
    )


def test_layers_are_answered_as_objects_and_left_out_when_there_are_none(
    run, registry, function_body
):
    arn = "acs:fc:cn-hangzhou:official:layers/Python3/versions/1"
    assert run(registry.functions.create(function_body(layers=[arn])))["layers"] == [
        {"arn": arn, "size": 0}
    ]
    assert "layers" not in run(registry.functions.update("orders", {"layers": []}))
