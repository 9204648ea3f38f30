# SPDX-License-Identifier: MIT
"""Paths of the service in texts of a function, as paths of this machine.

``/code`` is the code folder, ``/opt`` contains the layers, ``/var/fc/lang/python3.10/bin`` an
interpreter, and a mount point is a folder of :mod:`mounts`. Variables, commands and start scripts
name them. Code that opens such a path itself
finds it only in a mount namespace (:mod:`sandbox`).

Invariants:
    * A path that only begins with the same letters (``/codecs``), or is part of another path or of
      a URL, stays.
    * A path below ``/opt`` that no layer has is one of this machine, and stays.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.execution.machine import interpreters
from fc_async_local.execution.notices import warn_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.execution.mounts import Mount

_LOG: Final = logging.getLogger(__name__)

_OWN: Final = r"/(?:code|opt|var/fc/lang/(?P<language>[\w.+-]+)/bin)"
_BEGIN: Final = r"(?<![\w.~/$}-])"
_INSIDE: Final = r"(?P<inside>/[^\s:;,\"'`()<>|&$\\]*)?(?![\w.-])"
_PYTHON: Final = re.compile(r"python([0-9]+\.[0-9]+)")
_NODE: Final = re.compile(r"nodejs([0-9]+)")
_INTERPRETER: Final = re.compile(r"/python[0-9.]*|/node")
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_LONGEST_SCRIPT: Final = 64 * 1024
"""Ours: a text of a command may have 128 KB on Linux (execve(2), MAX_ARG_STRLEN)."""


class Folders(NamedTuple):
    """Unpacked code and layers of an instance.

    Attributes:
        code: The function's code.
        layers: Its layers, in order.
        mounts: What it mounts.
    """

    code: Path
    layers: tuple[Path, ...] = ()
    mounts: tuple[Mount, ...] = ()

    def all(self) -> tuple[Path, ...]:
        """Return the folder of the code and those of the layers."""
        return (self.code, *self.layers)


@functools.lru_cache(maxsize=256)
def _pattern(mounted: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds paths of the service, and mount points, of which a longer one is first."""
    longest_first = sorted(mounted, key=len, reverse=True)
    paths = "|".join([_OWN, *map(re.escape, longest_first)])
    return re.compile(f"{_BEGIN}(?P<place>{paths}){_INSIDE}")


