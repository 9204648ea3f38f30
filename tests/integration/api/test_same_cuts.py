# SPDX-License-Identifier: MIT
"""validate, graph and the runtime mark the same destinations of cycles for removal."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules
from fc_async_plugin.report import graphs
from fc_async_tests import runtime_requests as requests
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

OUTCOMES = ("onSuccess", "onFailure")


@pytest.mark.parametrize(
    ("ways", "cuts"),
    [
        ({"billing": ["orders"], "orders": ["billing"]}, {("orders", "billing")}),
        (
            {"a": ["b"], "b": ["a", "c"], "c": ["a"]},
            {("b", "a"), ("c", "a")},
        ),
        ({"a": ["a-b"], "a-b": ["a"]}, {("a-b", "a")}),
        ({"a": ["b", "b"], "b": ["a"]}, {("b", "a")}),
    ],
)
def test_all_faces_mark_the_same_edges(
    tmp_path: Path, fc_local: FcLocal, ways: dict[str, list[str]], cuts: set[tuple[str, str]]
) -> None:
    functions = {}
    for name, targets in ways.items():
        destinations = {
            outcome: {"destination": f"acs:fc:::functions/{target}"}
            for outcome, target in zip(OUTCOMES, targets, strict=False)
        }
        config = {"destinationConfig": destinations}
        fc_local.deploy(name, print, async_config=config)
        functions[name] = {"asyncInvokeConfig": config}
    file = tmp_path / "s.yaml"
    file.write_text(template(**functions))
    project = s_yaml.load(file, environ={})

    context = rules.Context([project])
    shown = graphs.picture(context.graph, searched=context.searched)
    assert {(edge.source.name, edge.target.name) for edge in shown.cuts} == cuts

    edges = requests.get(f"{fc_local.endpoint}/_local/graph", timeout=5).json()["edges"]
    of_runtime = {(one["source"], one["target"]) for one in edges if one["cut"]}
    assert of_runtime == {(f"{a}/LATEST", f"{b}/LATEST") for a, b in cuts}

    (found,) = rules.check(context, select=["FCA031"])
    places = {edge.position for edge in shown.cuts}
    assert found.position in places
    assert places <= {one.position for one in found.related}


RETRY = template(
    poll="""
        asyncInvokeConfig:
          destinationConfig:
            onSuccess:
              destination: acs:fc:::functions/poll{self}
            onFailure:
              destination: acs:mns:::/topics/again/messages
        triggers:
          - triggerName: back{back}
            triggerType: mns_topic
            sourceArn: acs:mns:cn-hangzhou::/topics/again
            triggerConfig: {{}}
          - triggerName: nightly
            triggerType: timer
            triggerConfig: {{cronExpression: "@every 5m", enable: false}}
    """,
)


@pytest.mark.parametrize(
    ("self", "back", "cuts"),
    [
        ("", "", {("poll", "success"), ("again", "trigger")}),
        ("  # fc-async: ignore[FCA030] ends by itself", "", {("again", "trigger")}),
        ("", "  # fc-async: ignore[FCA032] filtered", {("poll", "success")}),
    ],
)
def test_all_faces_know_triggers_and_comments(
    tmp_path: Path, fc_local: FcLocal, self: str, back: str, cuts: set[tuple[str, str]]
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("def handler(event, context): ...\n")
    file = tmp_path / "s.yaml"
    file.write_text(RETRY.format(self=self, back=back))
    command = [sys.executable, "-m", "fc_async_plugin", "deploy", "--with-functions", "-y"]
    command += ["--skip-validation", "--create-missing", "--endpoint", fc_local.endpoint]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60, stdout=subprocess.DEVNULL)

    context = rules.Context([s_yaml.load(file, environ={})])
    shown = graphs.picture(context.graph, searched=context.searched)
    assert {(edge.source.name, edge.kind) for edge in shown.cuts} == cuts
    assert len(shown.graph.edges) == 4

    edges = requests.get(f"{fc_local.endpoint}/_local/graph", timeout=5).json()["edges"]
    names = {
        "poll/LATEST": "poll",
        "acs:mns:cn-hangzhou:1234567890123456:/topics/again/messages": "again",
    }
    assert {(names[one["source"]], one["outcome"]) for one in edges if one["cut"]} == cuts
    assert len(edges) == 4
    assert all(one["written"].startswith("s.yaml:") for one in edges)
    assert sum(one.get("waived", False) for one in edges) == sum(map(bool, (self, back)))
