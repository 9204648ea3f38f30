# SPDX-License-Identifier: MIT
"""Answers of the user to what runs on this machine before functions do: builds, installations.

Invariants:
    An answer counts for this user on this machine, and for what the user was shown: its key is
    signed (:mod:`fc_async_sdk._user_key`). A file of answers that came with a repository or was
    copied allows nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.prepare import node_packages
from fc_async_plugin.report.safe_text import visible
from fc_async_sdk import _project_folder, _user_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SAYS: Final = (
    node_packages.FILE,
    *node_packages.LOCKS,
    *node_packages.MANAGERS.values(),
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pnpmfile.cjs",
    "pnpm-workspace.yaml",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "poetry.lock",
    "uv.lock",
    "Dockerfile",
    "Makefile",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "build.rs",
    "Cargo.toml",
)
"""Files that say what builds and installations run: another content is another question."""
_SAYS_ALSO: Final = ("*requirements*.txt", "*constraints*.txt")


class Wish(NamedTuple):
    """Something that runs before functions do.

    Attributes:
        key: Key of its answer.
        text: What messages say of it, in one line and without values of variables.
        shown: Lines of the question, with everything that runs; empty: the text is all of it.
        runs: Whether it runs a program; otherwise it only reads values.
    """

    key: str
    text: str
    shown: tuple[str, ...] = ()
    runs: bool = True

    @property
    def question(self) -> list[str]:
        """The lines that the user is asked."""
        return [visible(line) for line in self.shown or (self.text,)]


def key_of(*parts: object) -> str:
    """Return the key of an answer.

    Raises:
        ConfigurationError: The user's key cannot be kept.
    """
    return _user_key.signature("answer", *parts)


def content_files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder that say what a build or an installation there does."""
    yield Path("fc-async.toml").absolute()
    yield from (folder / name for name in _SAYS)
    yield from (file for pattern in _SAYS_ALSO for file in folder.glob(pattern))


def content_of(files: Iterable[Path]) -> str:
    """Return a value that changes with the content of files, and with which of them exist."""
    digest = hashlib.sha256()
    for file in sorted({*files}):
        if file.is_file():
            content = file.read_bytes()
            digest.update(f"{file}\0{len(content)}\0".encode(errors="surrogateescape") + content)
    return digest.hexdigest()


class Answers(dict[str, str]):
    """The answers that were yes, by key: the state in which a command left its files, or "".

    Args:
        file: Where they are kept.

    Raises:
        ForeignFolder: The file is not this user's.
    """

    def __init__(self, file: Path = _project_folder.BUILDS) -> None:
        lines: list[str] = []
        _project_folder.check(file.parent)
        with contextlib.suppress(FileNotFoundError):
            lines = _project_folder.read_private(file).decode("ascii", "replace").splitlines()
        parts = (line.partition(" ") for line in lines)
        super().__init__({key: state for key, _, state in parts})
        self._file = file

    @property
    def folder(self) -> Path:
        """The folder of the file, which is for what else belongs to builds, too."""
        return self._file.parent

    def keep(self, states: Mapping[str, str]) -> None:
        """Keep answers, with the states in which the commands left their files."""
        self.update(states)
        _project_folder.make_private(self._file.parent)
        with _project_folder.replacing(self._file) as unfinished:
            lines = (f"{key} {state}\n" for key, state in sorted(self.items()))
            unfinished.write_text("".join(lines), "ascii")

    def new(self, wishes: Iterable[Wish]) -> list[Wish]:
        """Return what the user must be asked for, each once."""
        return list({wish.key: wish for wish in wishes if wish.key not in self}.values())
