# SPDX-License-Identifier: MIT
"""Finds files that their language cannot read, before they are deployed.

Python is compiled, not run; JavaScript is read by a process of Node, which also tells the modules
that a function lacks. Other files count as right.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import select
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.project.code import handler_names
from fc_async_sdk.spec.runtimes import NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from fc_async_plugin.project.sources import Source

_JAVASCRIPT: Final = frozenset({".js", ".mjs", ".cjs"})
_NODE_SECONDS: Final = 10.0
_SCRIPT: Final = Path(__file__).with_name("check_syntax.js")
_MAX_BYTES: Final = 4 * 1024 * 1024
"""Larger files are not checked: they are generated."""


class Broken(NamedTuple):
    """A file that cannot be read.

    Attributes:
        path: The file.
        line: Where, from 1; 0 if it is not known.
        message: What is wrong.
        source: The line of the file, "" if it is not known.
        column: Where in the line, from 1; 0 if it is not known.
    """

    path: Path
    line: int
    message: str
    source: str = ""
    column: int = 0


def check(source: Source, files: Iterable[Path]) -> list[Broken]:
    """Return which of some files of a function are broken."""
    results = (_check(source.runtime, path) for path in files)
    return [broken for broken in results if broken is not None]


def handler_files(source: Source) -> Collection[Path]:
    """Return the files that may have the handler of a function: one of them exists."""
    if source.code is None or not source.code.is_dir():
        return ()
    files = (source.code / name for name in handler_names(source.runtime, source.handler))
    return [file for file in files if file.is_file()]


def absent_modules(source: Source) -> dict[str, str]:
    """Return what the modules of a function for Node load and lack, each with file and line.

    Packages are named without what is inside of them. Those of Node itself do not count.
    """
    files = handler_files(source) if source.runtime in NODE else ()
    root = Path(os.path.abspath(source.code or "."))  # noqa: PTH100 -- links stay, as in files
    layers = [str(layer) for layer in source.layers]
    modules: dict[str, str] = {}
    for file in files:
        request = {"file": os.path.abspath(file), "root": str(root), "layers": layers}  # noqa: PTH100 -- as above
        modules |= _checker().ask(request) or {}
    return modules


def _check(runtime: str, path: Path) -> Broken | None:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        if runtime in PYTHON and path.suffix == ".py":
            return _python(path, path.read_bytes())
    except OSError:
        return None  # deleted meanwhile: another change follows
    if runtime not in NODE or path.suffix not in _JAVASCRIPT:
        return None
    output = _checker().ask(str(path))
    return _of_node(path, output) if output else None


def _python(path: Path, code: bytes) -> Broken | None:
    try:
        # Under a name of its own: the error has the line of this code, not of a later save.
        compile(code, f"<{path}>", "exec", dont_inherit=True)
    except SyntaxError as error:
        text = (error.text or "").rstrip("\n")
        return Broken(path, error.lineno or 0, error.msg, text, error.offset or 0)
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; too deep
        return Broken(path, 0, str(error) or type(error).__name__)
    return None


class NodeChecker:
    """A process of Node that reads files, started when the first file is checked.

    A file counts as right if there is no Node, or if it does not answer.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def ask(self, request: object) -> Any:
        """Return the answer to a request of the script, "" if there is none."""
        process = self._running()
        if process is None or process.stdin is None or process.stdout is None:
            return ""
        with contextlib.suppress(OSError, ValueError):
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            if select.select([process.stdout], [], [], _NODE_SECONDS)[0]:
                return json.loads(process.stdout.readline())
        self.close()  # what it says later would be taken for the answer to another file
        return ""

    def _running(self) -> subprocess.Popen[bytes] | None:
        if self._process is None or self._process.poll() is not None:
            self.close()
            node = shutil.which("node")
            if node is None:
                return None
            self._process = subprocess.Popen(  # noqa: S603 -- our own script, no shell
                [node, "--experimental-vm-modules", "--no-warnings", str(_SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with process:  # closes the pipes and waits
                pass


def end_checker() -> None:
    """End the process that reads JavaScript, if it runs; the next file starts another."""
    _checker().close()


@functools.lru_cache(maxsize=1)
def _checker() -> NodeChecker:
    return NodeChecker()


def _of_node(path: Path, output: str) -> Broken:
    """Read the message of node: place, line of the file, carets, an empty line, the error."""
    lines = output.splitlines()
    number = lines[0].rpartition(":")[2] if lines else ""
    message = next((line for line in lines if "Error: " in line), "it cannot be read")
    carets = lines[2] if len(lines) > 2 else ""  # noqa: PLR2004 -- as above
    return Broken(
        path,
        int(number) if number.isdigit() else 0,
        message.partition("Error: ")[2] or message,
        lines[1] if len(lines) > 1 else "",
        carets.find("^") + 1,
    )
