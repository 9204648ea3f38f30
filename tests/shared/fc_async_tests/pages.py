# SPDX-License-Identifier: MIT
"""Runs the blocks of a page in order, as a reader would: commands, Python, files, templates.

A page is run in a folder of its own. What a block is, its language and its text say:

- ``console``: each line after ``$`` is a command. Folder and environment go on to the next one, as
  in a terminal. What the page shows below a command must be all that it prints; a line ``…`` stands
  for any number of lines. ``# exit code N`` after a command names another exit code than 0. After
  ``console keep-running`` the command runs in another terminal until the page ends.
- A block below a line such as ```s.yaml`:`` is a file of this name.
- ``python``: runs in the namespace of the page, or, if it has tests, in pytest.
- ``yaml``: a template, or the part of one below a key of a function. It has no error.

Ids, times, durations, sizes and ports differ between runs, so they are not compared.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import types
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from markdown_it import MarkdownIt

from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules
from fc_async_tests import users_pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

BIN = Path(sys.executable).parent
HOME = "/home/you"
"""What pages call the folder in which they are run."""

PORT_NAMES = ("FC API", "MNS", "RocketMQ", "EventBus")
ENDLESS = {
    r"fc-async local start\b.*--format json": "{",
    r"fc-async local start\b": "Stop it with",
    r"fc-async dev\b(?!.*--(?:write-launch|trust))": "Watching",
    r"fc-async events tail\b(?!.*--once)": "",
    r"fc-async tasks logs( \w+)? -f": "Following",
}
"""Commands that run until Ctrl-C, and what they print when they are ready."""

LEFT_OUT = (r"Port \d+ is in use,", r"But first: ", r"Using (?:the local|http)")
"""Beginnings of lines that depend on the machine: busy ports, the way of the installation, the
runtime that a page uses (pages of tests have it in a variable, readers in their folder)."""

REQUEST = r"\b1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}\b"
SHAPES = {
    r"token=[\w-]+…?": "token=TOKEN",
    r" after \d+ ms\b": "",  # left out of a step of less than a millisecond
    r"\bdestination +(?:Pending|Succeeded)\b": "destination SENT",
    REQUEST: "REQUEST",
    r"--report [0-9a-f]{8}\b": "--report REPORT",
    r"\brd-[0-9a-f]{8}\b": "REDRIVE",
    r"\b(?:\d{4}-\d\d-\d\d|[A-Z][a-z]{2} \d\d?)(?=[ T]\d\d:)": "DAY",
    # As lists show moments of other days, and of other years.
    r"\bDAY \d\d:\d\d\b(?!:)": "TIME",
    r"(?<![\w/-])\d{4}-\d\d-\d\d(?![\w-])": "TIME",
    r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} ": "DAY ",
    r"\b\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00| GMT)?": "TIME",
    r"\b[\d.]+ ?(?:ms|s|min)\b": "DURATION",
    r"\b[\d,.]+ bytes\b": "SIZE",
    r"\bpid \d+\b": "PID",
    r"\s+": " ",
    r"(?: TIME|DAY TIME|DAYTTIME)": " TIME",
    r"[-─=]{3,}": "---",
}
HEAD = "edition: 3.0.0\nname: page\nvars: {region: cn-hangzhou}\n"
FUNCTION = """\
resources:
  orders:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: orders
      runtime: python3.10
      handler: index.handler
      code: .
