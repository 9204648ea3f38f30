# SPDX-License-Identifier: MIT
"""Each command in the README of a template does what the README says.

The commands are the indented lines, run in order in one shell:

- ``make dev`` goes on in the background, on free ports: ``:9900`` in later commands is replaced.
- A comment at the end of a command is for the reader, except ``# exit code N``.
- A line that is only a comment is printed by the command above it; ``…`` stands for any text.
- A block of class ``diff`` is an edit: a line ``--- FILE``, then lines with ``-`` and ``+``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from queue import Queue
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from markdown_it import MarkdownIt

from fc_async_plugin import scaffold
from fc_async_tests import users_pytest
from fc_async_tests.templates import SECRET, prepare, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOT_RUN: Final = {
    "make build": "installs packages from the network",
    "make deploy": "builds first; test_templates.py deploys each template",
}
LIMIT_SECONDS: Final = 200


class Command(NamedTuple):
    text: str
    exit_code: int
    printed: tuple[str, ...]


class Edit(NamedTuple):
    file: str
    before: str
    after: str


def steps(readme: str) -> Iterator[Command | Edit]:
    for token in MarkdownIt().parse(readme):
        if token.type == "code_block":
            yield from commands(token.content)
        elif token.type == "fence" and token.info == "diff":
            yield edit(token.content)


def commands(block: str) -> Iterator[Command]:
    for part in re.split(r"^(?!#)", block, flags=re.MULTILINE):
        if part.strip():
            line, *printed = part.strip().splitlines()
            text, _, comment = line.partition(" # ")
            code = re.search(r"(?:exit code|退出码) (\d+)", comment)
            expected = tuple(one.lstrip("# ") for one in printed)
            yield Command(text.strip(), int(code[1]) if code else 0, expected)


def edit(block: str) -> Edit:
    head, *lines = block.splitlines(keepends=True)
    before, after = (
        "".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +")
    )
    return Edit(head.removeprefix("--- ").strip(), before, after)


class Shell:
    """Runs commands one by one in a project, and keeps the environment between them."""

    def __init__(self, project: Path) -> None:
        home = project.parent / "home"
        home.mkdir()
        self._project = project
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("FC_ASYNC", "COV_"))},
            "HOME": str(home),
            "TMPDIR": str(home),
            "COLUMNS": "100",
            "PYTEST_XDIST_AUTO_NUM_WORKERS": "2",
            **users_pytest.ENVIRONMENT,
        }
        self._ports: dict[str, str] = {}
        self._dev: subprocess.Popen[str] | None = None
        self._listener: threading.Thread | None = None
        self._said: Queue[dict[str, object]] = Queue()

    def run(self, command: Command) -> None:
        text = re.sub(r"(?<=:)99\d\d\b", lambda port: self._ports[port[0]], command.text)
        if text == "make dev":
            self._start_dev()
            return
        if text.startswith("export "):
            name, _, value = text[7:].partition("=")
            self._environment[name] = value
            return
        done = subprocess.run(  # noqa: S602 -- the commands are what one types into a shell
            text,
            shell=True,
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
        output = done.stdout + done.stderr
        assert done.returncode == command.exit_code, f"{text}\n{output}"
        assert SECRET not in output
        for line in command.printed:
            pattern = ".*".join(re.escape(part.strip()) for part in line.split("…"))
            assert re.search(pattern, output), f"{text}\n{line!r} is not in\n{output}"

    def edit(self, edit: Edit) -> None:
        """Change a file, and wait until `make dev` has deployed it."""
        file = self._project / edit.file
        text = file.read_text()
        assert text.count(edit.before) == 1, f"{edit.file} has {edit.before!r} not once"
        file.write_text(text.replace(edit.before, edit.after))
        self._wait_for("saved")

    def _start_dev(self) -> None:
        self._dev = subprocess.Popen(
            ["make", "-s", "dev", "ARGS=--port 0 --format json"],
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, args=[self._dev])
        self._listener.start()
        addresses = self._wait_for("ready")["addresses"]
        assert isinstance(addresses, dict)
        for number, service in enumerate(("fc", "mns", "rocketmq", "eventbridge")):
            self._ports[str(9900 + number)] = addresses[service].rpartition(":")[2]
        self._wait_for("watching")

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._said.put(json.loads(line))

    def _wait_for(self, kind: str) -> dict[str, object]:
        while (said := self._said.get(timeout=LIMIT_SECONDS))["type"] != kind:
            assert said["type"] not in {"broken", "finding", "problem", "refused"}, said
        return said

    def close(self) -> None:
        if self._dev is not None and self._listener is not None:
            os.killpg(self._dev.pid, signal.SIGTERM)
            self._dev.wait(timeout=LIMIT_SECONDS)
            self._listener.join(timeout=LIMIT_SECONDS)


@pytest.fixture
def shell(tmp_path: Path, name: str) -> Iterator[Shell]:
    project = start(name, tmp_path)
    prepare(project)
    shell = Shell(project)
    yield shell
    shell.close()


@pytest.mark.slow
@pytest.mark.real_time
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("name", scaffold.names())
def test_every_command_in_the_readme_of_a_template_does_what_it_says(
    name: str, shell: Shell, tmp_path: Path
) -> None:
    readme = next(tmp_path.glob("*/README.md")).read_text()
    seen = []
    for step in steps(readme):
        if isinstance(step, Edit):
            shell.edit(step)
        elif step.text not in NOT_RUN:
            shell.run(step)
            seen.append(step.text)
    assert {"make test", "make dev", "make check"} <= set(seen)


@pytest.mark.parametrize("name", scaffold.names())
def test_both_languages_of_a_readme_have_the_same_commands(name: str, tmp_path: Path) -> None:
    project = scaffold.create(name, tmp_path, {}, ask=None)
    english, chinese = (
        list(steps((project / file).read_text())) for file in ("README.md", "README.zh-CN.md")
    )
    assert english == chinese
