# SPDX-License-Identifier: MIT
"""The page of ``fc-async graph --out page.html`` in a browser: search, keyboard, zoom, cycles."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from fc_async_plugin.graph.model import Edge, Graph
from fc_async_plugin.report import drawing, graphs
from fc_async_sdk.spec.graph import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import NoReturn

    from playwright.sync_api import Page

HOSTILE = '"><script>window.hacked = 1</script>'

pytestmark = pytest.mark.slow


def function(name: str) -> Node:
    return Node("function", "r", "1", name, "LATEST")


@pytest.fixture(scope="module")
def page(
    tmp_path_factory: pytest.TempPathFactory, cannot_run: Callable[[str], NoReturn]
) -> Iterator[Page]:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        cannot_run("there is no Chromium on this machine")
    nodes = [function(f"function-{number}") for number in range(500)]
    edges = [Edge(nodes[n], nodes[n + 1], "success") for n in range(499) if n % 5 != 4]
    edges += [Edge(nodes[1], nodes[0], "failure"), Edge(nodes[3], function(HOSTILE), "failure")]
    file: Path = tmp_path_factory.mktemp("page") / "graph.html"
    file.write_text(drawing.to_html(graphs.picture(Graph(nodes, edges)), HOSTILE))
    with sync_playwright() as playwright:
        shown = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        opened = shown.new_page(viewport={"width": 1280, "height": 720})
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.on("console", lambda message: errors.append(message.text))
        opened.goto(file.as_uri())
        yield opened
        assert errors == []
        shown.close()


@pytest.fixture(autouse=True)
def start(page: Page) -> None:
    page.keyboard.press("Escape")
    page.click("#fit")


def focused(page: Page) -> str:
    label: str = page.evaluate("document.activeElement.getAttribute('aria-label')")
    return label


def test_five_hundred_functions_fit_into_the_window(page: Page) -> None:
    box = "document.querySelector('svg').getBoundingClientRect()"
    size = page.evaluate(f"[{box}.width, {box}.height]")
    view = page.evaluate("[view.clientWidth, view.clientHeight]")
    assert size[0] <= view[0] + 1
    assert size[1] <= view[1] + 1
    assert page.locator(".node").count() == 501


def test_search_marks_what_it_finds_and_enter_goes_there(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("function-77")
    assert page.inner_text("#found") == "2 found"  # itself, and the function that sends to it
    assert page.locator(".node.found").count() == 2
    page.keyboard.press("Enter")
    assert "function-77" in focused(page)


def test_focus_shows_the_edges_of_a_function_and_dims_the_others(page: Page) -> None:
    page.focus("#n1")
    assert page.locator(".link.near").count() == 3
    assert page.locator(".node:not(.dim)").count() == 3
    page.keyboard.press("Escape")
    assert page.locator(".dim").count() == 0


def test_hover_shows_the_edges_too(page: Page) -> None:
    page.locator("#n6").hover()
    assert page.locator(".link.near").count() == 2


def test_arrows_move_along_the_drawing(page: Page) -> None:
    page.focus("#n5")
    page.keyboard.press("ArrowRight")
    assert focused(page).startswith("function-6,")
    page.keyboard.press("ArrowLeft")
    assert focused(page).startswith("function-5,")


def test_keys_and_buttons_zoom(page: Page) -> None:
    before = page.inner_text("#scale")
    page.keyboard.press("+")
    larger = page.inner_text("#scale")
    assert int(larger.split()[0]) > int(before.split()[0])
    page.click("#out")
    assert page.inner_text("#scale") == before
    page.keyboard.press("+")
    page.keyboard.press("0")
    assert page.inner_text("#scale") == before


def test_cycles_are_listed_with_the_edge_to_remove(page: Page) -> None:
    assert page.inner_text("header strong") == "1 cycle"
    assert "function-0 → function-1 → function-0" in page.inner_text("#cycles")
    assert "remove failure: function-1 → function-0" in page.inner_text("#cycles")
    assert page.locator(".edge.cycle").count() >= 2


def test_names_are_text_and_nothing_else(page: Page) -> None:
    assert page.title() == HOSTILE
    assert page.evaluate("window.hacked === undefined")
    assert json.dumps(HOSTILE)[1:-1] in json.dumps(page.inner_text("h1"))


def test_dark_mode_has_other_colours(page: Page) -> None:
    colour = "getComputedStyle(document.querySelector('.paper')).fill"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colour) != light
    page.emulate_media(color_scheme="light")
