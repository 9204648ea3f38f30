# SPDX-License-Identifier: MIT
"""Words for what this machine lacks: one sentence, and what to do. Pure.

:mod:`fc_async_plugin.prepare.lacks` finds out what is lacking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Kind = Literal["program", "interpreter", "engine", "module", "file", "service", "secret", "layer"]
_HOW: Final[dict[Kind, str]] = {
    # A file belongs to the project: no other machine has it either, unless it is built there.
    "file": "which does not exist",
    "secret": "for which there is no value here",
    "service": "which does not answer",
}
_SHOWN_NAMES: Final = 6


class Lack(NamedTuple):
    """Something that a function or a command needs and this machine does not have.

    Attributes:
        kind: What it is.
        name: Its name.
        use: What needs it and how, the beginning of a sentence: ``orders starts with``.
        where: The file and the line that say so; "" if none does.
        remedy: What to do: one command, or one imperative sentence.
    """

    kind: Kind
    name: str
    use: str
    where: str
    remedy: str

    @property
    def fault(self) -> str:
        """The sentence without place and remedy."""
        return f"{self.use} {self.name}, {_HOW.get(self.kind, 'which is not on this machine')}"

    @property
    def what(self) -> str:
        """The sentence with its place, without the remedy."""
        return f"{self.where}: {self.fault}" if self.where else self.fault

    def __str__(self) -> str:
        """Return the sentence with what to do."""
        return f"{self.what}: {self.remedy}"


def told(lacks: Iterable[Lack]) -> list[Lack]:
    """Return lacks for people: each once, and variables that have one remedy together."""
    names: dict[Lack, list[str]] = {}
    for lack in dict.fromkeys(lacks):
        key = lack._replace(name="") if lack.kind == "secret" else lack
        names.setdefault(key, []).append(lack.name)
    return [lack._replace(name=shortened(together)) for lack, together in names.items()]


def shortened(names: Sequence[str]) -> str:
    """Return names for a line; of many the first ones, with how many more there are."""
    more = len(names) - _SHOWN_NAMES
    shown = ", ".join(names[:_SHOWN_NAMES])
    return f"{shown} and {more} more" if more > 1 else ", ".join(names)
