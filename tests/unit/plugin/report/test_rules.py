# SPDX-License-Identifier: MIT
"""``fc-async validate --explain``: a table of all, or the page of one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.check.rules import RULES
from fc_async_plugin.cli.group import run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_table_has_a_line_for_each_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--explain"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == list(RULES)


@pytest.mark.parametrize("name", ["FCA031", "fca031", "destination-cycle"])
def test_one_rule_is_explained_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--explain", name]) == 0
    page = capsys.readouterr().out
    assert page.startswith("FCA031: destination-cycle\n\nSeverity: error.")
    assert "Reported:" in page
    assert "Not reported:" in page


def test_one_rule_as_json_has_its_page_and_its_url(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--explain", "FCA031", "-o", "json"]) == 0
    rule = json.loads(capsys.readouterr().out)
    assert (rule["id"], rule["severity"]) == ("FCA031", "error")
    assert rule["url"].startswith("file://")
    assert rule["page"].startswith("# FCA031: destination-cycle")


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["validate", "--explain", "FCA013x"], "no rule is called FCA013x: did you mean FCA013?"),
        (["validate", "--explain", "destination-cylce"], "did you mean destination-cycle?"),
        (
            ["validate", "--explain", "whatever"],
            "no rule is called whatever: fc-async validate --explain lists all rules",
        ),
        (
            ["validate", "--explain", "FCA999"],
            "no rule is called FCA999: fc-async validate --explain lists all rules",
        ),
        (["validate", "--select", "FCB031"], "no rule is called FCB031: did you mean FCA031?"),
        (["validate", "--explain", "FCA031", "--schema"], "exclude each other"),
    ],
)
def test_a_mistyped_rule_is_one_message_with_the_nearest_one(
    arguments: list[str], advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert advice in err


def test_a_mistyped_rule_in_a_suppression_gets_the_nearest_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "s.yaml"
    template.write_text(
        "edition: 3.0.0\nname: x\nresources: {}  # fc-async: ignore[FCA50] not needed here\n"
    )
    run(["validate", "-t", str(template), "-o", "concise"])
    assert "did you mean FCA050?" in capsys.readouterr().out
