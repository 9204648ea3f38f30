# SPDX-License-Identifier: MIT
"""The pictures of the documentation show what the code does now."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from fc_async_local.domain import states
from fc_async_tests.legal_steps import legal

DOCS = Path(__file__).parents[3] / "docs"
DRAWN = runpy.run_path(str(DOCS / "pictures.py"))
PICTURES: Path = DRAWN["TARGET"]


@pytest.mark.parametrize("name", DRAWN["GRAPHS"])
def test_a_graph_is_what_make_pictures_draws_now(name: str) -> None:
    drawn = DRAWN["graph"](*DRAWN["GRAPHS"][name])
    assert (PICTURES / name).read_text("utf-8") == drawn, "run `make pictures`"


@pytest.mark.parametrize("name", DRAWN["TIMES"])
def test_the_picture_of_one_invocation_has_the_waits_of_the_policy(name: str) -> None:
    drawn = DRAWN["time_passes"](DRAWN["TIMES"][name])
    assert (PICTURES / name).read_text("utf-8") == drawn, "run `make pictures`"


@pytest.mark.parametrize("name", DRAWN["PRINTED"])
def test_a_picture_of_a_command_is_what_it_prints_now(name: str) -> None:
    assert (PICTURES / name).read_text("utf-8") == DRAWN["PRINTED"][name](), "run `make pictures`"


@pytest.mark.parametrize("file", sorted(PICTURES.iterdir()), ids=lambda file: file.name)
def test_a_picture_loads_nothing_from_another_host(file: Path) -> None:
    assert not re.search(r"(url\(|href=\"|src=\")['\"]?(https?:)?//", file.read_text("utf-8"))


def test_the_life_of_an_invocation_has_legal_steps_and_all_states() -> None:
    named = {end for step in DRAWN["LIFE"] for end in step[:2]}
    assert set(states.Status) <= named
    for step in DRAWN["LIFE"]:
        if {step.source, step.target} <= set(states.Status):
            assert legal(step.source, step.target), step


@pytest.mark.parametrize("name", DRAWN["CHARTS"])
def test_a_chart_shows_what_the_code_computes_now(name: str) -> None:
    root = ET.fromstring((PICTURES / name).read_text("utf-8"))  # noqa: S314 -- our own file
    found = root.find(".//{http://purl.org/dc/elements/1.1/}description")
    assert found is not None
    assert json.loads(found.text or "") == DRAWN["CHARTS"][name][1](), "run `make pictures`"


@pytest.mark.parametrize(
    "name", ["ratios", *(name.removesuffix(".svg") for name in DRAWN["CHARTS"])]
)
def test_a_chart_says_in_chinese_what_it_says_in_english(name: str) -> None:
    chinese = (PICTURES / f"{name}.zh_CN.svg").read_text("utf-8")
    drawn = DRAWN["chart_in_chinese"]((PICTURES / f"{name}.svg").read_text("utf-8"))
    assert chinese == drawn, "run `make pictures`"
    texts = re.findall(r">([^<>]+)</(?:text|title)>", chinese)
    assert [text for text in texts if re.search(r"[a-z]{2} [a-z]{2}", text)] == []


def test_retries_end_with_the_spans_of_the_user_guide() -> None:
    counted, throttled, delivered = DRAWN["waits"]().values()
    assert len(counted) == 8
    assert throttled[:4] == delivered[:4] == [0.5, 1.5, 3.5, 7.5]
    assert (throttled[-1], delivered[-1]) == (5 * 3600, 30 * 60)