class ServicePaths:
    """Maps the paths of one function.

    Args:
        function: Its name, for the log.
        code: Its code folder.
        layers: Its layers; the last one hides files of earlier ones.
        mounts: What it mounts.
    """

    def __init__(
        self,
        function: str,
        code: Path,
        layers: Sequence[Path] = (),
        mounts: Sequence[Mount] = (),
    ) -> None:
        self._function = function
        self._code = code
        self._layers = layers
        self._mounts = {mount.path: mount.folder for mount in mounts}
        self._place = _pattern(tuple(self._mounts))

    def text(self, text: str) -> str:
        """Return a text with the paths of this machine."""
        return self._place.sub(self._here, text) if "/" in text else text

    def command(self, command: Sequence[str]) -> list[str]:
        """Return a start command with the paths of this machine.

        A script of the code folder that names paths of the service itself is given to its shell as
        text: the file of the user stays as it is.
        """
        words = [self.text(part) for part in command]
        script = self._script(words[0])
        if script.startswith("#!") and script != self.text(script):
            # What the kernel does with the first line: a program, and at most one argument.
            line = script[2:].partition("\n")[0]
            words = [*self.text(line).split(None, 1), *words]
        return self._with_text(words)

    def _with_text(self, words: list[str]) -> list[str]:
        """Return a command in which a shell is given the mapped text of the script that it runs."""
        position = _position_of_script(words)
        if position is None:
            return words
        script = self._script(words[position])
        text = self.text(script)
        if text == script:
            return words
        # The path of the script is $0 of the text.
        return [*words[:position], "-c", text, *words[position:]]

    def _script(self, name: str) -> str:
        """Return the text of a script in the code folder; "" if it is not one."""
        file = self._code / name
        try:
            if not file.is_file() or file.stat().st_size > _LONGEST_SCRIPT:
                return ""
            if not file.resolve().is_relative_to(self._code.resolve()):
                return ""
            return file.read_text("utf-8")
        except (OSError, ValueError):
            return ""

    def _here(self, match: re.Match[str]) -> str:
        inside = match["inside"] or ""
        mounted = self._mounts.get(match["place"])
        if mounted is not None:
            return f"{mounted}{inside}"
        if match["language"]:
            return self._interpreter(match["language"], inside) or match[0]
        if match[0].startswith("/code"):
            return f"{self._code}{inside}"
        return self._in_layers(inside) or match[0]

    def _in_layers(self, inside: str) -> str:
        """Return where a path below ``/opt`` is on this machine; "" if it is nowhere.

        Args:
            inside: The path after ``/opt``; "": all layers.
        """
        paths = [f"{layer}{inside}" for layer in reversed(self._layers)]
        if not inside:
            return os.pathsep.join(paths)
        for path in paths:
            if os.path.lexists(path):
                return path
        # The public layers of languages, for custom runtimes, have this form.
        language, _, below = inside[1:].partition("/bin")
        is_folder = not below or below[0] == "/"
        interpreter = self._interpreter(language, below) if is_folder else ""
        if interpreter:
            return interpreter
        # Of other public layers, the programs of this machine are used.
        parent, _, name = inside.rpartition("/")
        if not name or not parent.endswith("/bin"):
            return ""
        return shutil.which(name) or ""

    def _interpreter(self, language: str, inside: str) -> str:
        """Return a path in the folder of an interpreter; "" if this machine has none."""
        program = self._program(language)
        if program is None:
            return ""
        if _INTERPRETER.fullmatch(inside):
            return str(program)
        is_python = _PYTHON.fullmatch(language) is not None
        if not inside and is_python and not (program.parent / language).exists():
            # A start script that looks for python3.10 by name found the shim of pyenv, or a Python
            # without the packages.
            return f"{interpreters.renamed(program, language)}{os.pathsep}{program.parent}"
        return f"{program.parent}{inside}"

    def _program(self, language: str) -> Path | None:
        """Return the interpreter of a version, or the one in its place; None if there is none."""
        python = _PYTHON.fullmatch(language)
        node = _NODE.fullmatch(language)
        interpreter: Path | None = None
        substitute: Path | None = None
        if python is not None:
            interpreter = self._python(python[1])
            substitute = Path(sys.executable)
        elif node is not None:
            interpreter = interpreters.find_node(node[1])
            substitute = interpreters.find_node()
        if interpreter is not None or substitute is None:
            return interpreter
        self._tell_substitute(language, substitute)
        return substitute

    def _tell_substitute(self, language: str, program: Path) -> None:
        """Log once that another interpreter than that of a language is used, and why."""
        python = _PYTHON.fullmatch(language)
        installed = interpreters.find_python(python[1]) if python else None
        reason = "which this machine does not have"
        if installed:
            # It would not have the packages of the developer's environment.
            reason = f"and no package of it was built for {installed}"
        # A function that fails on another version must not be a riddle.
        text = f"{self._function} names {language}, {reason}: {program} is used here"
        warn_once(_LOG, text, key=f"{self._function} {language}")

    def _python(self, version: str) -> Path | None:
        """Return a Python of a version: that of this runtime, or one that the packages need.

        Without packages that only the version can load, the Python of this runtime is as good, and
        it has the packages of the developer's environment.
        """
        interpreter = interpreters.find_python(version)
        if interpreter == Path(sys.executable):
            return interpreter
        major, minor = map(int, version.split("."))
        built = interpreters.have_packages_for(major, minor, (self._code, *self._layers))
        return interpreter if built else None


def _position_of_script(words: Sequence[str]) -> int | None:
    """Return where a command has the script that a shell runs; None if it runs none."""
    # env runs the shell that is named after it.
    shell = 1 if Path(words[0]).name == "env" and len(words) > 1 else 0
    if Path(words[shell]).name not in _SHELLS:
        return None
    for position in range(shell + 1, len(words)):
        if words[position] == "-c":
            return None  # the text of the script is here already
        if not words[position].startswith("-"):
            return position
    return None
