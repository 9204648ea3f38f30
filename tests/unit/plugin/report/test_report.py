# SPDX-License-Identifier: MIT
"""Findings and graphs in the forms that people, editors and code scanning read."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest

from fc_async_plugin.check import rules
from fc_async_plugin.check.graph import Edge, Graph
from fc_async_plugin.check.rules import Finding, Related
from fc_async_plugin.report import findings, graphs
from fc_async_plugin.s_yaml import Position
from fc_async_sdk.spec.graph import Node

PLACE = Position("dir/s.yaml", 3, 5)
FOUND = Finding(
    "FCA031",
    "error",
    "round: a → b, 100%",
    PLACE,
    "break it",
    (Related(Position("dir/s.yaml", 9, 1), "b → a on success"),),
)


def test_concise_text_has_a_line_for_the_finding_its_other_places_and_its_fix() -> None:
    assert findings.to_text([FOUND], 1).splitlines() == [
        "dir/s.yaml:3:5: error FCA031 round: a → b, 100%",
        "    dir/s.yaml:9:1: b → a on success",
        "    fix: break it",
        "1 error in 1 template",
    ]


@pytest.mark.parametrize("notes", [True, False])
def test_notes_are_shown_or_counted(notes: bool) -> None:
    found = [FOUND, FOUND._replace(severity="note", message="by the way")]
    lines = [
        "".join(part for part, _ in line)
        for line in findings.to_lines(found, 2, lambda _: [], notes=notes)
    ]
    assert any("by the way" in line for line in lines) is notes
    assert ("by the way" in findings.to_text(found, 2, notes=notes)) is notes
    assert ("--notes shows them" in lines[-1]) is not notes


@pytest.mark.parametrize(
    ("severities", "line"),
    [
        ([], "2 templates: no findings"),
        (["error", "error", "note"], "2 errors, 1 note in 2 templates"),
        (["warning"], "1 warning in 2 templates"),
    ],
)
def test_the_sum_counts_by_severity(severities: list[str], line: str) -> None:
    found = [FOUND._replace(severity=severity) for severity in severities]  # type: ignore[arg-type]
    assert findings.summary(found, 2) == line


def test_json_is_one_document() -> None:
    document = json.loads(findings.to_json([FOUND]))
    assert document["summary"] == {"error": 1, "warning": 0, "note": 0}
    assert document["findings"][0]["line"] == 3
    assert document["findings"][0]["url"].endswith("/rules/FCA031.md")
    assert document["findings"][0]["related"][0]["file"] == "dir/s.yaml"


def test_github_annotations_are_escaped() -> None:
    (line,) = findings.to_github([FOUND]).splitlines()
    assert line.startswith("::error file=dir/s.yaml,line=3,col=5,title=FCA031::round")
    assert "100%25" in line
    assert "%0Afix: break it" in line


def test_sarif_names_rule_place_and_related_places() -> None:
    log = json.loads(findings.to_sarif([FOUND], rules.RULES, "1.0"))
    (run,) = log["runs"]
    (result,) = run["results"]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "FCA031"
    assert "Reported:" in run["tool"]["driver"]["rules"][result["ruleIndex"]]["help"]["markdown"]
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 3, "startColumn": 5}
    assert place["artifactLocation"]["uri"] == "dir/s.yaml"
    assert result["relatedLocations"][0]["message"]["text"] == "b → a on success"


# --- graphs -------------------------------------------------------------------------------------

A, B = (Node("function", "r", "1", name, "LATEST") for name in ("a<1>", 'b"'))
QUEUE = Node("mns-queue", "r", "1", "dead")
EDGES = [Edge(A, B, "success"), Edge(B, A, "failure"), Edge(B, QUEUE, "success")]
PICTURE = graphs.picture(
    Graph(edges=EDGES),
    graphs.Counted(
        {"a<1>": graphs.Counts(accepted=7, lost=2)},
        {("a<1>", "LATEST", "success"): (0, 2)},
    ),
)


def test_edges_of_cycles_are_red_in_every_drawing() -> None:
    assert PICTURE.red == {EDGES[0], EDGES[1]}
    assert graphs.to_mermaid(PICTURE).count("linkStyle") == 2
    assert graphs.to_dot(PICTURE).count(f'color="{graphs.RED}", font') == 2
    assert graphs.to_svg(PICTURE).count('<text class="label red"') == 2
    assert graphs.to_text(PICTURE).count("← cycle") == 2
    assert json.loads(graphs.to_json(PICTURE))["cycles"] == [[0, 1]]


def test_every_edge_of_a_component_is_red_even_beside_a_loop() -> None:
    loop = Edge(B, B, "failure")
    picture = graphs.picture(Graph(edges=[*EDGES, loop]))
    assert picture.red == {EDGES[0], EDGES[1], loop}


def test_the_svg_is_well_formed_and_escaped() -> None:
    root = ET.fromstring(graphs.to_svg(PICTURE))  # noqa: S314 -- made here
    titles = [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[1:] == [
        'a<1> → b": success: 0 delivered, 2 lost, on a cycle',
        'b" → a<1>: ✂ failure, on a cycle, remove this edge to end the cycle',
        'b" → queue dead: success',
        'a<1>, 7 accepted, 2 lost, success: 0 delivered, 2 lost to b"',
        'b", ✂ failure to a<1>, success to queue dead',
        "queue dead",
    ]


def test_each_edge_has_its_own_counts() -> None:
    deliveries = {
        ("a<1>", "LATEST", "success"): (1_234, 5),
        ('b"', "LATEST", "failure"): (6, 0),
    }
    text = graphs.to_svg(graphs.picture(Graph(edges=EDGES), graphs.Counted({}, deliveries)))
    labels = re.findall(r'<text class="label[^>]*>([^<]*)<', text)
    assert labels == ["success: 1,234 delivered, 5 lost", "✂ failure: 6 delivered", "success"]


def test_outcomes_differ_by_more_than_colour() -> None:
    edges = [Edge(A, B, kind) for kind in ("success", "failure", "trigger")]
    text = graphs.to_svg(graphs.picture(Graph(edges=edges)))
    for kind in ("success", "failure", "trigger"):
        assert f'class="edge {kind}"' in text
        assert f'marker-end="url(#{kind})"' in text
        assert f">{kind}</text>" in text


def test_names_cannot_break_out_of_mermaid_and_dot() -> None:
    assert 'n1["b#34;"]' in graphs.to_mermaid(PICTURE)
    assert 'n1 [label="b\\""]' in graphs.to_dot(PICTURE)


def test_counts_stand_beside_their_function() -> None:
    assert graphs.to_text(PICTURE).startswith("a<1>  (7 accepted, 2 lost)\n")
    assert "a#60;1#62; (7 accepted, 2 lost)" in graphs.to_mermaid(PICTURE)
    assert 'label="a<1> (7 accepted, 2 lost)"' in graphs.to_dot(PICTURE)
    assert ">7 accepted, 2 lost<" in graphs.to_svg(PICTURE)
    assert json.loads(graphs.to_json(PICTURE))["nodes"][0]["counts"]["accepted"] == 7
    assert str(graphs.Counts()) == "nothing yet"


def test_an_empty_graph_is_drawn_too() -> None:
    empty = graphs.picture(Graph())
    assert graphs.to_svg(empty).endswith("</svg>")
    assert graphs.to_text(empty) == ""
