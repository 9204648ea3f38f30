# SPDX-License-Identifier: MIT
"""Environment variables that name folders of this machine are found, those of the runtimes not."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Check = Callable[..., list[rules.Finding]]

TEMPLATE = template(
    a="""
        runtime: {runtime}
        code: .
        environmentVariables:
          VALUE: "{value}"
    """,
)
MOUNTED = """\
      nasConfig:
        mountPoints: [{{serverAddr: x.nas.aliyuncs.com:/, mountDir: {folder}}}]
"""


def found(
    file: Path, value: str, *, more: str = "", home: str = "/home/me", runtime: str = "python3.10"
) -> list[str]:
    file.write_text(TEMPLATE.format(value=value, runtime=runtime) + more)
    context = rules.Context([s_yaml.load(file, environ={})], home=home)
    return [one.message for one in rules.check(context, select=["FCA057"])]


@pytest.mark.parametrize(
    "value",
    [
        "{folder}/data/reports",
        "{folder}",
        "sqlite:///{folder}/etl.db",
        "file://{folder}/etl.db",
        "${{path('./')}}etl.db",
        "/usr/bin:{folder}/bin",
        "--data={folder}/x",
        "/home/me/x",
        "/home/somebody/x",
        "/Users/somebody/x",
        "file:///Users/somebody/x",
        "file://localhost/home/me/x",
        "sqlite+aiosqlite:////home/me/x?mode=ro",
        "/private/var/folders/zz/x",
    ],
)
def test_a_path_of_this_machine_is_found_and_its_value_is_not_shown(
    value: str, tmp_path: Path
) -> None:
    [message] = found(tmp_path / "s.yaml", value.format(folder=tmp_path))
    assert message.startswith("VALUE of a names a path ")
    assert "etl" not in message
    assert str(tmp_path) not in message


@pytest.mark.parametrize(
    "value",
    [
        "/code/python",
        "/code:/opt/python:/opt/lib",
        "/tmp/cache",  # noqa: S108 -- a text: no file is made
        "/mnt/auto/data",
        "file:///mnt/nas/x",
        "sqlite:////tmp/x.db",
        "sqlite:///home/me/x",
        "https://example.com/home/me/x",
        "postgresql://user:secret@host:5432/home/me",
        "postgresql:///home",
        "oss://bucket/home/me",
        "redis://127.0.0.1/0",
        "/homeless/x",
        "/var/log/x",
        "/usr/share/zoneinfo",
        "home/me/x",
        "GET /",
        "",
    ],
)
def test_a_path_of_the_runtime_and_a_text_that_is_no_path_are_not_found(
    value: str, tmp_path: Path
) -> None:
    assert found(tmp_path / "s.yaml", value) == []


def test_a_mount_of_the_function_is_not_found_wherever_it_is(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    assert found(file, "/home/data/x", more=MOUNTED.format(folder="/home/data")) == []
    assert len(found(file, "/home/data/x", more=MOUNTED.format(folder="/home/other"))) == 1


@pytest.mark.parametrize("home", ["/", "/tmp", "/opt/app"])  # noqa: S108 -- as above
def test_a_home_that_is_a_folder_of_the_runtime_makes_no_false_alarm(
    home: str, tmp_path: Path
) -> None:
    for value in ("/tmp/cache", "/opt/app/lib", "/usr/bin"):  # noqa: S108 -- as above
        assert found(tmp_path / "s.yaml", value, home=home) == []


def test_the_home_of_root_is_found_where_it_is_that_of_the_user(tmp_path: Path) -> None:
    assert found(tmp_path / "s.yaml", "/root/x", home="/root") != []
    assert found(tmp_path / "s.yaml", "/root/x") == []


def test_an_image_may_have_homes_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    assert found(file, "/home/node/app", runtime="custom-container") == []
    assert len(found(file, f"{tmp_path}/x", runtime="custom-container")) == 1


@pytest.mark.parametrize("folder", ["/", "/code", "/code/app", "/opt/app", "/mnt"])
def test_a_template_in_a_folder_of_the_runtime_makes_no_false_alarm(
    folder: str, tmp_path: Path
) -> None:
    from fc_async_plugin.check.rules.environment import machine_folder

    (tmp_path / "s.yaml").write_text(TEMPLATE.format(value="", runtime="python3.10"))
    [resource] = s_yaml.load(tmp_path / "s.yaml", environ={}).resources
    place = PurePosixPath(folder)
    home = PurePosixPath("/home/me")
    for value in (f"{folder}/python", "/code/python", "/opt/bin"):
        assert machine_folder(value, resource, folder=place, home=home) == ""
