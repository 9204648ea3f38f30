# SPDX-License-Identifier: MIT
"""Findings stand at the lines that they are about, as compilers print them."""

from __future__ import annotations

import pytest

from fc_async_plugin.check.rules import Finding, Related
from fc_async_plugin.report import findings
from fc_async_plugin.report.tables import cell_width
from fc_async_plugin.s_yaml import Position

SOURCE = [
    "asyncInvokeConfig:",
    "  maxAsyncRetryAttempts: 9",
    "  destinationConfig: {onSuccess: {destination: 'acs:fc:::functions/b'}}",
    '  onFailure: {destination: "acs:${vars.region}"} # fails',
    "",
]
FOUND = Finding("FCA012", "error", "it must be 8, got 9", Position("s.yaml", 2, 26), "write 8")


def shown(finding: Finding, width: int | None = None, source: list[str] | None = None) -> list[str]:
    text = SOURCE if source is None else source
    lines = list(findings.to_lines([finding], 1, lambda _: text, width=width))
    return ["".join(part for part, _ in line) for line in lines[:-2]]


def test_a_finding_has_its_line_with_a_mark_below_the_value() -> None:
    assert shown(FOUND) == [
        "error[FCA012]: it must be 8, got 9",
        " --> s.yaml:2:26",
        "  |",
        "2 |   maxAsyncRetryAttempts: 9",
        "  |                          ^",
        "  = fix: write 8",
    ]


def test_a_very_long_line_is_cut_around_the_value_in_a_pipe_too() -> None:
    generated = "{" + "'a': 1, " * 5_000 + "'retries': 9" + ", 'b': 2" * 5_000 + "}"
    place = Position("s.yaml", 1, generated.index("9") + 1)
    line, mark = shown(FOUND._replace(position=place), source=[generated])[3:5]
    assert len(line) <= 160
    assert line[mark.index("^")] == "9"


def test_other_places_are_shown_with_what_they_mean() -> None:
    cycle = FOUND._replace(
        position=Position("s.yaml", 3, 48),
        related=(
            Related(Position("s.yaml", 3, 48), "a → b"),
            Related(Position("other.yaml", 2, 3), "b → a"),
        ),
        fix="",
    )
    assert shown(cycle)[1:] == [
        " --> s.yaml:3:48",
        "  |",
        "3 |   destinationConfig: {onSuccess: {destination: 'acs:fc:::functions/b'}}",
        "  |                                                ^^^^^^^^^^^^^^^^^^^^^^ a → b",
        " ::: other.yaml:2:3",
        "  |",
        "2 |   maxAsyncRetryAttempts: 9",
        "  |   --------------------- b → a",
    ]


@pytest.mark.parametrize(
    ("column", "marked"),
    [(3, "onFailure"), (28, '"acs:${vars.region}"'), (15, "destination"), (14, "{")],
)
def test_the_mark_covers_the_key_or_the_value(column: int, marked: str) -> None:
    *_, mark = shown(FOUND._replace(position=Position("s.yaml", 4, column), fix=""))
    assert mark == f"  | {'':<{column - 1}}{'^' * len(marked)}"


@pytest.mark.parametrize("line", [0, 5, 99])
def test_a_place_without_a_line_has_no_excerpt(line: int) -> None:
    assert shown(FOUND._replace(position=Position("s.yaml", line, 1), fix=""))[1:] == [
        f"{' ' * len(str(line))}--> s.yaml:{line}:1"
    ]


def test_chinese_text_before_the_value_moves_the_mark() -> None:
    found = FOUND._replace(position=Position("s.yaml", 1, 6), fix="")
    *_, line, mark = shown(found, source=["订单: {x: 1}"])
    assert cell_width(mark) == cell_width(line.partition("x")[0]) + 1
    assert mark.endswith(" ^")


def test_control_characters_of_the_template_are_shown_as_escapes() -> None:
    found = FOUND._replace(position=Position("s.yaml", 1, 9), fix="")
    *_, line, mark = shown(found, source=["a: \x1b[2J x: y"])
    assert line == "1 | a: \\x1b[2J x: y"
    assert line[mark.index("^")] == "x"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    source = [" " * 30 + "destination: " + "x" * 300]
    found = FOUND._replace(
        message="word " * 60,
        fix="word " * 60,
        position=Position("s.yaml", 1, 44),
        related=(Related(Position("s.yaml", 1, 44), "label " * 30),),
    )
    lines = shown(found, width, source)
    assert max(map(cell_width, lines)) <= width
    assert any("…" in line and "xxx" in line for line in lines)


def test_a_pipe_gets_whole_lines() -> None:
    long = FOUND._replace(message="word " * 60, fix="")
    assert shown(long)[0].count("word") == 60
