# SPDX-License-Identifier: MIT
"""Answers of the user to what runs on this machine before functions do: builds, installations.

Invariants:
    An answer counts for this machine, a place and a text: a copied file of answers allows nothing.
"""

from __future__ import annotations

import hashlib
import platform
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_DONE: Final = " "
"""Between a key and the state of the files that the command left."""


class Wish(NamedTuple):
    """Something that runs before functions do.

    Attributes:
        key: Key of its answer.
        text: What the user is shown, in one line.
    """

    key: str
    text: str


def key_of(*parts: object) -> str:
    """Return the key of an answer."""
    return hashlib.sha256("\0".join([platform.node(), *map(str, parts)]).encode()).hexdigest()


class Answers:
    """The answers that were yes, in a file.

    Args:
        file: Where they are kept.
    """

    def __init__(self, file: Path = _project_folder.BUILDS) -> None:
        self._file = file
        lines = file.read_text().splitlines() if file.is_file() else []
        parts = (line.partition(_DONE) for line in lines)
        self._states = {key: state for key, _, state in parts}

    def __contains__(self, key: str) -> bool:
        """Return whether the user has allowed what a key stands for."""
        return key in self._states

    def state(self, key: str) -> str:
        """Return the state in which a command left its files; "" if it never succeeded."""
        return self._states.get(key, "")

    def keep(self, states: dict[str, str]) -> None:
        """Keep answers, with the states in which the commands left their files."""
        if states:
            self._states |= states
            _project_folder.make_private(self._file.parent)
            lines = [f"{key}{_DONE}{state}\n" for key, state in sorted(self._states.items())]
            self._file.write_text("".join(lines))

    def new(self, wishes: Iterable[Wish]) -> list[Wish]:
        """Return what the user must be asked for."""
        return [one for one in wishes if one.key not in self]
