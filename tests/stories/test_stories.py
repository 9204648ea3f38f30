# SPDX-License-Identifier: MIT
"""What a reader of the pages does works, and each of its commands stands on a page."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import stories
from markdown_it import MarkdownIt

import fc_async_sdk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from markdown_it.token import Token

BIN = Path(sys.executable).parent
VERBS = re.compile(
    r"(?:ends_with \d+|keep_running|from_the_network|in_its_environment|in_account) (?=\S)"
    r"|(?:prints|contains|file|answers) .*|clone|account"
)


@pytest.mark.slow
@pytest.mark.real_time
@pytest.mark.parametrize("story", stories.STORIES)
def test_a_reader_can_do_what_the_pages_show(
    story: str, tmp_path: Path, node_packages: Callable[..., Path]
) -> None:
    """Of the templates only one is started: tests/e2e/templates runs the tests of each."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FC_", "ALIBABA_CLOUD", "PYTEST_", "COV_"))
    }
    path = [str(BIN), kept["PATH"]]
    if story == "deploy_with_s":
        path.insert(0, str(node_packages("s-3.1.10", "@serverless-devs/s@3.1.10") / ".bin"))
    environment = {
        **kept,
        "PATH": os.pathsep.join(path),
        "STORY_BIN": str(BIN),
        "STORY_TEMPLATE": "minimal",
    }
    told = stories.tell(story, tmp_path, environment)
    assert told.code == 0, told.printed


def commands_of(story: str) -> Iterator[str]:
    """Yield the commands of a story without the verbs of the library."""
    for line in (stories.HERE / f"{story}.sh").read_text("utf-8").splitlines():
        command = VERBS.sub("", line.strip()).replace('"$STORY_TEMPLATE"', "minimal")
        if command and not command.startswith("#"):
            yield command


def texts(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "code_inline":
            yield token.content
        elif token.type in {"fence", "code_block"}:
            yield from (
                re.sub(r"\s+# .*", "", line.strip().removeprefix("$ "))
                for line in token.content.splitlines()
            )
        yield from texts(token.children or [])


@pytest.mark.parametrize("story", ["install", *stories.STORIES])
def test_each_command_of_a_story_stands_on_a_page(story: str) -> None:
    shown = {
        text
        for page in stories.pages()
        for text in texts(MarkdownIt().parse(page.read_text("utf-8")))
    }
    assert [command for command in commands_of(story) if command not in shown] == []


def test_each_template_stands_on_a_page() -> None:
    page = next(page for page in stories.pages() if page.name == "templates.md")
    assert [one for one in stories.TEMPLATES if f"`{one}`" not in page.read_text("utf-8")] == []


def test_the_pages_name_the_wheel_of_this_version() -> None:
    named = {
        version
        for page in stories.pages()
        for version in re.findall(r"fc_async-([\d.]+)-py3-none-any", page.read_text("utf-8"))
    }
    assert named == {fc_async_sdk.__version__}
