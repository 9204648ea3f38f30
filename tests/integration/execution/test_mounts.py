# SPDX-License-Identifier: MIT
"""Functions that mount NAS or a bucket: the files are in the project, not in /mnt."""

from __future__ import annotations

import contextlib
import stat
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_local.execution import mounts
from fc_async_local.execution.machine import sandbox
from fc_async_local.execution.mounts import MountPoint
from fc_async_tests.web_program import web_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_sdk import Client

ADDRESS = "01234-ab.cn-hangzhou.nas.aliyuncs.com:/orders"
PYTHON = """\
import os

def handler(event, context):
    path, _, text = event.decode().partition(" ")
    if text:
        with open(path, "a") as file:
            file.write(text)
    with open(path) as file:
        return file.read()

def variable(event, context):
    return os.environ["DATA"]
"""
SERVER = web_program('open("MOUNT/web.txt", "a").write("web ") and b"written"')


@pytest.fixture
def mount_dir() -> Iterator[str]:
    """A path in /mnt that this machine does not have, also not after the test."""
    path = f"/mnt/test-{uuid.uuid4().hex[:12]}/data"
    yield path
    assert not Path(path).parent.exists()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text(PYTHON)
    return tmp_path


@contextlib.contextmanager
def started(project: Path) -> Iterator[Client]:
    """Start a local runtime in a project, and connect to it."""
    data = project / ".fc-async" / "runtime"
    with (
        LocalRuntime(data=data, port=0) as runtime,
        fc_async_sdk.client(endpoint_url=runtime.endpoint) as client,
    ):
        yield client


def nas(mount_dir: str) -> dict[str, Any]:
    return {"mountPoints": [{"serverAddr": ADDRESS, "mountDir": mount_dir}]}


def deploy(client: Client, project: Path, name: str, **settings: Any) -> None:
    settings = {"runtime": "python3.10", "handler": "index.handler", **settings}
    client.create_function(name, code=project / "code", **settings)


def files(project: Path) -> dict[str, str]:
    below = project / ".fc-async" / "mounts"
    found = [file for file in below.rglob("*") if file.is_file()]
    return {str(file.relative_to(below)): file.read_text() for file in found}


@pytest.fixture
def namespaces(cannot_run) -> None:
    if not sandbox.is_available():
        cannot_run("bubblewrap is not installed, or this machine allows no namespaces")


@pytest.mark.usefixtures("namespaces")
def test_what_a_python_function_writes_to_nas_stays_in_the_project_between_starts(
    project: Path, mount_dir: str
) -> None:
    with started(project) as client:
        deploy(client, project, "orders", nas_config=nas(mount_dir))
        assert client.invoke("orders", f"{mount_dir}/a.txt one".encode()).payload == b"one"
    assert list(files(project).values()) == ["one"]
    with started(project) as client:
        assert client.invoke("orders", f"{mount_dir}/a.txt two".encode()).payload == b"onetwo"
    for folder in (project / ".fc-async/mounts", *(project / ".fc-async/mounts").iterdir()):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.usefixtures("namespaces")
def test_a_custom_runtime_and_a_python_function_share_what_they_mount(
    project: Path, mount_dir: str
) -> None:
    (project / "code" / "server.py").write_text(SERVER.replace("MOUNT", mount_dir))
    with started(project) as client:
        deploy(client, project, "orders", nas_config=nas(mount_dir))
        deploy(
            client,
            project,
            "web",
            runtime="custom.debian12",
            custom_runtime_config={"command": ["python3", "server.py"]},
            nas_config=nas(mount_dir),
        )
        assert client.invoke("web", b"").payload == b"written"
        assert client.invoke("orders", f"{mount_dir}/web.txt".encode()).payload == b"web "


@pytest.mark.usefixtures("namespaces")
def test_a_bucket_that_is_mounted_for_reading_is_not_written(project: Path, mount_dir: str) -> None:
    point = {"bucketName": "reports", "bucketPath": "/in", "mountDir": mount_dir, "readOnly": True}
    with started(project) as client:
        deploy(client, project, "orders", oss_mount_config={"mountPoints": [point]})
        answer = client.invoke("orders", f"{mount_dir}/a.txt one".encode())
        assert b"Read-only file system" in answer.payload
    assert files(project) == {}


def test_without_namespaces_variables_lead_into_the_project_and_the_log_says_so_once(
    project: Path, mount_dir: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sandbox, "_bubblewrap", lambda: None)
    with started(project) as client:
        deploy(
            client,
            project,
            "orders",
            handler="index.variable",
            nas_config=nas(mount_dir),
            environment_variables={"DATA": f"{mount_dir}/a.txt"},
        )
        paths = {client.invoke("orders", b"").payload.decode() for _ in range(2)}
    [path] = paths
    assert Path(path.strip('"')).is_relative_to(project / ".fc-async" / "mounts")
    [said] = [one.message for one in caplog.records if "orders mounts folders" in one.message]
    assert f"{mount_dir} is {project}/.fc-async/mounts/nas-" in said


@pytest.mark.parametrize("address", ["../../../etc", "..", "/", "a\0b", "x" * 900, "订单"])
def test_no_address_leads_out_of_the_folder_for_mounts(tmp_path: Path, address: str) -> None:
    config = {"mountPoints": [{"serverAddr": address, "mountDir": "/mnt/data"}]}
    [mount] = mounts.make(mounts.mount_points(config, None), tmp_path / "mounts")
    assert mount.folder.parent == tmp_path / "mounts"
    assert mount.folder.is_dir()


@pytest.mark.parametrize(
    "mount_dir", ["/", "/code", "/opt/x", "/proc/self", "/usr", "mnt/x", "/mnt/../etc/x", "", None]
)
def test_a_mount_point_that_no_function_can_have_is_left_out(mount_dir: str | None) -> None:
    assert mounts.mount_points({"mountPoints": [{"mountDir": mount_dir}]}, None) == ()


def test_functions_that_mount_the_same_share_have_one_folder(tmp_path: Path) -> None:
    points = [MountPoint("/mnt/a", "nas-x"), MountPoint("/mnt/b", "nas-x")]
    first, second = mounts.make(points, tmp_path / "mounts")
    assert first.folder == second.folder
