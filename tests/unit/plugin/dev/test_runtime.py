# SPDX-License-Identifier: MIT
"""Which runtime ``fc-async dev`` uses, and on which port."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import requests

from fc_async_local.embedded import LocalRuntime
from fc_async_local.http import server
from fc_async_plugin import PluginError
from fc_async_plugin.dev.runtime import Choices, opened

if TYPE_CHECKING:
    from pathlib import Path


def test_a_runtime_on_another_port_than_the_one_that_is_asked_for_is_not_used(
    tmp_path: Path,
) -> None:
    with LocalRuntime(data=tmp_path, port=0) as runtime:
        port = int(runtime.endpoint.rpartition(":")[2])
        with opened(Choices(port, tmp_path, "real"), print) as running:
            assert (running.attached, running.addresses.fc) == (True, runtime.endpoint)
        other = Choices(port + 1, tmp_path, "real")
        text = f"listens at {runtime.endpoint} .* not on port"
        with pytest.raises(PluginError, match=text), opened(other, print):
            pass


def test_a_port_that_is_in_use_is_an_error(tmp_path: Path) -> None:
    with server.bind(0) as taken:
        port = taken.getsockname()[1]
        choices, text = Choices(port, tmp_path, "real"), f"port {port} is in use: choose another"
        with pytest.raises(PluginError, match=text), opened(choices, print):
            pass


def test_what_a_runtime_warns_of_is_told_as_a_note_and_what_fails_as_an_error(
    tmp_path: Path,
) -> None:
    told: list[tuple[str, str]] = []
    log = logging.getLogger("fc_async_local.execution")
    with opened(Choices(0, tmp_path, "real"), lambda *said: told.append(said)):
        log.warning("python3.12 functions run on Python 3.11")
        log.error("a function cannot be started")
    assert told == [
        ("python3.12 functions run on Python 3.11", "note"),
        ("a function cannot be started", "bad"),
    ]


def test_a_bucket_is_created_by_the_first_object_that_is_written_to_it(tmp_path: Path) -> None:
    with opened(Choices(0, tmp_path, "real"), print) as running:
        url = running.addresses.oss
        assert requests.put(f"{url}/uploads/in/a", data=b"1", timeout=5).status_code == 200
        assert requests.get(f"{url}/uploads/in/a", timeout=5).content == b"1"
        assert "NoSuchBucket" in requests.get(f"{url}/other/in/a", timeout=5).text
        refused = requests.put(f"{url}/Not_a_bucket/a", data=b"1", timeout=5)
        assert (refused.status_code, "InvalidBucketName" in refused.text) == (400, True)