"""
PLACES = {
    "resources": ("", 0),
    "asyncInvokeConfig": (FUNCTION, 6),
    "layers": (FUNCTION, 6),
    "triggers": (FUNCTION, 6),
    "destinationConfig": (FUNCTION + "      asyncInvokeConfig:\n", 8),
    "onSuccess": (FUNCTION + "      asyncInvokeConfig:\n        destinationConfig:\n", 10),
    "success-deploy": (FUNCTION + "    actions:\n", 6),
}
"""What stands around the part of a template that begins with a key, and how far it is indented."""


class Block(NamedTuple):
    """A code block: language, name of the file that it is, text, first line, and how it runs."""

    language: str
    file: str
    text: str
    line: int
    keep_running: bool = False

    @property
    def has_tests(self) -> bool:
        return self.language == "python" and "\ndef test_" in f"\n{self.text}"


class Step(NamedTuple):
    """A command of a page: what it ends with and what is shown below it."""

    command: str
    exit_code: int
    shown: list[str]


def blocks(text: str) -> Iterator[Block]:
    """Yield the code blocks of a page."""
    before = ""
    for token in MarkdownIt().parse(text):
        line = (token.map or [0])[0] + 1
        if token.type == "code_block":
            yield Block("indented", "", token.content, line)
        elif token.type == "fence":
            language, *words = token.info.split() or [""]
            file = re.fullmatch(r"`([\w./-]+)`:", before)
            keep = "keep-running" in words
            yield Block(language, file[1] if file else "", token.content, line, keep)
        before = token.content or (before if token.type == "paragraph_close" else "")


def steps(text: str) -> Iterator[Step]:
    """Yield the commands of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.rstrip("\n").split("\n")
        while command.endswith("\\"):
            command += "\n" + shown.pop(0)
        code = re.search(r"\s+# exit code (\d+)$", command)
        yield Step(command[: code.start()] if code else command, int(code[1]) if code else 0, shown)


def shape(line: str) -> str:
    """Return a printed line without what differs between runs."""
    for pattern, word in SHAPES.items():
        line = re.sub(pattern, word, line)
    return line.strip()


def differs(shown: list[str], printed: str) -> bool:
    """Whether a page shows something else than what a command printed."""
    lines = [re.escape(shape(line)) + "\n" if line != "…" else r"(?:.*\n)*?" for line in shown]
    text = "".join(f"{shape(line)}\n" for line in printed.rstrip("\n").split("\n"))
    return re.fullmatch("".join(lines), text) is None


def ids_differ(shown: list[str], printed: str, seen: dict[str, str]) -> list[str]:
    """Return the request ids that a page shows for another invocation than before.

    Args:
        shown: What the page shows below a command; ids behind a line ``…`` are not compared.
        printed: What the command printed.
        seen: The printed id of each shown one, and the reverse; ids of this command are added.
    """
    before = "\n".join(shown).split("\n…")[0]
    pairs = zip(re.findall(REQUEST, before), re.findall(REQUEST, printed), strict=False)
    return [
        f"{own} stands for another request here"
        for own, real in pairs
        if seen.setdefault(own, real) != real or seen.setdefault(real, own) != own
    ]


