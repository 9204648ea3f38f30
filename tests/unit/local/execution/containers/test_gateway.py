# SPDX-License-Identifier: MIT
"""Variables of containers that lead to this runtime."""

from __future__ import annotations

import pytest

from fc_async_local.execution.containers.gateway import Way, seen_from_container
from fc_async_local.execution.containers.spec import Bind

PORTS = frozenset({9000, 9001})


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("http://127.0.0.1:9000/a", "http://host.docker.internal:9000/a"),
        ("localhost:9001", "host.docker.internal:9001"),
        ("ENDPOINT=127.0.0.1:9000", "ENDPOINT=host.docker.internal:9000"),
        ("http://127.0.0.1:5432", "http://127.0.0.1:5432"),
        ("http://127.0.0.1:90001", "http://127.0.0.1:90001"),
        ("http://10.127.0.0.1:9000", "http://10.127.0.0.1:9000"),
        ("no address", "no address"),
    ],
)
def test_only_addresses_of_the_runtime_change(text: str, seen: str) -> None:
    assert seen_from_container(text, PORTS) == seen


def test_search_paths_of_an_image_are_extended_and_not_replaced() -> None:
    way = Way(PORTS, {"HTTPS_PROXY": "http://host.docker.internal:1"}, (Bind("/a", "/b"),))
    variables = way.variables({"A": "1"}, {"PYTHONPATH": "/app/lib", "NODE_OPTIONS": "--trace"})
    assert variables["PYTHONPATH"] == "/var/fc-async/worker/hooks:/app/lib"
    assert variables["NODE_OPTIONS"] == "--require /var/fc-async/worker/hooks/hosts.js --trace"
    assert variables["HTTPS_PROXY"].endswith(":1")


def test_what_a_function_sets_itself_wins() -> None:
    way = Way(PORTS, {"HTTPS_PROXY": "http://host.docker.internal:1"}, (Bind("/a", "/b"),))
    own = {"HTTPS_PROXY": "", "PYTHONPATH": "/mine"}
    variables = way.variables(own, {"PYTHONPATH": "/app/lib"})
    assert variables["HTTPS_PROXY"] == ""
    assert variables["PYTHONPATH"].endswith(":/mine")


def test_without_a_way_the_variables_stay_as_they_are() -> None:
    own = {"FC_ASYNC_ENDPOINT": "http://127.0.0.1:9000"}
    assert Way().variables(own, {"PYTHONPATH": "/app"}) == own
