# SPDX-License-Identifier: MIT
"""Finds files that their language cannot read, before they are deployed.

Python is compiled, not run; JavaScript is read by ``node --check``. Other files count as right.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk.spec.runtimes import NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from fc_async_plugin.dev.sources import Source

_JAVASCRIPT: Final = frozenset({".js", ".mjs", ".cjs"})
_NODE_SECONDS: Final = 10.0
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
    found = (_check(source.runtime, path) for path in files)
    return [one for one in found if one is not None]


def handler_files(source: Source) -> Collection[Path]:
    """Return the files that may have the handler of a function: one of them exists."""
    if source.code is None or not source.code.is_dir():
        return ()
    module = source.handler.rpartition(".")[0]
    stem = module.replace(".", "/") if source.runtime in PYTHON else module
    endings = (".py",) if source.runtime in PYTHON else tuple(sorted(_JAVASCRIPT))
    files = (source.code / f"{stem}{ending}" for ending in endings)
    return [file for file in files if stem and file.is_file()]


def _check(runtime: str, path: Path) -> Broken | None:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        if runtime in PYTHON and path.suffix == ".py":
            return _python(path, path.read_bytes())
    except OSError:
        return None  # deleted meanwhile: another change follows
    if runtime in NODE and path.suffix in _JAVASCRIPT:
        return _javascript(path)
    return None


def _python(path: Path, code: bytes) -> Broken | None:
    try:
        compile(code, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        text = (error.text or "").rstrip("\n")
        return Broken(path, error.lineno or 0, error.msg, text, error.offset or 0)
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; too deep
        return Broken(path, 0, str(error) or type(error).__name__)
    return None


def _javascript(path: Path) -> Broken | None:
    node = _node()
    if node is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 -- node reads the file and runs nothing of it
            [node, "--check", str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_NODE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode == 0 else _of_node(path, done.stderr)


def _of_node(path: Path, said: str) -> Broken:
    """Read the message of node: place, line of the file, carets, an empty line, the error."""
    lines = said.splitlines()
    place = lines[0].rpartition(":")[2] if lines else ""
    message = next((line for line in lines if "Error: " in line), "it cannot be read")
    carets = lines[2] if len(lines) > 2 else ""  # noqa: PLR2004 -- as above
    return Broken(
        path,
        int(place) if place.isdigit() else 0,
        message.partition("Error: ")[2] or message,
        lines[1] if len(lines) > 1 else "",
        carets.find("^") + 1,
    )


@functools.lru_cache(maxsize=1)
def _node() -> str | None:
    return shutil.which("node")