class Reader:
    """Runs the blocks of one page.

    Attributes:
        folder: Where the page's files are.
        environment: The variables of its commands.
        patch: What it changes ends with the page.
        ports: The ports of this run, by those that the pages name.
        exit_codes: What commands end with whose page does not say it.
        between: Is called before each command and before Python code.
        printed: What each command with shown output printed.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "you"
        self.folder.mkdir()
        self._root = self.folder
        self.patch = patch
        self.ports = {9900 + place: 9900 + place for place in range(4)}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "COLUMNS": "100",
            "TZ": "UTC",
            **users_pytest.ENVIRONMENT,
        }
        self._names = types.ModuleType("page")
        patch.setitem(sys.modules, "page", self._names)
        self._background: list[subprocess.Popen[str]] = []
        self.exit_codes: dict[str, int] = {}
        self.between: Callable[[], object] = list
        self.printed: list[tuple[Block, Step, str]] = []

    def write(self, name: str, text: str) -> None:
        """Write a file of the page's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, block: Block, source: str) -> None:
        """Run a block.

        Raises:
            AssertionError: It does not do what the page says.
        """
        if block.file:
            self.write(block.file, block.text)
            if Path(block.file).name.startswith("test_"):
                self._pytest(block.file)
        elif block.language == "console":
            for step in steps(block.text):
                self._command(block, step)
        elif block.has_tests:
            name = f"test_line_{block.line}.py"
            self.write(name, block.text)
            self._pytest(name)
        elif block.language == "python":
            self.between()
            self._python(block, source)
        else:
            self._template(block)

    def close(self) -> None:
        """End what still runs, and close the clients of the page."""
        for process in self._background:
            self._interrupt(process)
        for value in list(vars(self._names).values()):
            if type(value).__module__.startswith("fc_async_sdk") and hasattr(value, "close"):
                value.close()

    def _own(self, text: str) -> str:
        """Return a text of the page with the ports of this run."""
        return re.sub(r"(?<=:)990[0-3]\b", lambda port: str(self.ports[int(port[0])]), text)

    def _shown(self, text: str) -> str:
        """Return what was printed with the ports and folders of a page."""
        for port, own in self.ports.items():
            text = re.sub(rf"(?<=:){own}\b", str(port), text)
        for line in LEFT_OUT:
            text = re.sub(rf"^{line}.*\n", "", text, flags=re.MULTILINE)
        return text.replace(str(self._root), HOME)

    def _command(self, block: Block, step: Step) -> None:
        self.between()
        command = self._own(step.command)
        ready = next((ready for start, ready in ENDLESS.items() if re.match(start, command)), None)
        if ready is not None:
            printed = self._start(command, ready, keep=block.keep_running)
        else:
            code, printed = self._shell(command)
            wanted = self.exit_codes.get(re.sub(r"\s+# .*", "", step.command), step.exit_code)
            assert code == wanted, f"$ {command}\n{printed}\nexit code {code}, not {wanted}"
        printed = self._shown(printed)
        if step.shown:
            self.printed.append((block, step, printed))

    def _shell(self, command: str) -> tuple[int, str]:
        """Run a command; its folder and environment are those of the next one."""
        script = (
            f"{command}\ncode=$?\npwd > '{self._root}/.cwd'\nenv -0 > '{self._root}/.env'\n"
            "exit $code"
        )
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.folder = Path((self._root / ".cwd").read_text().rstrip("\n"))
        pairs = (self._root / ".env").read_text().split("\0")
        self.environment = dict(pair.split("=", 1) for pair in pairs if pair)
        return done.returncode, done.stdout

    def _start(self, command: str, ready: str, *, keep: bool) -> str:
        """Start a command, read until it is ready; unless it is kept, press Ctrl-C."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # Ctrl-C ends it also where the tests run in the background of a shell.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            for place, name in enumerate(PORT_NAMES):
                if found := re.match(rf"\s*{name}\s+http://127\.0\.0\.1:(\d+)", line):
                    self.ports[9900 + place] = int(found[1])
            if ready in line:
                break
        else:
            process.wait()
            raise AssertionError(f"$ {command}\n{''.join(lines)}")
        if keep:
            self._background.append(process)
        else:
            self._interrupt(process)
        return "".join(lines)

    @staticmethod
    def _interrupt(process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    def _python(self, block: Block, source: str) -> None:
        code = compile("\n" * block.line + self._own(block.text), source, "exec")
        with self.patch.context() as patch:
            patch.chdir(self.folder)
            for name, value in self.environment.items():
                if name.startswith("FC_"):
                    patch.setenv(name, value)
            exec(code, vars(self._names))  # noqa: S102 -- running our own page is the test

    def _pytest(self, name: str) -> None:
        environment = {**self.environment, "FC_ASYNC_ENDPOINT": ""}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", name],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _template(self, block: Block) -> None:
        file = self.folder / f"block_{block.line}.yaml"
        file.write_text(whole(block.text), encoding="utf-8")
        project = s_yaml.load(file, environ=self.environment)
        findings = rules.check(rules.Context([project]))
        assert [finding for finding in findings if finding.severity == "error"] == []


def place(text: str) -> str | None:
    """Return the key of a template that a block begins with, None if it is not of a template."""
    plain = textwrap.dedent(text)
    if plain.startswith("edition"):
        return "edition"
    keys = re.findall(r"^([\w-]+):", plain, re.MULTILINE)
    return next((key for key in keys if key in PLACES), None)


def whole(text: str) -> str:
    """Return the template that a block is, or is a part of."""
    found = place(text)
    if found == "edition":
        return text
    assert found is not None
    around, columns = PLACES[found]
    return HEAD + around + textwrap.indent(textwrap.dedent(text), " " * columns)
