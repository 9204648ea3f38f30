# SPDX-License-Identifier: MIT
"""Python and Node of this machine, by version.

Invariants:
    * A found program is one of that version whatever the PATH of the function is: a name in
      ``shims`` of pyenv or nodenv depends on the folder, so it is not used.
    * This machine is searched once for each version.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_VERSION: Final = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)")
_SECONDS: Final = 10.0
_MOST_FILES: Final = 50_000
"""Ours: how many files of a code folder are looked at."""


def _installed(variable: str, usual: str, pattern: str) -> Iterator[Path]:
    """Yield what a version manager has installed, the newest first."""
    root = Path(os.environ.get(variable) or Path.home() / usual)
    yield from sorted(root.glob(pattern), key=lambda program: _numbers(str(program)), reverse=True)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]+", text)]


@functools.lru_cache(maxsize=32)
def find_python(version: str) -> Path | None:
    """Return a Python of a version; None if there is none.

    Args:
        version: Major and minor, such as ``3.10``.
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    name = f"python{version}"
    programs = [
        *_on_path(name),
        *_installed("PYENV_ROOT", ".pyenv", f"versions/{version}.*/bin/{name}"),
        *_installed(
            "UV_PYTHON_INSTALL_DIR", ".local/share/uv/python", f"cpython-{version}.*/bin/{name}"
        ),
    ]
    return next((program for program in programs if os.access(program, os.X_OK)), None)


@functools.lru_cache(maxsize=32)
def renamed(program: Path, name: str) -> Path:
    """Return a folder in which a program has another name, until this process ends.

    A link would not do: Python finds the packages of a virtual environment beside its own name.
    """
    folder = Path(tempfile.mkdtemp(prefix="fc-async-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / name
    file.write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@"\n', "utf-8")
    file.chmod(0o755)
    return folder


def have_packages_for(major: int, minor: int, folders: Iterable[Path]) -> bool:
    """Return whether a folder has modules that were compiled for a version of Python only."""
    return any(_has_packages_for(major, minor, folder) for folder in folders)


@functools.lru_cache(maxsize=256)
def _has_packages_for(major: int, minor: int, folder: Path) -> bool:
    compiled = re.compile(rf".+\.cpython-{major}{minor}-.+\.(?:so|dylib)")
    seen = 0
    for _, _, files in os.walk(folder):
        if any(compiled.fullmatch(name) for name in files):
            return True
        seen += len(files)
        if seen > _MOST_FILES:
            return False
    return False


@functools.lru_cache(maxsize=32)
def find_node(major: str = "") -> Path | None:
    """Return a Node of a version, the one on the PATH if possible; None if there is none.

    Args:
        major: Such as ``20``; "": any version.
    """
    on_path = _on_path("node")
    programs = [
        *(
            program
            for program in on_path
            if not major or node_version(program).partition(".")[0] == major
        ),
        *_installed("NVM_DIR", ".nvm", f"versions/node/v{major or '*'}.*/bin/node"),
        *_installed(
            "FNM_DIR", ".local/share/fnm", f"node-versions/v{major or '*'}.*/installation/bin/node"
        ),
        *_installed("NODENV_ROOT", ".nodenv", f"versions/{major or '*'}.*/bin/node"),
    ]
    return next((program for program in programs if os.access(program, os.X_OK)), None)


@functools.lru_cache(maxsize=32)
def node_version(node: Path) -> str:
    """Return what ``node --version`` says, without the ``v``; "" if it cannot be run."""
    try:
        completed = subprocess.run(  # noqa: S603 -- a program of the user's PATH
            [node, "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = _VERSION.match(completed.stdout)
    return match[1] if match else ""


def _on_path(name: str) -> list[Path]:
    program = shutil.which(name)
    # A shim of pyenv or nodenv picks its version by the folder in which it is called.
    return [Path(program)] if program and Path(program).parent.name != "shims" else []
