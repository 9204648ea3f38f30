# SPDX-License-Identifier: MIT
"""validate, graph and the runtime mark the same destinations of cycles for removal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from fc_async_plugin import rules, template
from fc_async_plugin.report import graphs

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
    lines = ["edition: 3.0.0", "name: app", "resources:"]
    for name, targets in ways.items():
        destinations = {
            outcome: {"destination": f"acs:fc:::functions/{target}"}
            for outcome, target in zip(OUTCOMES, targets, strict=False)
        }
        config = {"destinationConfig": destinations}
        fc_local.deploy(name, print, async_config=config)
        lines += [f"  {name}:", "    component: fc3", "    props:", "      region: cn-hangzhou"]
        lines += [f"      functionName: {name}", f"      asyncInvokeConfig: {config}"]
    file = tmp_path / "s.yaml"
    file.write_text("\n".join(lines))
    project = template.load(file, environ={})

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
