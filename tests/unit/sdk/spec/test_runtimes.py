# SPDX-License-Identifier: MIT
"""What the Python runtimes contain."""

from __future__ import annotations

import pytest

from fc_async_sdk.spec import runtimes


@pytest.mark.parametrize("runtime", sorted(runtimes.PYTHON))
def test_every_runtime_has_the_sdk_of_oss_with_what_it_requires(runtime: str):
    modules = runtimes.modules(runtime)
    assert modules is not None
    assert {"oss2", "requests", "urllib3", "certifi", "six"} <= modules
    assert not {"fc_async_sdk", "msgspec", "yaml", "flask"} & modules


def test_python_312_has_the_new_sdks_and_not_the_old_ones():
    old, new = runtimes.modules("python3.10"), runtimes.modules("python3.12")
    assert old is not None
    assert new is not None
    assert {"fc2", "mns", "aliyunsdkecs", "tablestore"} <= old
    assert not {"fc2", "mns", "aliyunsdkecs", "tablestore"} & new
    assert "alibabacloud_sls20201230" in new - old


def test_numpy_is_gone_since_310():
    assert ["numpy" in (runtimes.modules(one) or ()) for one in sorted(runtimes.PYTHON)] == [
        True,  # python3
        False,  # python3.10
        False,  # python3.12
        True,  # python3.9
    ]


def test_public_layers_add_their_packages():
    flask = runtimes.modules("python3.10", ["official:layers/Python3-Flask2x/versions/3"])
    assert flask is not None
    assert "jinja2" in flask


@pytest.mark.parametrize(
    "layer",
    [
        "official:layers/Python310-Package-Collection/versions/1",
        "acs:fc:cn-hangzhou:1:layers/Python3-Flask2x/versions/1",
        "",
    ],
)
def test_nothing_is_said_of_a_layer_that_is_not_known(layer: str):
    assert runtimes.modules("python3.10", [layer]) is None


def test_the_standard_library_depends_on_the_version():
    absent = {one: runtimes.not_in_standard_library(one) for one in runtimes.PYTHON}
    assert "tomllib" in absent["python3.10"] - absent["python3.12"]
    assert "distutils" in absent["python3.12"] - absent["python3.10"]
    assert "zoneinfo" in absent["python3"] - absent["python3.9"]


@pytest.mark.parametrize("prefix", ["", "acs:fc:cn-hangzhou:"])
def test_a_public_layer_is_recognised_by_both_forms_of_its_name(prefix: str):
    layer = runtimes.public_layer(f"{prefix}official:layers/Nodejs20/versions/1")
    assert layer == runtimes.PublicLayer("Nodejs20", command="node")
    flask = runtimes.public_layer(f"{prefix}official:layers/Python310-Flask2x/versions/1")
    assert flask is not None
    assert (flask.command, flask.requirement) == ("", "flask>=2.2,<3")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("Python310", "python3"),
        ("PHP81-Debian10", "php"),
        ("Java17", "java"),
        ("FFmpeg6x", "ffmpeg"),
        ("SQLite3", "sqlite3"),
        ("Nginx", "nginx"),
        ("Python310-Package-Collection", ""),
        ("Aliyun-DataX", ""),
    ],
)
def test_a_public_layer_of_a_language_or_program_names_its_command(name: str, command: str):
    layer = runtimes.public_layer(f"official:layers/{name}/versions/2")
    assert layer is not None
    assert layer.command == command


def test_a_layer_of_an_account_is_not_a_public_one():
    assert runtimes.public_layer("acs:fc:cn-hangzhou:123:layers/Nodejs20/versions/1") is None


def test_what_a_runtime_ships_has_a_mark_of_how_sure_it_is():
    assert runtimes.shipped("python3.12", "oss2") == "documented"
    assert runtimes.shipped("python3.9", "PIL") == "assumed"
    assert runtimes.shipped("python3.12", "urllib3") == "assumed"
    assert runtimes.shipped("python3", "datahub") == "unsure"
    assert runtimes.shipped("nodejs16", "raw-body") == "documented"
    assert runtimes.shipped("nodejs14", "@alicloud/pop-core") == "assumed"
    assert runtimes.shipped("python3.12", "flask") is None
    assert runtimes.shipped("custom", "oss2") is None
