# SPDX-License-Identifier: MIT
"""Where a container engine is looked for."""

from __future__ import annotations

import json
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fc_async_local.execution.containers.finding import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder with a name that is short enough for sockets."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def listening(file: Path) -> str:
    file.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(file))
    return f"unix://{file}"


@pytest.mark.parametrize("name", ["DOCKER_HOST", "CONTAINER_HOST"])
def test_what_the_user_has_set_is_the_only_address(home: Path, name: str) -> None:
    listening(home / ".docker" / "run" / "docker.sock")
    assert list(addresses({name: "unix:///mine.sock"}, home)) == ["unix:///mine.sock"]


def test_the_chosen_context_of_docker_is_used(home: Path) -> None:
    folder = home / ".docker" / "contexts" / "meta" / "digest"
    folder.mkdir(parents=True)
    endpoints = {"docker": {"Host": "unix:///desktop.sock"}}
    (folder / "meta.json").write_text(json.dumps({"Name": "desktop", "Endpoints": endpoints}))
    (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": "desktop"}))
    assert list(addresses({}, home)) == ["unix:///desktop.sock"]
    assert "unix:///desktop.sock" not in addresses({"DOCKER_CONTEXT": "default"}, home)


def test_sockets_of_docker_and_podman_are_found(home: Path) -> None:
    docker = listening(home / ".docker" / "run" / "docker.sock")
    podman = listening(home / "runtime" / "podman" / "podman.sock")
    listed = list(addresses({"XDG_RUNTIME_DIR": str(home / "runtime")}, home))
    assert [address for address in listed if str(home) in address] == [docker, podman]


def test_damaged_settings_of_docker_are_passed_by(home: Path) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text("[")
    assert not [address for address in addresses({}, home) if str(home) in address]
