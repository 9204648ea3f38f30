# SPDX-License-Identifier: MIT
"""Probes for what functions and commands need on this machine, and the words for what it lacks."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["program", "module", "layer"]


class Lack(NamedTuple):
    """Something that this machine does not have.

    Attributes:
        kind: What it is.
        name: Its name.
        where: What needs it, with its place; "" if the message names that already.
        remedy: What to do, an imperative sentence.
    """

    kind: Kind
    name: str
    where: str
    remedy: str

    @property
    def what(self) -> str:
        """The sentence without the remedy."""
        where = f"{self.where}: " if self.where else ""
        return f"{where}{self.name} is not on this machine"

    def __str__(self) -> str:
        """Return the sentence with what to do."""
        return f"{self.what}: {self.remedy}"


def program(
    name: str,
    where: str = "",
    *,
    path: str | None = None,
    folders: Iterable[str] = (),
    remedy: str = "install it",
) -> Lack | None:
    """Return what lacks if a program is not found; None if it is there.

    Args:
        name: The program.
        where: As of :class:`Lack`.
        path: Where it is looked for, as in the variable ``PATH``; None: that of this process.
        folders: Further folders.
        remedy: As of :class:`Lack`.
    """
    places = [*(os.get_exec_path() if path is None else path.split(os.pathsep)), *folders]
    if shutil.which(name, path=os.pathsep.join(places)):
        return None
    return Lack("program", name, where, remedy)
