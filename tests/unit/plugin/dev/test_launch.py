# SPDX-License-Identifier: MIT
"""An editor is told where to attach, and its file keeps what it had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fc_async_plugin import PluginError
from fc_async_plugin.dev import launch
from fc_async_plugin.project.sources import Source

HOME = Path("/shop")
SOURCES = [
    Source("orders", "orders", "s.yaml", "python3.10", "index.handler", HOME / "orders"),
    Source("shop-mailer", "mailer", "s.yaml", "nodejs20", "index.handler", HOME / "mailer"),
    Source("bills", "bills", "s.yaml", "python3.12", "index.handler", HOME / "bills"),
    Source("web", "web", "s.yaml", "custom.debian12", "", HOME / "web"),
    Source("packed", "packed", "s.yaml", "python3.10", "index.handler", HOME / "packed.zip"),
]


def ports(*wishes: str) -> list[tuple[str, int]]:
    return [(one.function, one.port) for one in launch.chosen(SOURCES, wishes)]


def test_each_function_has_a_port_of_its_own():
    found = [(one.function, one.port) for one in launch.targets(SOURCES)]
    assert found == [("orders", 5678), ("shop-mailer", 9229), ("bills", 5679)]


def test_a_function_is_chosen_by_its_name_or_resource_with_a_port_on_request():
    assert ports("bills", "mailer:7000") == [("bills", 5679), ("shop-mailer", 7000)]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (["order"], "the template has no such function, did you mean orders?"),
        (["nothing-like-it"], "it has orders, shop-mailer, bills"),
        (["web"], "only Python and Node can be debugged"),
        (["packed"], "its code is not a folder on this machine"),
        (["orders:0"], "the port must be a number from 1 to 65535"),
        (["orders:x"], "the port must be a number from 1 to 65535"),
        (["orders:6000", "bills:6000"], "two functions have port 6000"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_the_reason(wishes: list[str], said: str):
    with pytest.raises(PluginError, match=said.replace("?", r"\?")):
        ports(*wishes)


def test_the_lines_to_attach_name_both_editors():
    [target] = launch.chosen(SOURCES, ["orders"])
    lines = launch.attach_lines(target)
    assert "Debugger of orders (debugpy) on 127.0.0.1:5678" in lines
    assert 'VS Code  Run and Debug > "fc-async: orders"' in lines
    assert "PyCharm  Run > Edit Configurations > Attach to DAP, address 127.0.0.1:5678" in lines


def test_entries_have_no_path_of_this_machine():
    orders, mailer, _ = launch.targets(SOURCES)
    assert launch.configuration(orders) == {
        "name": "fc-async: orders",
        "request": "attach",
        "type": "debugpy",
        "connect": {"host": "127.0.0.1", "port": 5678},
    }
    assert launch.configuration(mailer)["port"] == 9229


def test_a_file_keeps_its_other_entries_and_gets_new_ones_once():
    before = {"version": "0.2.0", "inputs": [], "configurations": [{"name": "mine"}]}
    entries = [launch.configuration(one) for one in launch.targets(SOURCES)]
    after = launch.merged(json.dumps(before), entries)
    document = json.loads(after)
    names = [entry["name"] for entry in document["configurations"]]
    assert names == ["mine", "fc-async: orders", "fc-async: shop-mailer", "fc-async: bills"]
    assert document["inputs"] == []
    assert launch.merged(after, entries) == after


@pytest.mark.parametrize("text", ["// mine\n{}", "[]", '{"configurations": 1}'])
def test_a_file_that_would_lose_something_is_not_changed(text: str):
    with pytest.raises(PluginError, match=r"launch\.json"):
        launch.merged(text, [])
