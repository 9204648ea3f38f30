# SPDX-License-Identifier: MIT
"""The request that makes a container."""

from __future__ import annotations

from typing import Any

import pytest

from fc_async_local.execution.containers.spec import Additions, Bind, request
from fc_async_local.execution.protocol import Deployment


def asked(*, binds: tuple[Bind, ...] = (), **settings) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "function": "web",
        "version_id": "",
        "revision": "1",
        "runtime": "custom-container",
        "handler": "",
        "code_checksum": "",
        "timeout_ms": 1_000,
        "memory_mb": 512,
        "image": "shop/web:1",
    }
    additions = Additions("bridge", {"A": "1"}, binds, "of-this-run", 2)
    return request(Deployment(**(defaults | settings)), additions)


def test_the_image_decides_what_the_template_leaves_open() -> None:
    body = asked()
    assert "Entrypoint" not in body
    assert "Cmd" not in body
    assert "NanoCpus" not in body["HostConfig"]


def test_the_port_is_published_on_this_machine_only() -> None:
    body = asked(port=8080)
    assert body["HostConfig"]["PortBindings"] == {
        "8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]
    }


@pytest.mark.parametrize(("cpu", "used"), [(0.35, 350_000_000), (16.0, 2_000_000_000)])
def test_a_container_gets_no_more_processors_than_there_are(cpu: float, used: int) -> None:
    assert asked(cpu=cpu)["HostConfig"]["NanoCpus"] == used


def test_memory_is_without_swap() -> None:
    host = asked(memory_mb=128)["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 128 << 20


def test_mounts_are_read_only_where_the_function_may_not_write() -> None:
    binds = (Bind("/here/a", "/mnt/a", read_only=False), Bind("/here/b", "/mnt/b"))
    mounts = asked(binds=binds)["HostConfig"]["Mounts"]
    assert [(mount["Source"], mount["Target"]) for mount in mounts] == [
        ("/here/a", "/mnt/a"),
        ("/here/b", "/mnt/b"),
    ]
    assert [mount["ReadOnly"] for mount in mounts] == [False, True]


def test_nothing_opens_the_machine_to_a_container() -> None:
    host = asked()["HostConfig"]
    assert host["NetworkMode"] == "bridge"
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Mounts"] == []
