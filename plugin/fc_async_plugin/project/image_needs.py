# SPDX-License-Identifier: MIT
"""Finds what the commands of a Dockerfile install beside a file with requirements. Pure."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NEXT_COMMAND: Final = re.compile(r"&&|\|\||[;|\n]")
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[\w.,-]*\])?(?:[<>=!~].*)?")
_PACKAGE: Final = re.compile(r"[A-Za-z0-9@][\w.+:/@-]*")
_PIP: Final = ("pip", "pip3")
_OTHERS: Final = {
    "apt-get": ("install",),
    "apt": ("install",),
    "apk": ("add",),
    "yum": ("install",),
    "dnf": ("install",),
    "npm": ("install", "i", "add"),
}
"""Further programs that install packages, with the words that say so."""
_WITH_VALUE: Final = frozenset(
    [
        *("-r", "-c", "-i", "-f", "-t", "-e", "--requirement", "--constraint", "--index-url"),
        *("--extra-index-url", "--find-links", "--target", "--editable", "--trusted-host"),
        *("--prefix", "--root", "--timeout", "--default-timeout", "--retries", "--cache-dir"),
        *("--no-binary", "--only-binary", "--platform", "--python-version", "--registry"),
        "--virtual",
    ]
)
"""Options whose next word is not a package."""
_OF_PIP_ITSELF: Final = frozenset({"pip", "setuptools", "wheel"})


class Installed(NamedTuple):
    """Packages that a command installs by their names.

    Attributes:
        python: Requirements in Python.
        further: Packages of a system or of Node, each with the program that installs it.
    """

    python: tuple[str, ...] = ()
    further: tuple[str, ...] = ()


def installed_by_all(commands: Sequence[str]) -> Installed:
    """Return what all ``RUN`` lines of a Dockerfile install, each package once."""
    python: list[str] = []
    further: list[str] = []
    for command in commands:
        installed = installed_by(command)
        python += installed.python
        further += installed.further
    return Installed(tuple(dict.fromkeys(python)), tuple(dict.fromkeys(further)))


def installed_by(command: str) -> Installed:
    """Return what a ``RUN`` of a Dockerfile installs.

    Args:
        command: What stands behind ``RUN``: a line for a shell, or a list in JSON.
    """
    python: list[str] = []
    further: list[str] = []
    for words in _commands(command):
        for position, word in enumerate(words):
            program = word.rpartition("/")[2]
            verb, *arguments = _without_options(words[position + 1 :]) or [""]
            if program in _PIP and verb == "install":
                python += filter(_is_requirement, arguments)
            elif verb in _OTHERS.get(program, ()):
                names = filter(_PACKAGE.fullmatch, arguments)
                further += (f"{name} ({program})" for name in names)
    return Installed(tuple(python), tuple(further))


def _commands(command: str) -> Iterator[list[str]]:
    """Yield the words of each command of a line."""
    with contextlib.suppress(ValueError, TypeError):
        yield [*map(str, json.loads(command))]
        return
    for part in _NEXT_COMMAND.split(command):
        with contextlib.suppress(ValueError):  # a quotation mark is not closed in this part
            yield shlex.split(part)


def _without_options(words: Sequence[str]) -> list[str]:
    """Return the words of a command that are neither an option nor the value of one."""
    arguments: list[str] = []
    is_value = False
    for word in words:
        if is_value:
            is_value = False
        elif word.startswith("-"):
            is_value = word in _WITH_VALUE
        else:
            arguments.append(word)
    return arguments


def _is_requirement(word: str) -> bool:
    # Paths and URLs are not names, and "." is the project itself, which has its own rule.
    return _REQUIREMENT.fullmatch(word) is not None and word not in _OF_PIP_ITSELF
