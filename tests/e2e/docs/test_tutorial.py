# SPDX-License-Identifier: MIT
"""The tutorial does what it says: every command and file on the page, in order.

A console block runs in one shell; each line after a command must be found in what it printed, and
``# exit code N`` holds it to a code. A block of class ``keep-running`` goes on in the background,
on free ports: the page's ``:9900`` is replaced by the port that it got. A code block with a caption
is a file.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[3] / "docs" / "tutorials" / "first-project.md"
BIN = Path(sys.executable).parent


class Block(NamedTuple):
    language: str
    options: dict[str, str]
    text: str


class Step(NamedTuple):
    command: str
    exit_code: int
    expected: list[str]


def blocks(page: str) -> Iterator[Block]:
    for token in MarkdownIt().parse(page):
        if token.type == "fence":
            language = token.info.removeprefix("{code-block}").strip()
            options, text = re.fullmatch(
                r"((?::[a-z]+: [^\n]*\n)*)\n?(.*)", token.content, re.DOTALL
            ).groups()  # type: ignore[union-attr]
            yield Block(language, dict(re.findall(r":([a-z]+): (.*)\n", options)), text)


def steps(text: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *expected = part.strip().splitlines()
        code = re.search(r"\s+# exit code (\d+)$", command)
        yield Step(
            command[: code.start()] if code else command,
            int(code[1]) if code else 0,
            [line for line in expected if line],
        )


class Shell:
    """Runs commands one by one and keeps folder and environment between them, like a terminal."""

    def __init__(self, folder: Path) -> None:
        home = folder / "home"
        home.mkdir()
        self._folder = folder
        self._environment = {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "COLUMNS": "100",
        }
        self._page_port = "9900"
        self._background: list[subprocess.Popen[str]] = []

    def run(self, step: Step) -> None:
        if step.command.startswith("cd "):
            self._folder /= step.command[3:]
            return
        command = step.command.replace(":9900", f":{self._page_port}")
        if command.startswith("export "):
            name, _, value = command[7:].partition("=")
            self._environment[name] = value
            return
        done = subprocess.run(  # noqa: S602 -- the page's commands are what one types into a shell
            command,
            shell=True,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == step.exit_code, f"$ {command}\n{printed}"
        for line in step.expected:
            assert line in printed, f"$ {command}\n{printed}"

    def keep_running(self, command: str) -> None:
        process = subprocess.Popen(
            [*shlex.split(command), "--port", "0", "--format", "json"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._background.append(process)
        assert process.stdout is not None
        self._page_port = json.loads(process.stdout.readline())["fc"].rpartition(":")[2]

    def write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)

    def close(self) -> None:
        for process in self._background:
            process.terminate()
            process.communicate(timeout=60)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.close()


@pytest.mark.slow
@pytest.mark.real_time
def test_every_command_of_the_tutorial_does_what_the_page_says(shell: Shell) -> None:
    seen = 0
    for block in blocks(PAGE.read_text()):
        if "caption" in block.options:
            shell.write(block.options["caption"], block.text)
        elif block.options.get("class") == "keep-running":
            for step in steps(block.text):
                shell.keep_running(step.command)
        elif block.language == "console":
            for step in steps(block.text):
                shell.run(step)
                seen += 1
    assert seen > 10
