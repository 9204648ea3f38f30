# SPDX-License-Identifier: MIT
"""The token of nodes that share a database."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_browser_that_one_node_let_in_is_known_to_the_others(
    tmp_path: Path, empty_postgres: Callable[[], str]
) -> None:
    store = empty_postgres()
    with ExitStack() as nodes:
        first, second = (
            nodes.enter_context(LocalRuntime(data=tmp_path / name, port=0, store=store))
            for name in ("first", "second")
        )
        assert first.token == second.token
        for node in (first, second):
            answer = requests.get(f"{node.endpoint}/_local/stats", timeout=60)
            assert answer.status_code == 200


def test_a_database_of_several_nodes_shows_its_token_to_no_client(
    tmp_path: Path, empty_postgres: Callable[[], str]
) -> None:
    settings = Settings.of(strict_auth=True)
    with LocalRuntime(
        data=tmp_path / "d", port=0, store=empty_postgres(), settings=settings
    ) as node:
        for path in ("settings", "functions", "health", "channels", "openapi.json"):
            answer = requests.get(f"{node.endpoint}/_local/{path}", timeout=60)
            assert answer.status_code == 200
            assert node.token not in answer.text


def test_a_runtime_of_its_own_has_another_token_after_a_restart(tmp_path: Path) -> None:
    tokens = set()
    for _ in range(2):
        with LocalRuntime(data=tmp_path / "d", port=0) as runtime:
            tokens.add(runtime.token)
            assert runtime.token not in repr(runtime)
    assert len(tokens) == 2
    assert {path.name for path in (tmp_path / "d").iterdir()} & {"token", "access-key"} == set()
